// SPDX-License-Identifier: Apache-2.0
// Inverse of every leaf: the smallest change that makes it true, or a random one that makes it false. Inline, so that
// compile.h gets the few instructions that a constant leaf needs.
#pragma once

#include <algorithm>
#include <bit>

#include "harness/rules/leaf.h"

namespace diffvisor::rules {

class Maker {
 public:
  Maker(const Node& node, std::uint64_t* v, const Locks& locks, Rng& rng) : n_(node), v_(v), locks_(locks), rng_(rng) {}

  [[gnu::always_inline]] bool make(bool want) {
    switch (n_.op) {
      case Op::EqConst:
        return want ? put(n_.a, n_.c) : flip_any(n_.a, ones(n_.a.n));
      case Op::InSet:
        return make_in_set(want);
      case Op::LeConst:
        return make_at_most_const(want);
      case Op::Eq:
        return make_equal(want);
      case Op::Le:
        return make_at_most(want);
      case Op::SubsetOf:
        return make_subset(want);
      case Op::Covers:
        return make_covers(want);
      case Op::FitsWidth:
        return make_fits(want);
      case Op::Canonical:
        return make_high_equal(want, v_[n_.b.slot] - 1);
      case Op::HighEqual:
        return make_high_equal(want, v_[n_.b.slot]);
      case Op::Pat:
        return make_pat(want);
      case Op::LinearEnd:
        return make_linear_end(want);
      case Op::True:
      case Op::And:
      case Op::Or:
      case Op::Not:
      case Op::Free:
        break;
    }
    return false;
  }

 private:
  [[gnu::always_inline]] std::uint64_t value(const Slice& a) const { return get(v_, a); }

  // Unlocked bits of the slice, at bit 0.
  [[gnu::always_inline]] std::uint64_t writable(const Slice& a) const { return ~locks_[a.slot] >> a.lo & ones(a.n); }

  [[gnu::always_inline]] bool put(const Slice& a, std::uint64_t x) { return rules::put(v_, locks_, a, x); }

  // One bit of `among` (at bit 0 of the slice) that is unlocked; 0 if there is none.
  [[gnu::always_inline]] std::uint64_t some_bit(const Slice& a, std::uint64_t among) {
    std::uint64_t left = among & writable(a);
    if (std::popcount(left) <= 1) return left;
    for (auto skip = rng_.below(static_cast<std::uint64_t>(std::popcount(left))); skip > 0; --skip) left &= left - 1;
    return left & (~left + 1);
  }

  [[gnu::always_inline]] bool flip_any(const Slice& a, std::uint64_t among) {
    const std::uint64_t b = some_bit(a, among);
    return b != 0 && put(a, value(a) ^ b);
  }

  [[gnu::always_inline]] bool make_in_set(bool want) {
    const std::uint64_t last = ones(n_.a.n), start = rng_.next();
    for (std::uint64_t j = 0; j <= last; ++j) {
      const std::uint64_t x = (start + j) & last;
      if ((n_.c >> x & 1) == static_cast<std::uint64_t>(want) && put(n_.a, x)) return true;
    }
    return false;
  }

  [[gnu::always_inline]] bool make_at_most_const(bool want) {
    if (want) return put(n_.a, n_.c == ~std::uint64_t{0} ? 0 : rng_.below(n_.c + 1));
    const std::uint64_t most = ones(static_cast<unsigned>(std::bit_width(writable(n_.a))));
    return most > n_.c && put(n_.a, n_.c + 1 + rng_.below(most - n_.c));
  }

  // To make it true the later slot gives way first. Either breaks it, or one that drags other rules along would always.
  [[gnu::always_inline]] bool make_equal(bool want) {
    const Slice& later = n_.b.slot > n_.a.slot ? n_.b : n_.a;
    const Slice& earlier = n_.b.slot > n_.a.slot ? n_.a : n_.b;
    if (want) return put(later, value(earlier)) || put(earlier, value(later));
    const bool swap = rng_.one_in(2);
    const Slice &first = swap ? earlier : later, &second = swap ? later : earlier;
    return flip_any(first, ones(first.n)) || flip_any(second, ones(second.n));
  }

