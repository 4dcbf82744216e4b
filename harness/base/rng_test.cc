// SPDX-License-Identifier: Apache-2.0
// The sequences are pinned: a campaign's cases are a function of the seed on every machine and in every version.
#include "harness/base/rng.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace diffvisor {
namespace {

TEST(Rng, MixIsSplitMix64) {
  // The published first outputs of splitmix64 with seed 0: the state advances by the golden ratio, then is mixed.
  constexpr std::uint64_t step = 0x9e3779b97f4a7c15;
  EXPECT_EQ(mix64(step), 0xe220a8397b1dcdafu);
  EXPECT_EQ(mix64(2 * step), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(mix64(3 * step), 0x06c45d188009454fu);
}

TEST(Rng, SequencesArePinned) {
  Rng a(1), b(1, 7);
  const std::array<std::uint64_t, 3> of_a = {a.next(), a.next(), a.next()};
  const std::array<std::uint64_t, 3> of_b = {b.next(), b.next(), b.next()};
  EXPECT_EQ(of_a, (std::array<std::uint64_t, 3>{0x574fdc399a9badb2, 0x58996ada22ea1efd, 0xdfe1ad632c22acf6}));
  EXPECT_EQ(of_b, (std::array<std::uint64_t, 3>{0x2238d832b290e7dc, 0x9eb625c2e80c53e8, 0x4f3721bdbaf55df0}));
}

TEST(Rng, SeedsAndStreamsAreIndependent) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (std::uint64_t stream = 0; stream < 100; ++stream) first.insert(Rng(seed, stream).next());
  EXPECT_EQ(first.size(), 10000u);
}

TEST(Rng, BelowStaysBelowAndReachesBothEnds) {
  Rng rng(3);
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{7}, std::uint64_t{1000}}) {
    std::uint64_t smallest = n, largest = 0;
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t x = rng.below(n);
      ASSERT_LT(x, n);
      smallest = x < smallest ? x : smallest;
      largest = x > largest ? x : largest;
    }
    EXPECT_EQ(smallest, 0u);
    EXPECT_EQ(largest, n - 1);
  }
  bool high = false;
  for (int i = 0; i < 100; ++i) high |= rng.below(~std::uint64_t{0}) >> 63 != 0;
  EXPECT_TRUE(high);
}

TEST(Rng, BelowIsEven) {
  Rng rng(4);
  std::array<int, 6> seen{};
  for (int i = 0; i < 60000; ++i) ++seen[static_cast<std::size_t>(rng.below(6))];
  for (const int n : seen) EXPECT_NEAR(n, 10000, 500);
}

TEST(Rng, OneInOneIsAlwaysAndPickReachesAll) {
  Rng rng(5);
  const std::array<int, 3> from = {1, 2, 4};
  int seen = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(rng.one_in(1));
    seen |= rng.pick(std::span<const int>(from));
  }
  EXPECT_EQ(seen, 7);
}

}  // namespace
}  // namespace diffvisor
