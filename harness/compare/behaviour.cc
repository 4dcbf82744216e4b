// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/behaviour.h"

#include <array>
#include <deque>
#include <span>

#include "harness/rules/interpret.h"

namespace diffvisor::compare {
namespace {

using Action = BehaviourDelta::Action;
using Facts = std::array<std::uint64_t, kMaxSlots>;

bool holds(const BehaviourDelta& d, const Facts& facts) { return !d.when || rules::holds(*d.when, facts.data(), {}); }

// How much of `a` is not so in `b`.
std::size_t distance(const Observation& a, Observation b) {
  std::size_t out = 0;
  if (a.outcome != b.outcome) out = kMaxRecord;
  b.outcome = a.outcome;
  while (const auto slot = Judge::first_difference(a, b)) {
    b.defined.reset(*slot);
    ++out;
  }
  return out;
}

// Entries tried on one case. The reference is asked once for each set of variants.
class Trial {
 public:
  Trial(const BehaviourDeltas& d, const Case& c, const Observation& seen, const Observation& reference)
      : d_(d), c_(c), seen_(seen), reference_(reference) {
    for (std::size_t i = 0; i < d.entries.size(); ++i)
      variants_[i] = d.entries[i].behaviour && d.entries[i].behaviour->action == Action::Variant;
  }

  // The reference with the variants named by `which`.
  const Observation& expectation(const EntrySet& which) {
    const EntrySet set = which & variants_;
    if (set.none()) return reference_;
    for (std::size_t i = 0; i < asked_.size(); ++i)
      if (asked_[i] == set) return answers_[i];
    std::vector<std::string> names = d_.variants;
    for (std::size_t i = 0; i < d_.entries.size(); ++i)
      if (set[i]) names.push_back(d_.entries[i].behaviour->variant);
    asked_.push_back(set);
    return answers_.emplace_back(d_.behaviour.run_variant(c_, names));
  }

  // The entry says something else than the reference, by itself.
  bool matters(std::size_t entry) {
    if (!variants_[entry]) return true;
    const Observation& alone = expectation(EntrySet().set(entry));
    return alone.status != reference_.status || alone.outcome != reference_.outcome ||
           Judge::first_difference(alone, reference_).has_value();
  }

  // The same, with what was seen in the bits that the masks among them ignore.
  Observation masked(const EntrySet& which) {
    Observation o = expectation(which);
    const EntrySet masks = which & ~variants_;
    for (std::size_t i = 0; i < d_.entries.size(); ++i)
      if (masks[i]) mask(o, *d_.entries[i].behaviour);
    return o;
  }

  // What was seen is what the reference does with the masks and variants named by `which`.
  bool explains(const EntrySet& which) {
    const Observation& expected = expectation(which);
    if (expected.status != Status::Ran || expected.outcome != seen_.outcome) return false;
    if (!Judge::first_difference(expected, seen_)) return true;
    return (which & ~variants_).any() && !Judge::first_difference(masked(which), seen_);
  }

 private:
  void mask(Observation& o, const BehaviourDelta& d) const {
    for (const Loose& l : d.ignores) o.record[l.slot] = (o.record[l.slot] & ~l.bits) | (seen_.record[l.slot] & l.bits);
  }

