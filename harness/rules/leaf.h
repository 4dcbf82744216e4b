// SPDX-License-Identifier: Apache-2.0
// The meaning of one leaf. The compiled survey and the interpreter both end here, so they cannot disagree.
#pragma once

#include <cstdint>
#include <span>

#include "harness/rules/expr.h"

namespace diffvisor::rules {

[[gnu::always_inline]] inline std::uint64_t get(const std::uint64_t* v, const Slice& a) {
  return v[a.slot] >> a.lo & ones(a.n);
}

// False, and nothing done, if that would change a locked bit.
[[gnu::always_inline]] inline bool put(std::uint64_t* v, const Locks& locks, const Slice& a, std::uint64_t x) {
  const std::uint64_t mask = ones(a.n) << a.lo;
  const std::uint64_t next = (v[a.slot] & ~mask) | (x << a.lo & mask);
  if (((next ^ v[a.slot]) & locks[a.slot]) != 0) return false;
  v[a.slot] = next;
  return true;
}
inline bool put(std::uint64_t* v, const Locks& locks, Slot slot, std::uint64_t x) {
  return put(v, locks, Slice{slot}, x);
}

// Memory types that PAT accepts: bit 2 or not bit 1, nothing above bit 2, in each byte.
constexpr bool pat_is_legal(std::uint64_t v) {
  const std::uint64_t high = v & 0xf8f8f8f8f8f8f8f8u;
  const std::uint64_t two_or_three = (v & 0x0202020202020202u) << 1 & ~v;
  return (high | two_or_three) == 0;
}

struct LinearEnd {
  Slot width;
  unsigned scale;
  unsigned bias;
};
constexpr LinearEnd linear_end(std::uint64_t c) {
  return {static_cast<Slot>(c >> 32), static_cast<unsigned>(c >> 8 & 0xffffff), static_cast<unsigned>(c & 0xff)};
}

constexpr bool last_byte_fits(std::uint64_t address, std::uint64_t count, const LinearEnd& e, std::uint64_t width) {
  const Wide end = Wide{address} + Wide{count} * e.scale - e.bias;
  return width >= 64 ? end >> 64 == 0 : end >> width == 0;
}

// Every leaf but And, Or, Not (structure) and Free (needs the rule set's functions).
[[gnu::always_inline]] inline bool leaf_holds(const Node& n, const std::uint64_t* v) {
  switch (n.op) {
    case Op::True:
      return true;
    case Op::EqConst:
      return get(v, n.a) == n.c;
    case Op::InSet:
      return n.c >> get(v, n.a) & 1;
    case Op::LeConst:
      return get(v, n.a) <= n.c;
    case Op::Eq:
      return get(v, n.a) == get(v, n.b);
    case Op::Le:
      return get(v, n.a) <= get(v, n.b);
    case Op::SubsetOf:
      return (get(v, n.a) & ~get(v, n.b) & ~n.c) == 0;
    case Op::Covers:
      return (get(v, n.b) & ~get(v, n.a) & ~n.c) == 0;
    case Op::FitsWidth:
      return shift_right(get(v, n.a), v[n.b.slot]) == 0;
    case Op::Canonical:
      return is_canonical(v[n.a.slot], v[n.b.slot]);
    case Op::HighEqual: {
      const std::uint64_t high = shift_right(v[n.a.slot], v[n.b.slot]);
      return high == 0 || high == shift_right(~std::uint64_t{0}, v[n.b.slot]);
    }
    case Op::Pat:
      return pat_is_legal(v[n.a.slot]);
    case Op::LinearEnd: {
      const LinearEnd e = linear_end(n.c);
      return last_byte_fits(v[n.a.slot], get(v, n.b), e, v[e.width]);
    }
    case Op::And:
    case Op::Or:
    case Op::Not:
    case Op::Free:
      break;
  }
  return false;
}

// The slot whose change mends this leaf: the later of those it names. Slot 0 and widths do not count.
constexpr unsigned leaf_rank(const Node& n, std::span<const FreeCondition> functions) {
  switch (n.op) {
    case Op::True:
      return 0;
    case Op::Eq:
    case Op::Le:
    case Op::LinearEnd:
      return (n.a.slot > n.b.slot ? n.a.slot : n.b.slot) + 1u;
    case Op::Free:
      return n.a.slot + functions[n.c].writes + 1u;
    case Op::EqConst:
    case Op::InSet:
    case Op::LeConst:
    case Op::SubsetOf:
    case Op::Covers:
    case Op::FitsWidth:
    case Op::Canonical:
    case Op::HighEqual:
    case Op::Pat:
      return n.a.slot + 1u;
    case Op::And:
    case Op::Or:
    case Op::Not:
      break;
  }
  return 0;
}

// Rank of a whole tree: that of its latest leaf.
constexpr unsigned rank(const Expr& e, unsigned i, std::span<const FreeCondition> functions) {
  const Node& n = e.n[i];
  if (n.op == Op::Not) return rank(e, n.l, functions);
  if (n.op != Op::And && n.op != Op::Or) return leaf_rank(n, functions);
  const unsigned l = rank(e, n.l, functions), r = rank(e, n.r, functions);
  return l > r ? l : r;
}

// Makes a leaf true or false by changing unlocked bits of the slots it names; false if it could not.
// Not for And, Or, Not.
bool make_leaf(const Node& n, std::uint64_t* v, const Locks& locks, bool want, Rng& rng,
               std::span<const FreeCondition> functions);

}  // namespace diffvisor::rules
