// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/satisfy.h"

#include <algorithm>
#include <array>
#include <bit>

#include "harness/rules/batch_plan.h"
#include "harness/rules/edit.h"
#include "harness/rules/interpret.h"

namespace diffvisor::rules {
namespace {

using Values = std::array<std::uint64_t, kMaxSlots>;

Values copy(const std::uint64_t* v) {
  Values out;
  std::copy_n(v, kMaxSlots, out.begin());
  return out;
}

// Locks plus every bit in which v differs from `before`.
Locks lock_changes(const Locks& locks, const Values& before, const std::uint64_t* v) {
  Locks out = locks;
  for (std::size_t s = 0; s < kMaxSlots; ++s) out[s] |= v[s] ^ before[s];
  return out;
}

bool break_rule(const RuleSet& set, std::size_t k, std::uint64_t* v, const Locks& locks, Rng& rng) {
  const Rule& r = set.rows[k];
  return make(r.when, v, locks, true, rng, set.functions) && make(r.must, v, locks, false, rng, set.functions) &&
         holds(r.when, v, set.functions);
}

RuleBits checks_and_limits_up_to(const RuleSet& set, std::uint8_t phase, const RuleBits& broken) {
  RuleBits out;
  broken.each([&](std::size_t i) {
    if (set.rows[i].kind != Kind::Exit && set.rows[i].phase <= phase) out.set(i);
  });
  return out;
}

// After this many passes a repair sometimes takes the unusual side: a random walk out of a cycle. More often converges
// sooner, but rare modes do not survive it. Few states come to that, so some begin early: nearly all states with a rare
// mode are among them (the histogram of `diffvisor bench`).
constexpr unsigned kPatience = 4, kLittlePatience = 1;
constexpr std::uint64_t kImpatient = 32;  // one state in so many

unsigned draw_patience(Rng& rng) { return rng.one_in(kImpatient) ? kLittlePatience : kPatience; }

bool takes_unusual_side(unsigned pass, unsigned patience, Rng& rng) {
  return pass > patience && rng.one_in(patience == kPatience ? 3 : 2);
}

RuleBits rows_to_mend(const RuleSet& set, const RuleBits& skip) {
  RuleBits out;
  for (std::size_t i = 0; i < set.rows.size(); ++i)
    if (set.rows[i].kind != Kind::Exit && !skip.test(i)) out.set(i);
  return out;
}

// Passes `pass` and following. A pass looks at all rows before it repairs any, so that many states can share it.
bool satisfy_from(unsigned pass, unsigned patience, const RuleSet& set, const RuleBits& rows, Repairing& state,
                  Normalise normalise, unsigned most_passes) {
  Repairing* const one = &state;
  for (; pass < most_passes; ++pass) {
    if (normalise != nullptr) normalise(state.v);
    Survey s;
    set.survey(state.v, s);
    s.broken &= rows;
    if (s.broken.none()) return true;
    s.broken.each([&](std::size_t i) {
      const bool flip = takes_unusual_side(pass, patience, state.rng);
      set.repair(i, 1, flip, &one);
    });
  }
  return false;
}

// As many states as the second-level cache holds.
constexpr std::size_t kTogether = 512;

// Many states go through their passes together, 64 at a time, and row by row: the code of one repair runs for all of
// the 64 that need it.
class SatisfyBatch {
 public:
  SatisfyBatch(const RuleSet& set, const BatchPlan* plan, std::span<Repairing> states, Normalise normalise,
               const RuleBits& rows)
      : set_(set), plan_(plan), states_(states), normalise_(normalise), rows_(rows) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      left_.push_back(i);
      patience_.push_back(draw_patience(states[i].rng));
    }
  }

  // States that still break a rule after this pass's repairs, as far as anybody looked.
  const std::vector<std::size_t>& left() const { return left_; }
  unsigned patience(std::size_t i) const { return patience_[i]; }

  void pass(unsigned number) {
    std::size_t kept = 0;
    for (std::size_t first = 0; first < left_.size(); first += kBatch) {
      const std::size_t n = std::min(kBatch, left_.size() - first);
      const std::uint64_t dirty = pass_of(number, first, n);
      for (std::size_t lane = 0; lane < n; ++lane)
        if (dirty >> lane & 1) left_[kept++] = left_[first + lane];
    }
    left_.resize(kept);
  }

 private:
  std::uint64_t pass_of(unsigned number, std::size_t first, std::size_t n) {
    std::array<Repairing*, kBatch> lanes;
    States values;
    for (std::size_t lane = 0; lane < kBatch; ++lane) {
      lanes[lane] = &states_[left_[first + std::min(lane, n - 1)]];
      values[lane] = lanes[lane]->v;
      if (normalise_ != nullptr && lane < n) normalise_(lanes[lane]->v);
    }
    run_batch(*plan_, values, words_);
    std::uint64_t dirty = 0;
    rows_.each([&](std::size_t i) {
      const std::uint64_t broken = words_.broken[i] & ones(static_cast<unsigned>(n));
      if (broken == 0) return;
      dirty |= broken;
      set_.repair(i, broken, flips(number, first, broken, lanes), lanes.data());
    });
    return dirty;
  }

