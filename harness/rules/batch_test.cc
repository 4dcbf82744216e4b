// SPDX-License-Identifier: Apache-2.0
// Every form of leaf for 64 states at once against the leaf itself, over the values where they could part.
#include <gtest/gtest.h>

#include "harness/rules/compile.h"
#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"

namespace diffvisor::rules {
namespace {

enum : Slot { A, B, Width, Far = 100, FarWidth = 255 };

bool is_odd(const std::uint64_t* v, Slice a, Slice) { return (v[a.slot] & 1) != 0; }
bool never_made(std::uint64_t*, const Locks&, Slice, Slice, bool, Rng&) { return false; }
std::uint64_t odd_each(const std::uint64_t* const* states, std::uint64_t among, Slice a, Slice) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < kBatch; ++i) out |= (states[i][a.slot] & 1) << i;
  return out & among;
}
constexpr std::array kFunctions = {FreeCondition{"odd", &is_odd, &never_made, 0},
                                   FreeCondition{"odd", &is_odd, &never_made, 0, &odd_each}};

constexpr Rule when_holds(const Expr& e) { return {"t", "", Kind::Check, 0, 0, 0, e, never()}; }

// More than 64 rows, so that the last word is not full.
constexpr auto kTable = [] {
  // clang-format off
  const std::array leaves = {
      always(), never(), bit(A, 63), clear(A, 0), bit(Far, 7), eq(A, 5), eq(bits(A, 11, 4), 0x81), zero(A, 31, 4),
      eq(bits(A, 2, 0), 9), nonzero(bits(Far, 63, 60)), eq(A, ~std::uint64_t{0}),
      in(bits(A, 5, 0), {0, 7, 63}), in(bits(A, 9, 8), {1, 2}), in(bits(Far, 63, 60), {15}),
      le(all(A), 41), le(bits(A, 7, 0), 0x7f), le(all(A), ~std::uint64_t{0}), le(bits(A, 63, 56), 200),
      same(all(A), all(B)), same(bits(A, 3, 0), bits(B, 7, 4)), same(bits(A, 40, 3), bits(Far, 40, 3)),
      same(bits(A, 3, 0), bits(B, 7, 0)), le(all(A), all(B)), le(bits(A, 9, 2), bits(Far, 17, 10)),
      subset(all(A), all(B)), subset(bits(A, 31, 0), bits(B, 63, 32), 0xf0), subset(bits(A, 40, 8), bits(Far, 15, 8)),
      covers(all(A), all(B)), covers(bits(A, 31, 0), bits(Far, 63, 32), 0x0f), covers(all(Far), bits(A, 31, 0)),
      fits(all(A), Width), fits(bits(A, 60, 0), Width), fits(bits(A, 63, 12), FarWidth),
      canonical(A, Width), canonical(Far, FarWidth), high_equal(A, Width), high_equal(Far, Width), pat(A), pat(Far),
      last_fits(A, all(B), 16, 1, Width), last_fits(A, bits(B, 15, 0), 8, 0, FarWidth), last_fits(Far, all(B), 0xffffff, 0xff, Width),
      condition(0, all(A)), condition(1, all(Far)),
  };
  // clang-format on
  constexpr std::size_t n = leaves.size();
  std::array<Rule, 2 * n + 4> rows;
  for (std::size_t i = 0; i < n; ++i) rows[i] = when_holds(leaves[i]);
  for (std::size_t i = 0; i < n; ++i) rows[n + i] = {"t", "", Kind::Check, 0, 0, 0, bit(B, 0), leaves[i]};
  rows[2 * n] = when_holds((bit(A, 0) && !(bit(B, 0) || clear(B, 1))) || (bit(A, 0) && zero(Far, 3, 0) && bit(A, 0)));
  rows[2 * n + 1] = when_holds(bit(A, 0) && clear(A, 0));
  rows[2 * n + 2] = when_holds(!(bit(A, 0) && always()) || never());
  rows[2 * n + 3] = when_holds(condition(0, all(A)) || condition(1, all(B)));
  return rows;
}();
constexpr RuleSet kSet = make_rule_set<kTable, kFunctions>();