  [[gnu::always_inline]] bool make_at_most(bool want) {
    const std::uint64_t x = value(n_.a), y = value(n_.b);
    if (want) {
      if (n_.b.slot > n_.a.slot && put(n_.b, x)) return true;
      return put(n_.a, y == ~std::uint64_t{0} ? y : rng_.below(y + 1)) || put(n_.b, x);
    }
    if (y < ones(n_.a.n) && put(n_.a, y + 1)) return true;
    return x > 0 && put(n_.b, x - 1);
  }

  [[gnu::always_inline]] bool make_subset(bool want) {
    const std::uint64_t x = value(n_.a), allowed = value(n_.b) | n_.c;
    return want ? put(n_.a, x & allowed) : flip_any(n_.a, ~allowed & ones(n_.a.n));
  }

  [[gnu::always_inline]] bool make_covers(bool want) {
    const std::uint64_t x = value(n_.a), needed = value(n_.b) & ~n_.c;
    return want ? put(n_.a, x | needed) : flip_any(n_.a, needed);
  }

  [[gnu::always_inline]] bool make_fits(bool want) {
    const std::uint64_t fitting = ones(static_cast<unsigned>(std::min<std::uint64_t>(v_[n_.b.slot], 64)));
    return want ? put(n_.a, value(n_.a) & fitting) : flip_any(n_.a, ones(n_.a.n) & ~fitting);
  }

  [[gnu::always_inline]] bool make_high_equal(bool want, std::uint64_t lowest) {
    const std::uint64_t low = ones(static_cast<unsigned>(std::min<std::uint64_t>(lowest, 64))), high = ~low;
    if (!want) return flip_any(n_.a, high);
    const std::uint64_t x = value(n_.a);
    const bool up = (x & (low + 1)) != 0;
    return put(n_.a, up ? x | high : x & low) || put(n_.a, up ? x & low : x | high);
  }

  [[gnu::always_inline]] bool make_pat(bool want) {
    const std::uint64_t x = value(n_.a);
    if (want) {
      const std::uint64_t types = x & 0x0707070707070707u;
      return put(n_.a, types | (types & 0x0202020202020202u) << 1);
    }
    constexpr std::uint64_t kBad[] = {2, 3, 8, 0x10, 0x22, 0x46, 0x80, 0xff};
    const unsigned at = 8 * static_cast<unsigned>(rng_.below(8));
    return put(n_.a, (x & ~(std::uint64_t{0xff} << at)) | kBad[rng_.below(8)] << at);
  }

  [[gnu::always_inline]] bool make_linear_end(bool want) {
    const LinearEnd e = linear_end(n_.c);
    const std::uint64_t width = std::min<std::uint64_t>(v_[e.width], 63), space = std::uint64_t{1} << width;
    if (!want) {  // near the top, so that only the end is outside
      return put(n_.a, (space - 1) & ~std::uint64_t{0xf}) && put(n_.b, 2 + rng_.below(100));
    }
    const std::uint64_t address = value(n_.a);
    if (address < space && put(n_.b, std::min(value(n_.b), (space - address) / e.scale))) return leaf_holds(n_, v_);
    return put(n_.a, rng_.below(std::max<std::uint64_t>(space / 2, 1)) & ~std::uint64_t{0xfff}) &&
           put(n_.b, value(n_.b) & 0xff) && leaf_holds(n_, v_);
  }

  const Node& n_;
  std::uint64_t* v_;
  const Locks& locks_;
  Rng& rng_;
};

// Makes a leaf of which holds() is not `want` so; false if it could not. Not for And, Or, Not.
[[gnu::always_inline]] inline bool make_broken_leaf(const Node& n, std::uint64_t* v, const Locks& locks, bool want,
                                                    Rng& rng, std::span<const FreeCondition> functions) {
  if (n.op == Op::Free) {
    const FreeCondition& f = functions[n.c];
    return f.make(v, locks, n.a, n.b, want, rng) && f.holds(v, n.a, n.b) == want;
  }
  return Maker(n, v, locks, rng).make(want) && leaf_holds(n, v) == want;
}

#ifdef DIFFVISOR_INSTRUMENTED
inline constexpr bool kInlineRepairs = false;
#else
inline constexpr bool kInlineRepairs = true;
#endif

}  // namespace diffvisor::rules
