// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/satisfy.h"

#include <algorithm>
#include <array>

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
  for (unsigned pass = 0; pass < most_passes; ++pass) {
    if (normalise != nullptr) normalise(v);
    if (!set.sweep(v, locks, skip, rng, pass)) return true;
  }
  return false;
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
  if (!make(set.rows[k].must, v, held, true, rng, set.functions)) return false;
  satisfy_all(set, v, held, rng, normalise, {}, 24);
  if (normalise != nullptr) normalise(v);
  Survey s;
  set.survey(v, s);
  return checks_and_limits_up_to(set, set.rows[k].phase, s.broken).none();
}

}  // namespace diffvisor::rules
