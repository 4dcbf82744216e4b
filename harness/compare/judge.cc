// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/judge.h"

#include <algorithm>
#include <array>

#include "harness/base/check.h"
#include "harness/compare/behaviour.h"
#include "harness/rules/batch_plan.h"
#include "harness/rules/interpret.h"

namespace diffvisor::compare {
namespace {

rules::EditedRules edited(const rules::RuleSet& set, const std::vector<rules::RowEdit>& base,
                          const std::vector<Known>& entries, std::size_t skip) {
  rules::EditedRules out(set, base);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == skip) continue;
    for (const rules::RowEdit& e : entries[i].edits) out.add(e);
  }
  return out;
}

constexpr std::size_t kNone = ~std::size_t{0};

std::uint64_t loose_bits(const Observation& o, std::size_t slot) {
  std::uint64_t bits = 0;
  for (const Loose& l : o.loose)
    if (l.slot == slot) bits |= l.bits;
  return bits;
}

}  // namespace

std::string_view verdict_name(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::Agree:
      return "agree";
    case VerdictKind::Divergence:
      return "divergence";
    case VerdictKind::Known:
      return "known";
    case VerdictKind::SpecUnclear:
      return "spec_unclear";
    case VerdictKind::Incomparable:
      return "incomparable";
    case VerdictKind::ExecutorDied:
      return "executor_died";
  }
  return "";
}

Deltas::Deltas(const rules::RuleSet& set, std::vector<Known> entries)
    : entries_(std::move(entries)), all_(edited(set, {}, entries_, kNone)) {
  CHECK(entries_.size() <= kMostEntries);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    without_.push_back(edited(set, {}, entries_, i));
    alone_.emplace_back(set, entries_[i].edits);
  }
}

bool Deltas::anything_fires(const std::uint64_t* v, const rules::Survey& plain) const {
  if (!(all_.survey(v, plain).broken == plain.broken)) return true;
  for (const rules::RowEdit& e : all_.edits())
    if ((e.outcome || e.phase) && plain.broken.test(e.row)) return true;
  return false;
}

bool Deltas::fires(std::size_t i, const std::uint64_t* v, const rules::Survey& plain) const {
  const rules::Survey s = alone_[i].survey(v, plain);
  if (!(s.broken == plain.broken)) return true;
  for (const rules::RowEdit& e : entries_[i].edits)
    if ((e.outcome || e.phase) && plain.broken.test(e.row)) return true;
  return false;
}

Judge::Judge(const Domain& domain, std::vector<Known> known, const std::vector<rules::RowEdit>& quirk,
             std::vector<std::string> variants)
    : domain_(&domain),
      table_(*domain.rules, quirk),
      known_(std::move(known)),
      quirk_(quirk),
      variants_(std::move(variants)) {
  for (const Known& k : known_)
    if (k.executor == "*") unclear_.push_back(k);
}

std::size_t Judge::add_executor(const ExecutorInfo& info) {
  std::vector<Known> mine = known_for(known_, info.name, info.version);
  // The quirk lies under the deltas: they describe the executor's difference from a table that is right.
  for (Known& k : mine)
    if (!quirk_.empty()) k.edits.insert(k.edits.begin(), quirk_.begin(), quirk_.end());
  deltas_.emplace_back(*domain_->rules, std::move(mine));
  unclear_tables_.emplace_back();
  // How a retold program reads the manual is known: that is what its deltas are for.
  if (info.trust != Trust::Transcription) {
    for (const Known& k : unclear_) {
      rules::EditedRules table = deltas_.back().all();
      for (const rules::RowEdit& e : k.edits) table.add(e);
      unclear_tables_.back().push_back(std::move(table));
    }
  }
  counts_.emplace_back(deltas_.back().entries().size());
  return deltas_.size() - 1;
}

Reading Judge::read(const Case& c) const {
  rules::Survey plain;
  domain_->rules->survey(c.v.data(), plain);
  return reading(c, plain);
}

