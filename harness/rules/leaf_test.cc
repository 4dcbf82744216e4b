// SPDX-License-Identifier: Apache-2.0
// Leaf by leaf: what holds, what making it true or false may change, and when it must be refused.
#include "harness/rules/leaf.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"

namespace diffvisor::rules {
namespace {

enum : Slot { A, B, W, X };
constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr std::uint64_t b(unsigned n) { return std::uint64_t{1} << n; }

bool is_odd(const std::uint64_t* v, Slice a, Slice) { return (v[a.slot] & 1) != 0; }
bool claim_odd(std::uint64_t*, const Locks&, Slice, Slice, bool, Rng&) { return true; }
bool make_odd(std::uint64_t* v, const Locks& locks, Slice a, Slice, bool, Rng&) {
  v[a.slot] ^= ~locks[a.slot] & 1;
  return true;
}
const FreeCondition kFunctions[] = {{"odd", &is_odd, &make_odd, 2}, {"odd_in_name", &is_odd, &claim_odd, 0}};

struct Truth {
  Expr e;
  std::uint64_t a, b, w;
  bool holds;
};

// clang-format off
const std::vector<Truth> kTruths = {
  // True
  {always(), 0, 0, 0, true},
  {never(), 0, 0, 0, false},
  // EqConst
  {eq(bits(A, 7, 4), 0xa), 0xa0, 0, 0, true},
  {eq(bits(A, 7, 4), 0xa), ~std::uint64_t{0x50}, 0, 0, true},
  {eq(bits(A, 7, 4), 0xa), 0xb0, 0, 0, false},
  {eq(bits(A, 3, 0), 0x1a), 0x1a, 0, 0, false},
  {eq(A, kAll), kAll, 0, 0, true},
  {eq(A, kAll), kAll - 1, 0, 0, false},
  {bit(A, 63), b(63), 0, 0, true},
  {bit(A, 63), b(63) - 1, 0, 0, false},
  {clear(A, 0), 1, 0, 0, false},
  {zero(A, 62, 1), b(63) | 1, 0, 0, true},
  {zero(A, 62, 1), 2, 0, 0, false},
  // InSet
  {in(bits(A, 3, 0), {9, 11}), 9, 0, 0, true},
  {in(bits(A, 3, 0), {9, 11}), 10, 0, 0, false},
  {in(bits(A, 3, 0), {9, 11}), 0xf0 | 11, 0, 0, true},
  {in(bits(A, 63, 58), {0, 63}), kAll, 0, 0, true},
  {in(bits(A, 63, 58), {0, 63}), b(58), 0, 0, false},
  {in(bits(A, 5, 0), {63}), 0, 0, 0, false},
  // LeConst
  {le(bits(A, 7, 0), 0x80), 0x80, 0, 0, true},
  {le(bits(A, 7, 0), 0x80), 0x81, 0, 0, false},
  {le(bits(A, 7, 0), 0x80), 0x100, 0, 0, true},
  {le(all(A), kAll), kAll, 0, 0, true},
  {le(all(A), 0), 1, 0, 0, false},
  {le(all(A), b(63)), b(63), 0, 0, true},
  {le(all(A), b(63) - 1), b(63), 0, 0, false},
  // Eq
  {same(bits(A, 1, 0), bits(B, 3, 2)), 0xf2, 0x8, 0, true},
  {same(bits(A, 1, 0), bits(B, 3, 2)), 2, 2, 0, false},
  {same(all(A), all(B)), b(63), b(63), 0, true},
  {same(all(A), all(B)), b(63), 0, 0, false},
  // Le
  {le(all(A), all(B)), b(63), b(63) - 1, 0, false},
  {le(all(A), all(B)), 5, 5, 0, true},
  {le(bits(A, 3, 0), bits(B, 7, 4)), 0xf3, 0x30, 0, true},
  {le(bits(A, 3, 0), bits(B, 7, 4)), 4, 0xf3f, 0, false},
  // SubsetOf: no bit of A outside B
  {subset(all(A), all(B)), 0x5, 0xd, 0, true},
  {subset(all(A), all(B)), 0x7, 0xd, 0, false},
  {subset(all(A), all(B), 2), 0x7, 0xd, 0, true},
  {subset(all(A), all(B), 2), 0x17, 0xd, 0, false},
  {subset(bits(A, 31, 0), bits(B, 63, 32)), b(40) | 1, b(32), 0, true},
  {subset(bits(A, 31, 0), bits(B, 63, 32)), 1, 1, 0, false},
  // Covers: every bit of B is in A
  {covers(all(A), all(B)), 0xd, 0x5, 0, true},
  {covers(all(A), all(B)), 0xd, 0x7, 0, false},
  {covers(all(A), all(B), 2), 0xd, 0x7, 0, true},
  {covers(all(A), all(B), 2), 0xd, 0x17, 0, false},
  {covers(bits(A, 31, 0), bits(B, 31, 0)), 0, b(32), 0, true},
  // FitsWidth
  {fits(all(A), W), 0, 0, 0, true},
  {fits(all(A), W), 1, 0, 0, false},
  {fits(all(A), W), b(40) - 1, 0, 40, true},
  {fits(all(A), W), b(40), 0, 40, false},
  {fits(all(A), W), b(63) - 1, 0, 63, true},
  {fits(all(A), W), b(63), 0, 63, false},
  {fits(all(A), W), kAll, 0, 64, true},
  {fits(all(A), W), kAll, 0, 65, true},
  {fits(all(A), W), kAll, 0, kAll, true},
  {fits(bits(A, 60, 4), W), 0xf, 0, 0, true},
  {fits(bits(A, 60, 4), W), 0x10, 0, 0, false},
  {fits(bits(A, 60, 4), W), b(61) | 0x1f, 0, 1, true},
  // Canonical: bits 63:(W-1) are equal
  {canonical(A, W), b(47) - 1, 0, 48, true},
  {canonical(A, W), b(47), 0, 48, false},
  {canonical(A, W), ~(b(47) - 1), 0, 48, true},
  {canonical(A, W), ~(b(48) - 1), 0, 48, false},
  {canonical(A, W), b(47), 0, 57, true},
  {canonical(A, W), b(56), 0, 57, false},
  {canonical(A, W), b(63), 0, 63, false},
  {canonical(A, W), b(63) | b(62), 0, 63, true},
  {canonical(A, W), b(63), 0, 64, true},
  {canonical(A, W), b(63), 0, 65, true},
  {canonical(A, W), b(63), 0, 0, true},
  {canonical(A, W), kAll, 0, 1, true},
  {canonical(A, W), 1, 0, 1, false},
  // HighEqual: bits 63:W are equal
  {high_equal(A, W), b(48) - 1, 0, 48, true},
  {high_equal(A, W), b(48), 0, 48, false},
  {high_equal(A, W), ~(b(48) - 1), 0, 48, true},
  {high_equal(A, W), ~(b(48) - 1) | 5, 0, 48, true},
  {high_equal(A, W), b(63), 0, 63, true},
  {high_equal(A, W), b(63), 0, 62, false},
  {high_equal(A, W), b(63), 0, 64, true},
  {high_equal(A, W), b(63), 0, kAll, true},
  {high_equal(A, W), kAll, 0, 0, true},
  {high_equal(A, W), 1, 0, 0, false},
  // LinearEnd: A + 16 B - 1 fits W
  {last_fits(A, all(B), 16, 1, W), b(40) - 16, 1, 40, true},
  {last_fits(A, all(B), 16, 1, W), b(40) - 15, 1, 40, false},
  {last_fits(A, all(B), 16, 1, W), b(40) - 32, 2, 40, true},
  {last_fits(A, all(B), 16, 1, W), b(40) - 32, 3, 40, false},
  {last_fits(A, all(B), 16, 1, W), kAll - 15, 1, 64, true},
  {last_fits(A, all(B), 16, 1, W), kAll - 15, 2, 64, false},  // the sum wraps to 15
  {last_fits(A, all(B), 16, 1, W), kAll - 15, 2, 200, false},
  {last_fits(A, all(B), 16, 1, W), 0, b(60), 64, true},
  {last_fits(A, all(B), 16, 1, W), 1, b(60), 64, false},
  {last_fits(A, all(B), 16, 1, W), 0, b(62), 48, false},  // the product wraps to 0
  {last_fits(A, all(B), 16, 1, W), b(63) - 16, 1, 63, true},
  {last_fits(A, all(B), 16, 1, W), b(63) - 16, 2, 63, false},
  {last_fits(A, all(B), 1, 0, W), 0, 0, 0, true},
  {last_fits(A, all(B), 1, 0, W), 0, 1, 0, false},
  {last_fits(A, all(B), 1, 1, W), 0, 0, 40, false},  // nothing ends before 0
  {last_fits(A, bits(B, 8, 0), 8, 1, W), b(40) - 8, 0xfe01, 40, true},
  {last_fits(A, bits(B, 8, 0), 8, 1, W), b(40) - 8, 2, 40, false},
  {last_fits(A, all(B), 0xffffff, 0xff, W), 0xff, 1, 24, true},
  {last_fits(A, all(B), 0xffffff, 0xff, W), 0x100, 1, 24, false},
  // Free
  {condition(0, all(A)), 3, 0, 0, true},
  {condition(0, all(A)), 2, 0, 0, false},
  // structure
  {bit(A, 0) && bit(B, 0), 1, 1, 0, true},
  {bit(A, 0) && bit(B, 0), 1, 0, 0, false},
  {bit(A, 0) && bit(B, 0), 0, 1, 0, false},
  {bit(A, 0) || bit(B, 0), 1, 0, 0, true},
  {bit(A, 0) || bit(B, 0), 0, 1, 0, true},
  {bit(A, 0) || bit(B, 0), 0, 0, 0, false},
  {!bit(A, 0), 0, 0, 0, true},
  {!bit(A, 0), 1, 0, 0, false},
  {nonzero(bits(A, 7, 4)), 0xf0f, 0, 0, false},
  {!(bit(A, 0) && !bit(B, 0)) && clear(A, 1), 1, 1, 0, true},
};
// clang-format on

TEST(Leaf, Holds) {
  for (std::size_t i = 0; i < kTruths.size(); ++i) {
    const Truth& t = kTruths[i];
    Values v{};
    v[A] = t.a, v[B] = t.b, v[W] = t.w;
    EXPECT_EQ(holds(t.e, v.data(), kFunctions), t.holds) << "truth " << i;
  }
}

TEST(Leaf, PatTypesByByte) {
  const auto legal = [](unsigned x) { return x == 0 || x == 1 || (x >= 4 && x <= 7); };
  const Expr e = pat(A);
  for (unsigned at = 0; at < 64; at += 8)
    for (unsigned x = 0; x < 256; ++x)
      for (const std::uint64_t rest : {std::uint64_t{0}, std::uint64_t{0x0706050401000607}}) {
        Values v{};
        v[A] = (rest & ~(std::uint64_t{0xff} << at)) | std::uint64_t{x} << at;
        EXPECT_EQ(holds(e, v.data(), kFunctions), legal(x)) << x << " at " << at;
      }
}

TEST(Leaf, RankIsTheLatestSlotThatRepairWrites) {
  const auto rank_of = [](const Expr& e) { return rank(e, e.size - 1u, kFunctions); };
  EXPECT_EQ(rank_of(always()), 0u);
  EXPECT_EQ(rank_of(bit(X, 0)), X + 1u);
  EXPECT_EQ(rank_of(same(all(A), all(X))), X + 1u);
  EXPECT_EQ(rank_of(le(all(X), all(A))), X + 1u);
  EXPECT_EQ(rank_of(fits(all(B), X)), B + 1u);
  EXPECT_EQ(rank_of(subset(all(A), all(X))), A + 1u);
  EXPECT_EQ(rank_of(last_fits(A, all(B), 16, 1, X)), B + 1u);
  EXPECT_EQ(rank_of(condition(0, all(A))), A + 2u + 1u);
  EXPECT_EQ(rank_of(!(bit(W, 0) && (bit(A, 0) || bit(B, 0)))), W + 1u);
}

// Leaves that can be made true and false from anywhere, given widths as processors have them.
const std::vector<Expr> kMakeable = {
    eq(bits(A, 7, 4), 0xa),
    eq(A, 0x123456789abcdef0),
    in(bits(A, 3, 0), {9, 11}),
    in(bits(A, 63, 58), {0, 63}),
    le(bits(A, 15, 8), 0x7f),
    le(all(A), b(40)),
    same(bits(A, 9, 2), bits(B, 63, 56)),
    same(all(B), all(A)),
    le(bits(A, 40, 8), bits(B, 32, 0)),
    le(bits(B, 40, 8), bits(A, 32, 0)),
    subset(bits(A, 31, 0), bits(B, 63, 32), 0xf0),
    covers(bits(A, 31, 0), bits(B, 63, 32), 0xf0),
    fits(all(A), W),
    fits(bits(A, 63, 4), W),
    canonical(A, W),
    high_equal(A, W),
    pat(A),
    last_fits(A, bits(B, 31, 0), 16, 1, W),
    condition(0, all(A)),
};

Values makeable_values(Rng& rng) {
  Values v{};
  v[A] = edgy_value(rng), v[B] = rng.next() | 1, v[X] = rng.next();
  v[W] = 32 + rng.below(26);
  return v;
}

TEST(MakeLeaf, ReachesBothWithoutLocks) {
  for (std::size_t i = 0; i < kMakeable.size(); ++i) {
    for (std::uint64_t n = 0; n < 2000; ++n) {
      Rng rng(i, n);
      const bool want = n % 2 == 0;
      Values v = makeable_values(rng);
      const Values before = v;
      Locks locks{};
      locks[W] = locks[X] = kAll;
      const bool already = holds(kMakeable[i], v.data(), kFunctions) == want;
      const bool possible = want || kMakeable[i].root().op != Op::SubsetOf || (before[B] >> 32 | 0xf0) != 0xffffffff;
      ASSERT_EQ(make_leaf(kMakeable[i].root(), v.data(), locks, want, rng, kFunctions), possible) << i << ' ' << n;
      ASSERT_EQ(holds(kMakeable[i], v.data(), kFunctions), want) << i << ' ' << n;
      ASSERT_TRUE(!already || v == before) << i << ' ' << n;
      ASSERT_TRUE(keeps_locks(before, v, locks)) << i << ' ' << n;
    }
  }
}

TEST(MakeLeaf, LocksHoldAndAnswersAreTrue) {
  std::vector<Expr> all_leaves = kMakeable;
  all_leaves.push_back(always());
  all_leaves.push_back(condition(1, all(A)));
  std::size_t made = 0, refused = 0;
  for (std::size_t i = 0; i < all_leaves.size(); ++i) {
    const Node& n = all_leaves[i].root();
    for (std::uint64_t k = 0; k < 4000; ++k) {
      Rng rng(i + 100, k);
      Values v = makeable_values(rng);
      if (rng.one_in(3)) v[W] = edgy_value(rng);
      const Locks locks = with_random_locks({}, rng);
      const Values before = v;
      const bool want = rng.one_in(2), done = make_leaf(n, v.data(), locks, want, rng, kFunctions);
      ASSERT_TRUE(keeps_locks(before, v, locks)) << i << ' ' << k;
      ASSERT_TRUE(!done || holds(all_leaves[i], v.data(), kFunctions) == want) << i << ' ' << k;
      Locks others{};
      others.fill(kAll);
      others[A] = others[B] = 0;
      ASSERT_TRUE(keeps_locks(before, v, others)) << "a slot the leaf does not name, or its width: " << i << ' ' << k;
      ++(done ? made : refused);
    }
  }
  EXPECT_GT(made, 10000u);
  EXPECT_GT(refused, 10000u);
}

TEST(MakeLeaf, RefusesWhatLocksForbid) {
  Locks locked{};
  locked.fill(kAll);
  for (std::size_t i = 0; i < kMakeable.size(); ++i) {
    for (std::uint64_t k = 0; k < 200; ++k) {
      Rng rng(i + 200, k);
      Values v = makeable_values(rng);
      const Values before = v;
      const bool is = holds(kMakeable[i], v.data(), kFunctions);
      EXPECT_TRUE(make_leaf(kMakeable[i].root(), v.data(), locked, is, rng, kFunctions));
      EXPECT_FALSE(make_leaf(kMakeable[i].root(), v.data(), locked, !is, rng, kFunctions)) << i;
      EXPECT_EQ(v, before);
    }
  }
}

// Small enough that every assignment of the unlocked bits can be tried.
TEST(MakeLeaf, FindsASolutionInSmallSlicesExactlyWhenThereIsOne) {
  const std::vector<Expr> small = {eq(bits(A, 2, 0), 5), in(bits(A, 2, 0), {1, 6}), same(bits(A, 2, 0), bits(B, 2, 0)),
                                   subset(bits(A, 2, 0), bits(B, 2, 0)), covers(bits(A, 2, 0), bits(B, 2, 0))};
  for (std::size_t i = 0; i < small.size(); ++i) {
    const bool b_gives_way = small[i].root().op == Op::Eq;
    for (std::uint64_t x = 0; x < 8 * 8 * 8 * 8 * 2; ++x) {
      Rng rng(i + 300, x);
      Values v{};
      Locks locks{};
      v[A] = x & 7, v[B] = x >> 3 & 7, locks[A] = x >> 6 & 7;
      locks[B] = b_gives_way ? x >> 9 & 7 : 7;
      const bool want = (x >> 12) != 0;
      bool possible = false;
      for (std::uint64_t y = 0; y < 64; ++y) {
        Values t = v;
        t[A] = y & 7, t[B] = y >> 3;
        possible |= keeps_locks(v, t, locks) && holds(small[i], t.data(), kFunctions) == want;
      }
      const bool done = make_leaf(small[i].root(), v.data(), locks, want, rng, kFunctions);
      // Equality by giving way on both sides at once is not looked for.
      ASSERT_TRUE(done == possible || (b_gives_way && want && !done)) << i << ' ' << x;
    }
  }
}

}  // namespace
}  // namespace diffvisor::rules
