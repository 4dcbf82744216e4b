// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/behaviour.h"

#include <array>
#include <bit>

#include "harness/rules/interpret.h"

namespace diffvisor::compare {
namespace {

using Action = BehaviourDelta::Action;
using Facts = std::array<std::uint64_t, kMaxSlots>;

bool holds(const BehaviourDelta& d, const Facts& facts) { return !d.when || rules::holds(*d.when, facts.data(), {}); }

Observation masked(Observation o, const BehaviourDelta& d) {
  for (const Loose& l : d.ignores) o.record[l.slot] &= ~l.bits;
  return o;
}

// The reference with the variants named by bits of `which`.
Observation expectation(const BehaviourDeltas& d, std::uint64_t which, const Case& c, const Observation& reference) {
  std::vector<std::string> variants = d.variants;
  for (std::size_t i = 0; i < d.entries.size(); ++i)
    if ((which >> i & 1) != 0 && d.entries[i].behaviour->action == Action::Variant)
      variants.push_back(d.entries[i].behaviour->variant);
  return variants.size() == d.variants.size() ? reference : d.behaviour.run_variant(c, variants);
}

// What was seen is what the reference does with the masks and variants named by bits of `which`.
bool explains(const BehaviourDeltas& d, std::uint64_t which, const Case& c, const Observation& seen,
              const Observation& reference) {
  const std::vector<Known>& entries = d.entries;
  Observation expected = expectation(d, which, c, reference);
  if (expected.status != Status::Ran) return false;
  Observation got = seen;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if ((which >> i & 1) == 0 || entries[i].behaviour->action != Action::Ignores) continue;
    expected = masked(expected, *entries[i].behaviour);
    got = masked(got, *entries[i].behaviour);
  }
  return !Judge::first_difference(expected, got);
}

// The entry by which the executor cannot judge the case; null if there is none.
const Known* inability(const std::vector<Known>& entries, const Facts& facts) {
  for (const Known& k : entries)
    if (k.behaviour && k.behaviour->action == Action::CannotJudge && holds(*k.behaviour, facts)) return &k;
  return nullptr;
}

// Those of `fired` that explain what was seen: all of them less what is not needed, else one or two alone, for an
// entry that is true may still stand in another's way. 0: none do.
std::uint64_t explanation(const BehaviourDeltas& d, std::uint64_t fired, const Case& c, const Observation& seen,
                          const Observation& reference) {
  const auto enough = [&](std::uint64_t which) { return explains(d, which, c, seen, reference); };
  if (enough(fired)) {
    std::uint64_t needed = fired;
    for (std::uint64_t b = fired; b != 0; b &= b - 1)
      if (const std::uint64_t without = needed & ~(b & -b); without != 0 && enough(without)) needed = without;
    return needed;
  }
  for (std::uint64_t a = fired; a != 0; a &= a - 1)
    if (enough(a & -a)) return a & -a;
  for (std::uint64_t a = fired; a != 0; a &= a - 1)
    for (std::uint64_t b = a & (a - 1); b != 0; b &= b - 1)
      if (const std::uint64_t both = (a & -a) | (b & -b); enough(both)) return both;
  return 0;
}

Verdict unable(const std::vector<Known>& entries, const Known& k) {
  return {VerdictKind::Incomparable, k.id, std::uint64_t{1} << (&k - entries.data())};
}

}  // namespace

Verdict judge_deltas(const BehaviourDeltas& deltas, const Case& c, const Observation& seen,
                     const Observation& reference) {
  const std::vector<Known>& entries = deltas.entries;
  Facts facts{};
  deltas.behaviour.derive(c, &reference, facts.data());
  if (const Known* k = inability(entries, facts)) return unable(entries, *k);
  std::uint64_t fired = 0;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].behaviour && holds(*entries[i].behaviour, facts)) fired |= std::uint64_t{1} << i;
  if (fired == 0) return {VerdictKind::Divergence, {}, 0};
  // The executor's way may lead to where nobody can judge, an undefined value that is used, or where it cannot.
  const Observation all = expectation(deltas, fired, c, reference);
  if (all.status != Status::Ran) return {VerdictKind::Incomparable, all.reason, 0};
  if (const std::uint64_t needed = explanation(deltas, fired, c, seen, reference); needed != 0)
    return {VerdictKind::Known, {}, needed};
  deltas.behaviour.derive(c, &all, facts.data());
  if (const Known* k = inability(entries, facts)) return unable(entries, *k);
  return {VerdictKind::Divergence, {}, 0};
}

const Known* behaviour_death(const Behaviour& behaviour, const std::vector<Known>& entries, const Case& c) {
  Facts facts{};
  bool derived = false;
  for (const Known& k : entries) {
    if (!k.dies) continue;
    if (!derived) behaviour.derive(c, nullptr, facts.data());
    derived = true;
    if (rules::holds(*k.dies, facts.data(), {})) return &k;
  }
  return nullptr;
}

}  // namespace diffvisor::compare
