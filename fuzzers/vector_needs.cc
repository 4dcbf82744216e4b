// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vector_needs.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "harness/base/bits.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

using Reason = tl::unexpected<std::string>;
using Done = tl::expected<void, std::string>;

tl::expected<std::vector<OutcomePattern>, std::string> accepted_of(const VectorReading& reading, const Vector& v) {
  std::vector<OutcomePattern> out;
  if (!reading.add_accepted(out, v.expect, v.qual))
    return Reason(fmt::format("cannot read the expectation '{}'", v.expect));
  for (const std::string& other : v.alt)
    if (!reading.add_accepted(out, other, std::nullopt))
      return Reason(fmt::format("cannot read the alternative '{}'", other));
  return out;
}

struct NamedNeed {
  std::string_view text;
  Need need;
};
using NamedNeeds = std::vector<NamedNeed>;

tl::expected<NamedNeeds, std::string> needs_of(const VectorReading& reading, const Vector& v) {
  NamedNeeds out;
  for (const std::string& text : v.needs) {
    Need need = reading.parse_need(text);
    if (need.empty()) return Reason(fmt::format("cannot build a profile: '{}' is not understood", text));
    out.push_back({text, std::move(need)});
  }
  return out;
}

const NamedNeed* first_unmet(const VectorReading& reading, const NamedNeeds& needs, const std::uint64_t* v) {
  const auto it =
      std::ranges::find_if(needs, [&](const NamedNeed& n) { return !need_is_met(reading.context, n.need, v); });
  return it == needs.end() ? nullptr : &*it;
}

// The named profile that lacks least; the first of equals.
std::uint16_t nearest_profile(const VectorReading& reading, const NamedNeeds& needs) {
  std::uint16_t best = 0;
  std::size_t fewest = needs.size() + 1;
  for (std::uint16_t p = 0; p < reading.schema().profiles.size(); ++p) {
    const auto v = profile_values(reading.schema(), p);
    const auto unmet = static_cast<std::size_t>(std::ranges::count_if(
        needs, [&](const NamedNeed& n) { return !need_is_met(reading.context, n.need, v.data()); }));
    if (unmet < fewest) fewest = unmet, best = p;
  }
  return best;
}

Done fit_profile(const VectorReading& reading, const NamedNeeds& needs, std::uint64_t* v) {
  for (const NamedNeed& n : needs)
    for (const NeedCondition& c : n.need)
      if (c.slot != reading.context) c.make_true(v);
  if (const NamedNeed* n = first_unmet(reading, needs, v))
    return Reason(fmt::format("cannot build a profile: '{}' contradicts the other needs", n->text));
  if (!reading.is_coherent(v)) return Reason("cannot build a profile: no processor meets the needs");
  return {};
}

// The golden case on which the vector is built.
Case start_of(const VectorReading& reading, std::uint16_t profile, const NamedNeeds& needs) {
  Case c = golden_case(reading.schema(), profile);
  reading.prepare(c.v.data());
  for (const NamedNeed& n : needs)
    for (const NeedCondition& condition : n.need)
      if (condition.slot == reading.context) condition.make_true(c.v.data());
  return c;
}

char folded(char ch) { return static_cast<char>(std::tolower(static_cast<unsigned char>(ch))); }

// Case, underscores, dashes and blanks do not matter in names.
std::string plain(std::string_view name) {
  std::string out;
  for (const char ch : name)
    if (ch != '_' && ch != '-' && ch != ' ') out += folded(ch);
  return out;
}

}  // namespace

bool NeedCondition::met(const std::uint64_t* v) const {
  const std::uint64_t now = v[slot] >> lo & ones(width);
  switch (relation) {
    case Relation::Equal:
      return now == value;
    case Relation::AtLeast:
      return now >= value;
    case Relation::AtMost:
      return now <= value;
    case Relation::Includes:
      return (value & ~now) == 0;
  }
  return false;
}

void NeedCondition::make_true(std::uint64_t* v) const {
  if (met(v)) return;
  const std::uint64_t mask = ones(width) << lo, now = v[slot] >> lo & ones(width);
  const std::uint64_t wanted = relation == Relation::Includes ? now | value : value;
  v[slot] = (v[slot] & ~mask) | (wanted << lo & mask);
}

NeedCondition need_bits(Slot slot, unsigned hi, unsigned lo, NeedCondition::Relation relation, std::uint64_t value) {
  return {slot, static_cast<std::uint8_t>(lo), static_cast<std::uint8_t>(hi - lo + 1), relation, value};
}
NeedCondition need_bit(Slot slot, unsigned bit, bool on) {
  return need_bits(slot, bit, bit, NeedCondition::Relation::Equal, on ? 1 : 0);
}

bool need_is_met(Slot context, const Need& need, const std::uint64_t* v) {
  return std::ranges::all_of(need, [&](const NeedCondition& c) { return c.slot == context || c.met(v); });
}

Need unsupported_cr4_bit(std::string_view text, Slot mask) {
  constexpr std::string_view kHead = "CR4_bit", kTail = "_unsupported";
  if (!text.starts_with(kHead) || !text.ends_with(kTail) || text.size() <= kHead.size() + kTail.size()) return {};
  const auto bit = parse_number(text.substr(kHead.size(), text.size() - kHead.size() - kTail.size()));
  return bit && *bit < 64 ? Need{need_bit(mask, static_cast<unsigned>(*bit), false)} : Need{};
}

bool same_name(std::string_view a, std::string_view b) { return plain(a) == plain(b); }

std::optional<std::uint32_t> number_in(std::string_view text, std::string_view head) {
  if (!text.starts_with(head) || !text.ends_with(')')) return std::nullopt;
  const auto n = parse_number(text.substr(head.size(), text.size() - head.size() - 1));
  return n && *n < 0xffff ? std::optional(static_cast<std::uint32_t>(*n)) : std::nullopt;
}

void accept_entry(std::vector<OutcomePattern>& out, rules::Outcome known, rules::Outcome open) {
  out.push_back({known});
  out.push_back({open});
}

tl::expected<VectorCase, VectorProblem> build_vector(const VectorReading& reading, const Vector& v,
                                                     const VectorProfile& on) {
  const auto accepted = accepted_of(reading, v);
  if (!accepted) return tl::unexpected(VectorProblem{false, accepted.error()});
  const auto needs = needs_of(reading, v);
  if (!needs) return tl::unexpected(VectorProblem{false, needs.error()});
  Case start = start_of(reading, on.profile ? *on.profile : nearest_profile(reading, *needs), *needs);
  if (on.fixed) {
    if (const NamedNeed* n = first_unmet(reading, *needs, start.v.data()))
      return tl::unexpected(VectorProblem{true, fmt::format("the profile does not meet {}", n->text)});
  } else if (const auto fits = fit_profile(reading, *needs, start.v.data()); !fits) {
    return tl::unexpected(VectorProblem{false, fits.error()});
  }
  reset_to_golden(start);
  auto c = reading.build_case(v, std::move(start));
  if (!c) return tl::unexpected(VectorProblem{false, c.error()});
  return VectorCase{std::move(*c), *accepted};
}

}  // namespace diffvisor