void Judge::read(std::span<const Case> cases, std::span<Reading> out) const {
  CHECK(cases.size() == out.size());
  std::array<const std::uint64_t*, rules::kBatch> values;
  std::array<rules::Survey, rules::kBatch> surveys;
  for (std::size_t first = 0; first < cases.size(); first += rules::kBatch) {
    const std::size_t n = std::min(rules::kBatch, cases.size() - first);
    for (std::size_t i = 0; i < n; ++i) values[i] = cases[first + i].v.data();
    rules::survey_batch(*domain_->rules, std::span(values).first(n), surveys.data());
    for (std::size_t i = 0; i < n; ++i) out[first + i] = reading(cases[first + i], surveys[i]);
  }
}

Reading Judge::reading(const Case& c, const rules::Survey& plain) const {
  Reading r{plain, {}};
  if (table_.edited()) r.survey = table_.survey(c.v.data(), r.survey);
  r.ruling = table_.ruling(c.v.data(), r.survey);
  return r;
}

std::string_view Judge::limit(const Case& c, const Reading& r, std::size_t executor) const {
  const rules::EditedRules& edited = deltas_[executor].all();
  if (!edited.edited()) return limit(r);
  return limit(Reading{{}, edited.ruling(c.v.data(), edited.survey(c.v.data(), r.survey))});
}

std::string_view Judge::limit(const Reading& r) const {
  std::string_view id;
  r.ruling.deciders.each([&](std::size_t i) {
    if (domain_->rules->rows[i].kind == rules::Kind::Limit && id.empty()) id = domain_->rules->rows[i].id;
  });
  return id;
}

const Known* Judge::known_death(const Case& c, const Reading& r, std::size_t executor) const {
  const Deltas& d = deltas_[executor];
  if (domain_->behaviour != nullptr) return behaviour_death(*domain_->behaviour, d.entries(), c);
  for (const Known& k : d.entries()) {
    if (!k.dies || !rules::holds(*k.dies, c.v.data(), domain_->rules->functions)) continue;
    if (d.all().ruling(c.v.data(), d.all().survey(c.v.data(), r.survey)).phase >= k.dies_from) return &k;
  }
  return nullptr;
}

std::string_view Judge::refusal(const Case& c, const Reading& r, std::size_t executor) const {
  if (const auto everybody = limit(r); !everybody.empty()) return everybody;
  if (known_death(c, r, executor) != nullptr) return "known_death";
  return limit(c, r, executor);
}

bool Judge::matches(const rules::EditedRules& rules, const rules::Ruling& ruling, rules::Outcome seen) const {
  bool match = false;
  ruling.deciders.each([&](std::size_t i) { match |= domain_->observation->outcome_matches(rules.outcome(i), seen); });
  return match;
}

bool Judge::accepts(const rules::EditedRules& rules, const Case& c, const Reading& r, rules::Outcome seen) const {
  return matches(rules, rules.ruling(c.v.data(), rules.survey(c.v.data(), r.survey)), seen);
}

std::optional<std::size_t> Judge::first_difference(const Observation& a, const Observation& b) {
  if (a.outcome != b.outcome) return kMaxRecord;
  for (std::size_t w = 0; w < SlotSet::kWords; ++w) {
    std::uint64_t both = a.defined.word(w) & b.defined.word(w);
    const std::size_t first = 64 * w, n = std::min<std::size_t>(64, kMaxRecord - first);
    if (std::equal(&a.record[first], &a.record[first] + n, &b.record[first])) continue;
    for (; both != 0; both &= both - 1) {
      const auto i = first + static_cast<std::size_t>(std::countr_zero(both));
      const std::uint64_t differing = a.record[i] ^ b.record[i];
      if (differing != 0 && (differing & ~(loose_bits(a, i) | loose_bits(b, i))) != 0) return i;
    }
  }
  return std::nullopt;
}