  const BehaviourDeltas& d_;
  const Case& c_;
  const Observation& seen_;
  const Observation& reference_;
  EntrySet variants_;            // entries that are such
  std::vector<EntrySet> asked_;  // apart from the answers, which are long
  std::deque<Observation> answers_;
};

// The entry by which the executor cannot judge the case; null if there is none.
const Known* inability(const std::vector<Known>& entries, const Facts& facts) {
  for (const Known& k : entries)
    if (k.behaviour && k.behaviour->action == Action::CannotJudge && holds(*k.behaviour, facts)) return &k;
  return nullptr;
}

EntrySet firing(const std::vector<Known>& entries, const Facts& facts) {
  EntrySet out;
  for (std::size_t i = 0; i < entries.size(); ++i) out[i] = entries[i].behaviour && holds(*entries[i].behaviour, facts);
  return out;
}

// Takes from `needed` those of `members` that the explanation does without, many at a time: most do nothing.
void drop(Trial& trial, std::span<const std::size_t> members, EntrySet& needed) {
  EntrySet less = needed;
  for (const std::size_t i : members) less.reset(i);
  if (less.any() && trial.explains(less)) {
    needed = less;
  } else if (members.size() > 1) {
    drop(trial, members.first(members.size() / 2), needed);
    drop(trial, members.subspan(members.size() / 2), needed);
  }
}

// Those of `fired` that explain what was seen: all of them less what is not needed, else one or two alone, for an
// entry that is true may still stand in another's way. Empty: none do.
EntrySet explanation(Trial& trial, const EntrySet& fired) {
  const auto enough = [&](const EntrySet& which) { return trial.explains(which); };
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < fired.size(); ++i)
    if (fired[i]) members.push_back(i);
  if (enough(fired)) {
    EntrySet needed = fired;
    drop(trial, members, needed);
    return needed;
  }
  for (const std::size_t a : members)
    if (const EntrySet alone = EntrySet().set(a); enough(alone)) return alone;
  EntrySet matter;
  for (const std::size_t a : members) matter[a] = trial.matters(a);
  for (const std::size_t a : members)
    for (const std::size_t b : members)
      if (a < b && (matter[a] || matter[b]) && enough(EntrySet().set(a).set(b))) return EntrySet().set(a).set(b);
  return {};
}

Verdict unable(const std::vector<Known>& entries, const Known& k) {
  return {VerdictKind::Incomparable, k.id, EntrySet().set(static_cast<std::size_t>(&k - entries.data()))};
}

}  // namespace

Verdict judge_deltas(const BehaviourDeltas& deltas, const Case& c, const Observation& seen,
                     const Observation& reference) {
  const std::vector<Known>& entries = deltas.entries;
  Facts facts{};
  deltas.behaviour.derive(c, &reference, facts.data());
  if (const Known* k = inability(entries, facts)) return unable(entries, *k);
  Trial trial(deltas, c, seen, reference);
  // What some entries make of the case may be what others are about.
  for (EntrySet fired, before; before = fired, fired |= firing(entries, facts), fired != before;) {
    // The executor's way may lead to where nobody can judge, an undefined value that is used, or where it cannot.
    const Observation& all = trial.expectation(fired);
    if (all.status != Status::Ran) return {VerdictKind::Incomparable, all.reason, {}};
    if (const EntrySet needed = explanation(trial, fired); needed.any()) return {VerdictKind::Known, {}, needed};
    deltas.behaviour.derive(c, &all, facts.data());
  }
  if (const Known* k = inability(entries, facts)) return unable(entries, *k);
  return {VerdictKind::Divergence, {}, {}};
}

Observation nearest(const BehaviourDeltas& deltas, const Case& c, const Observation& seen,
                    const Observation& reference) {
  Observation best = reference;
  std::size_t least = distance(reference, seen);
  Facts facts{};
  deltas.behaviour.derive(c, &reference, facts.data());
  Trial trial(deltas, c, seen, reference);
  const auto consider = [&](const EntrySet& which) {
    Observation o = trial.masked(which);
    const std::size_t far = o.status == Status::Ran ? distance(o, seen) : least;
    if (far >= least) return;
    least = far;
    best = std::move(o);
  };
  for (EntrySet fired, before; before = fired, fired |= firing(deltas.entries, facts), fired != before;) {
    consider(fired);
    for (std::size_t i = 0; i < fired.size(); ++i)
      if (fired[i]) consider(EntrySet().set(i));
    const Observation& all = trial.expectation(fired);
    if (all.status != Status::Ran) break;
    deltas.behaviour.derive(c, &all, facts.data());
  }
  return best;
}

bool is_as_known(const BehaviourDeltas& deltas, const Case& c, const Observation& seen, const Observation& reference) {
  Facts facts{};
  deltas.behaviour.derive(c, &reference, facts.data());
  const EntrySet fired = firing(deltas.entries, facts);
  return fired.any() && Trial(deltas, c, seen, reference).explains(fired);
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