  std::uint64_t flips(unsigned pass, std::size_t first, std::uint64_t among,
                      const std::array<Repairing*, kBatch>& lanes) const {
    std::uint64_t out = 0;
    if (pass <= kLittlePatience) return out;
    for (; among != 0; among &= among - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(among));
      if (takes_unusual_side(pass, patience_[left_[first + lane]], lanes[lane]->rng)) out |= std::uint64_t{1} << lane;
    }
    return out;
  }

  const RuleSet& set_;
  const BatchPlan* plan_;
  std::span<Repairing> states_;
  Normalise normalise_;
  const RuleBits& rows_;
  std::vector<std::size_t> left_;
  std::vector<unsigned> patience_;
  BatchRows words_;
};

// Makes row k's condition true. What always gives way first may be tied to other rows (SS.RPL is, SS.DPL need not be),
// so half of the time one slot that the condition reads stays as it is, and so it stays in `held`.
bool make_sparing_a_slot(const RuleSet& set, std::size_t k, std::uint64_t* v, Locks& held, Rng& rng) {
  const Expr& must = set.rows[k].must;
  if (rng.one_in(2)) {
    Locks reads{};
    add_bits_read(must, reads);
    std::array<std::size_t, kMaxSlots> slots;
    std::size_t n = 0;
    for (std::size_t s = 0; s < kMaxSlots; ++s)
      if ((reads[s] & ~held[s]) != 0) slots[n++] = s;
    Locks sparing = held;
    if (n > 1) sparing[slots[rng.below(n)]] = ~std::uint64_t{0};
    if (n > 1 && make(must, v, sparing, true, rng, set.functions)) {
      held = sparing;
      return true;
    }
  }
  return make(must, v, held, true, rng, set.functions);
}

}  // namespace

Locks base_locks(const Schema& schema) {
  Locks locks;
  locks.fill(~std::uint64_t{0});
  for (const Field& f : schema.fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (f.role != Role::Capability) locks[f.slot + i] = ~ones(f.width);
  return locks;
}

Locks fact_bits(const Schema& schema) {
  Locks facts{};
  for (const Field& f : schema.fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (f.role == Role::Fact) facts[f.slot + i] = ~std::uint64_t{0};
  return facts;
}

bool satisfy_all(const RuleSet& set, std::uint64_t* v, const Locks& locks, Rng& rng, Normalise normalise,
                 const RuleBits& skip, unsigned most_passes) {
  Repairing state{v, &locks, rng};
  const unsigned patience = draw_patience(state.rng);
  const bool done = satisfy_from(0, patience, set, rows_to_mend(set, skip), state, normalise, most_passes);
  rng = state.rng;
  return done;
}

std::vector<bool> satisfy_batch(const RuleSet& set, std::span<Repairing> states, Normalise normalise,
                                const RuleBits& skip, unsigned most_passes) {
  const RuleBits rows = rows_to_mend(set, skip);
  std::vector<bool> done(states.size(), true);
  const BatchPlan* plan = set.batch_plan();
  for (std::size_t first = 0; first < states.size(); first += kTogether) {
    const auto some = states.subspan(first, std::min(kTogether, states.size() - first));
    SatisfyBatch batch(set, plan, some, normalise, rows);
    unsigned pass = 0;
    if (plan != nullptr)
      for (; pass < most_passes && batch.left().size() >= kSmallestBatch; ++pass) batch.pass(pass);
    for (const std::size_t i : batch.left())
      done[first + i] = satisfy_from(pass, batch.patience(i), set, rows, some[i], normalise, most_passes);
  }
  return done;
}

bool violate(const RuleSet& set, std::size_t k, std::uint64_t* v, const Locks& locks, Rng& rng, Normalise normalise,
             std::optional<std::size_t> also) {
  const Values before = copy(v);
  if (!break_rule(set, k, v, locks, rng)) return false;
  RuleBits wanted;
  wanted.set(k);
  Locks held = lock_changes(locks, before, v);
  if (rng.one_in(2)) add_bits_read(set.rows[k].must, held);  // a repair elsewhere must not undo it by another bit
  if (also) {
    if (!break_rule(set, *also, v, held, rng)) return false;
    held = lock_changes(held, before, v);
    wanted.set(*also);
  }
  satisfy_all(set, v, held, rng, normalise, wanted, 12);  // what cannot be mended may lie in a later phase
  if (normalise != nullptr) normalise(v);
  Survey s;
  set.survey(v, s);
  const std::uint8_t last = std::max(set.rows[k].phase, also ? set.rows[*also].phase : std::uint8_t{0});
  return checks_and_limits_up_to(set, last, s.broken) == wanted;
}

bool mend_only(const RuleSet& set, std::size_t k, std::uint64_t* v, const Locks& locks, const Locks& facts, Rng& rng,
               Normalise normalise) {
  Locks readable{};
  add_bits_read(set.rows[k].when, readable);
  add_bits_read(set.rows[k].must, readable);
  Locks held = locks;
  for (std::size_t s = 0; s < kMaxSlots; ++s) held[s] |= ~readable[s] & ~facts[s];
  if (!make_sparing_a_slot(set, k, v, held, rng)) return false;
  satisfy_all(set, v, held, rng, normalise, {}, 24);
  if (normalise != nullptr) normalise(v);
  Survey s;
  set.survey(v, s);
  return checks_and_limits_up_to(set, set.rows[k].phase, s.broken).none();
}

}  // namespace diffvisor::rules