Verdict Judge::judge(const Case& c, const Reading& r, std::size_t executor, const Observation& seen,
                     const Observation* reference) {
  if (seen.status == Status::Incomparable) return {VerdictKind::Incomparable, seen.reason, {}};
  if (seen.status == Status::Died) return {VerdictKind::ExecutorDied, seen.reason, {}};
  if (domain_->rules->rows.empty()) return judge_behaviour(c, executor, seen, reference);
  const bool plain = matches(table_, r.ruling, seen.outcome);
  const Deltas& d = deltas_[executor];
  if (d.entries().empty()) {
    if (plain) return {VerdictKind::Agree, {}, {}};
  } else {
    const Verdict v = judge_known(c, r, executor, seen.outcome, plain);
    if (v.kind != VerdictKind::Divergence) return v;
  }
  for (std::size_t i = 0; i < unclear_tables_[executor].size(); ++i)
    if (accepts(unclear_tables_[executor][i], c, r, seen.outcome))
      return {VerdictKind::SpecUnclear, unclear_[i].id, {}};
  return {VerdictKind::Divergence, {}, {}};
}

Verdict Judge::judge_behaviour(const Case& c, std::size_t executor, const Observation& seen,
                               const Observation* reference) {
  if (reference == nullptr) return {VerdictKind::Incomparable, "no_reference", {}};
  if (reference->status != Status::Ran) return {VerdictKind::Incomparable, reference->reason, {}};
  if (!first_difference(*reference, seen)) return {VerdictKind::Agree, {}, {}};
  if (domain_->behaviour == nullptr || deltas_[executor].entries().empty()) return {VerdictKind::Divergence, {}, {}};
  const Verdict v = judge_deltas({*domain_->behaviour, deltas_[executor].entries(), variants_}, c, seen, *reference);
  if (v.decided.any())
    for (std::size_t i = 0; i < counts_[executor].size(); ++i) counts_[executor][i].decided += v.decided[i];
  return v;
}

Observation Judge::nearest(const Case& c, std::size_t executor, const Observation& seen,
                           const Observation& reference) const {
  const bool any = domain_->behaviour != nullptr && !deltas_[executor].entries().empty();
  if (!any || reference.status != Status::Ran || seen.status != Status::Ran) return reference;
  return compare::nearest({*domain_->behaviour, deltas_[executor].entries(), variants_}, c, seen, reference);
}

bool Judge::agrees_as_known(const Case& c, std::size_t executor, const Observation& seen,
                            const Observation& reference) const {
  const bool any = domain_->behaviour != nullptr && !deltas_[executor].entries().empty();
  if (!any || reference.status != Status::Ran || seen.status != Status::Ran) return false;
  return is_as_known({*domain_->behaviour, deltas_[executor].entries(), variants_}, c, seen, reference);
}

VerdictKind Judge::verdict(const Case& c, const Reading& r, std::size_t executor, const Observation& seen,
                           const Observation* reference) {
  const std::vector<KnownCount> kept = counts_[executor];
  const VerdictKind kind = judge(c, r, executor, seen, reference).kind;
  counts_[executor] = kept;
  return kind;
}

Verdict Judge::judge_known(const Case& c, const Reading& r, std::size_t executor, rules::Outcome seen, bool plain) {
  const Deltas& d = deltas_[executor];
  auto& counts = counts_[executor];
  EntrySet fired;
  if (d.anything_fires(c.v.data(), r.survey))
    for (std::size_t i = 0; i < d.entries().size(); ++i)
      if (d.fires(i, c.v.data(), r.survey)) fired.set(i);
  if (fired.none()) return {plain ? VerdictKind::Agree : VerdictKind::Divergence, {}, {}};
  const bool match = accepts(d.all(), c, r, seen);
  EntrySet decided;
  for (std::size_t i = 0; i < d.entries().size(); ++i) {
    if (!fired[i]) continue;
    decided[i] = match && !plain && !accepts(d.without(i), c, r, seen);
    ++(decided[i] ? counts[i].decided : counts[i].fired);
  }
  if (!match) return {VerdictKind::Divergence, {}, {}};
  return {plain ? VerdictKind::Agree : VerdictKind::Known, {}, decided};
}

}  // namespace diffvisor::compare
