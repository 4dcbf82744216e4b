// SPDX-License-Identifier: Apache-2.0
// States for the tests of this folder: golden with bits flipped, and states nobody would write down.
#pragma once

#include <array>
#include <cstdint>

#include "harness/case/case.h"
#include "harness/rules/satisfy.h"

namespace diffvisor::rules {

using Values = std::array<std::uint64_t, kMaxSlots>;

// Any value, with those at the edges as often as the others.
inline std::uint64_t edgy_value(Rng& rng) {
  const std::uint64_t bit = std::uint64_t{1} << rng.below(64);
  switch (rng.below(6)) {
    case 0:
      return 0;
    case 1:
      return ~std::uint64_t{0};
    case 2:
      return bit;
    case 3:
      return bit - 1;
    case 4:
      return rng.below(256);
    default:
      return rng.next();
  }
}

// Golden of any profile in which every slot, capabilities too, may have been replaced.
inline Case wild_case(const Schema& schema, Rng& rng) {
  Case c = golden_case(schema, static_cast<std::uint16_t>(rng.below(schema.profiles.size())));
  const std::uint64_t one_in = 1 + rng.below(8);
  for (const Field& f : schema.fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (rng.one_in(one_in))
        c.v[f.slot + i] = !f.interesting.empty() && rng.one_in(4) ? rng.pick(f.interesting) : edgy_value(rng);
  clip_to_widths(c);
  return c;
}

// Golden of this profile with some bits flipped that repair may change, the context among them.
inline Case stirred_case(const Schema& schema, std::uint16_t profile, Rng& rng) {
  const Locks locks = base_locks(schema);
  Case c = golden_case(schema, profile);
  for (const Field& f : schema.fields)
    if (f.role == Role::Context && rng.one_in(3)) c.v[f.slot] = rng.next() & ones(f.width);
  reset_to_golden(c);
  for (std::uint64_t n = rng.below(80); n > 0; --n) {
    const Slot s = static_cast<Slot>(rng.below(schema.slots));
    c.v[s] ^= (rng.one_in(4) ? edgy_value(rng) : std::uint64_t{1} << rng.below(64)) & ~locks[s];
  }
  return c;
}

// Random further locks: whole slots and single bits.
inline Locks with_random_locks(Locks locks, Rng& rng) {
  const std::uint64_t one_in = 1 + rng.below(16);
  for (std::uint64_t& mask : locks)
    if (rng.one_in(one_in)) mask |= rng.one_in(2) ? ~std::uint64_t{0} : rng.next();
  return locks;
}

inline bool keeps_locks(const Values& before, const Values& after, const Locks& locks) {
  for (std::size_t s = 0; s < kMaxSlots; ++s)
    if (((before[s] ^ after[s]) & locks[s]) != 0) return false;
  return true;
}

}  // namespace diffvisor::rules