// Values next to those at which a leaf changes its mind.
Values values(Rng& rng) {
  Values v{};
  const std::uint64_t widths[] = {0, 1, 8, 32, 48, 57, 63, 64, 65, 200, ~std::uint64_t{0}};
  v[Width] = rng.pick(std::span<const std::uint64_t>(widths)), v[FarWidth] = rng.one_in(2) ? rng.below(70) : v[Width];
  for (const Slot s : {A, B, Far}) {
    const std::uint64_t edge = ones(static_cast<unsigned>(rng.one_in(2) ? v[Width] & 127 : v[FarWidth] & 127));
    const std::uint64_t choices[] = {edge, edge + 1, ~edge, ~(edge >> 1),   0x0706050401000607,
                                     5,    41,       v[A],  edgy_value(rng)};
    v[s] = rng.pick(std::span<const std::uint64_t>(choices)) ^ (rng.one_in(3) ? std::uint64_t{1} << rng.below(64) : 0);
  }
  return v;
}

Survey interpreted(const std::uint64_t* v) {
  Survey s;
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (!holds(kTable[i].when, v, kFunctions)) continue;
    s.applied.set(i);
    if (!holds(kTable[i].must, v, kFunctions)) s.broken.set(i);
  }
  return s;
}

TEST(Batch, EveryLeafSaysWhatItSaysAlone) {
  if (!has_batch_unit()) GTEST_SKIP() << "no AVX-512";
  RuleBits seen, idle;
  Rng rng(1);
  for (unsigned round = 0; round < 400; ++round) {
    std::array<Values, kBatch> states;
    std::array<const std::uint64_t*, kBatch> at;
    for (std::size_t i = 0; i < kBatch; ++i) states[i] = values(rng), at[i] = states[i].data();
    std::array<Survey, kBatch> out;
    survey_batch(kSet, at, out.data());
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Survey expected = interpreted(at[i]);
      for (std::size_t r = 0; r < kTable.size(); ++r) {
        ASSERT_EQ(out[i].applied.test(r), expected.applied.test(r)) << r;
        ASSERT_EQ(out[i].broken.test(r), expected.broken.test(r)) << r;
      }
      ASSERT_EQ(out[i].applied, expected.applied) << "bits behind the last row";
      ASSERT_EQ(out[i].broken, expected.broken);
      seen |= expected.applied, idle |= ~expected.applied;
    }
  }
  for (std::size_t r = 0; r < kTable.size(); ++r) {
    const Expr& e = kTable[r].when;
    EXPECT_TRUE(seen.test(r) || e == never() || e == eq(bits(A, 2, 0), 9) || e == (bit(A, 0) && clear(A, 0))) << r;
    EXPECT_TRUE(idle.test(r) || is_always(e) || e == le(all(A), ~std::uint64_t{0})) << r;
  }
}

TEST(Batch, AnyNumberOfStates) {
  Rng rng(2);
  std::vector<Values> states(200);
  std::vector<const std::uint64_t*> at;
  for (Values& v : states) v = values(rng), at.push_back(v.data());
  for (std::size_t n : {0u, 1u, 5u, 11u, 12u, 13u, 63u, 64u, 65u, 75u, 76u, 127u, 128u, 200u}) {
    std::vector<Survey> out(201);
    out[n].broken.set(7);
    survey_batch(kSet, std::span(at).first(n), out.data());
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(out[i].broken, interpreted(at[i]).broken) << n << ' ' << i;
    ASSERT_TRUE(out[n].broken.test(7) && out[n].broken.count() == 1);
  }
}

TEST(Batch, NoRulesBreakNothing) {
  const Values v{};
  std::vector<const std::uint64_t*> at(70, v.data());
  std::vector<Survey> out(70);
  out[69].broken.set(1);
  survey_batch(no_rules(), at, out.data());
  EXPECT_TRUE(out[69].broken.none());
}

}  // namespace
}  // namespace diffvisor::rules
