// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/classify.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/rules/edit.h"
#include "harness/rules/interpret.h"

namespace diffvisor::rules {
namespace {

constexpr unsigned kAloneAttempts = 600;
constexpr unsigned kTogetherAttempts = 60;
constexpr std::size_t kBases = 64;

class Classifier {
 public:
  Classifier(const RuleSet& set, const Schema& schema, std::uint16_t profile, Normalise normalise)
      : set_(set), schema_(schema), normalise_(normalise), locks_(base_locks(schema)), facts_(fact_bits(schema)) {
    const Case golden = golden_case(schema, profile);
    for (std::size_t i = 0; i < kBases; ++i) bases_.push_back(varied(golden, i));
  }

  Classified classify(std::size_t row) {
    Classified out;
    out.row = row;
    if (find_alone(row, out)) return out;
    find_companions(row, out);
    return out;
  }

 private:
  // Golden with the context choices and a number of random bits set, made valid again; base 0 is golden itself.
  Case varied(const Case& golden, std::size_t i) const {
    Case c = golden;
    Rng rng(0x636c617373, i);
    for (const Field& f : schema_.fields)
      if (f.role == Role::Context && i > 0 && rng.one_in(3)) c.v[f.slot] = rng.next() & ones(f.width);
    reset_to_golden(c);
    for (std::size_t n = 0; n < i; ++n) {
      const Slot s = static_cast<Slot>(rng.below(schema_.slots));
      c.v[s] ^= (std::uint64_t{1} << rng.below(64)) & ~locks_[s];
    }
    return satisfy_all(set_, c.v.data(), locks_, rng, normalise_) ? c : golden;
  }

  bool find_alone(std::size_t row, Classified& out) {
    for (unsigned attempt = 0; attempt < kAloneAttempts; ++attempt) {
      Rng rng(row, attempt);
      Case broken = bases_[attempt % (attempt < 4 ? 1 : bases_.size())];
      if (!violate(set_, row, broken.v.data(), locks_, rng, normalise_)) continue;
      Case valid = broken;
      const bool twin = mend_only(set_, row, valid.v.data(), locks_, facts_, rng, normalise_);
      if (!twin && attempt + 1 < kAloneAttempts && attempt < 200) {
        if (!out.witness) out.witness = broken;
        continue;
      }
      out.cls = Class::Alone;
      out.witness = broken;
      if (twin) out.valid = valid;
      return true;
    }
    if (!out.witness) return false;
    out.cls = Class::Alone;
    return true;
  }

  // Breaks the row whatever else breaks, mends the rest as far as it goes, and sees what always stays broken too.
  void find_companions(std::size_t row, Classified& out) {
    RuleBits always;
    std::size_t fewest = kMaxRules, seen = 0;
    for (unsigned attempt = 0; attempt < kTogetherAttempts; ++attempt) {
      Rng rng(row, attempt + 1000u);
      Case c = bases_[attempt % bases_.size()];
      const auto rest = break_anyhow(row, c, rng);
      if (!rest) continue;
      if (seen++ == 0) always = *rest;
      always &= *rest;
      if (rest->count() < fewest) {
        fewest = rest->count();
        out.witness = c;
      }
    }
    always.reset(row);
    if (seen == 0) {
      out.reason = "no state of this profile breaks it";
      return;
    }
    conclude(always, out);
  }

  std::optional<RuleBits> break_anyhow(std::size_t row, Case& c, Rng& rng) const {
    const Case before = c;
    const Rule& r = set_.rows[row];
    if (!make(r.when, c.v.data(), locks_, true, rng, set_.functions)) return std::nullopt;
    if (!make(r.must, c.v.data(), locks_, false, rng, set_.functions)) return std::nullopt;
    if (!holds(r.when, c.v.data(), set_.functions)) return std::nullopt;
    Locks held = locks_;
    for (std::size_t s = 0; s < kMaxSlots; ++s) held[s] |= c.v[s] ^ before.v[s];
    RuleBits skip;
    skip.set(row);
    satisfy_all(set_, c.v.data(), held, rng, normalise_, skip, 24);
    if (normalise_ != nullptr) normalise_(c.v.data());
    Survey s;
    set_.survey(c.v.data(), s);
    if (!s.broken.test(row)) return std::nullopt;
    RuleBits rest;
    s.broken.each([&](std::size_t i) {
      if (set_.rows[i].kind == Kind::Check && set_.rows[i].phase <= r.phase) rest.set(i);
    });
    return rest;
  }

  void conclude(const RuleBits& always, Classified& out) const {
    always.each([&](std::size_t i) {
      if (!out.by || (is_capability(*out.by) < is_capability(i))) out.by = i;
    });
    if (!out.by) {
      out.cls = Class::Implied;
      out.reason = "never alone in the search, and with no single companion";
      return;
    }
    const std::string name = rule_name(set_.rows[*out.by]);
    if (is_capability(*out.by)) {
      out.witness.reset();
      out.reason = fmt::format("needs a bit that {} forbids in this profile", name);
    } else {
      out.cls = Class::Implied;
      out.reason = fmt::format("{} is broken whenever it is", name);
    }
  }

  // A row that compares a control with what the profile offers.
  bool is_capability(std::size_t i) const {
    const Node& n = set_.rows[i].must.root();
    return (n.op == Op::SubsetOf || n.op == Op::Covers) && field_of_slot(schema_, n.b.slot).role == Role::Capability;
  }

  const RuleSet& set_;
  const Schema& schema_;
  Normalise normalise_;
  Locks locks_;
  Locks facts_;
  std::vector<Case> bases_;
};

}  // namespace

std::string_view class_name(Class c) {
  switch (c) {
    case Class::Alone:
      return "alone";
    case Class::Implied:
      return "implied";
    case Class::Unreachable:
      return "unreachable";
  }
  return "";
}

std::vector<Classified> classify(const RuleSet& set, const Schema& schema, std::uint16_t profile, Normalise normalise) {
  Classifier classifier(set, schema, profile, normalise);
  std::vector<Classified> out;
  for (std::size_t i = 0; i < set.rows.size(); ++i)
    if (set.rows[i].kind == Kind::Check) out.push_back(classifier.classify(i));
  return out;
}

}  // namespace diffvisor::rules
