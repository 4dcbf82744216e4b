// SPDX-License-Identifier: Apache-2.0
// 200 predicates made from a seed, each with its optimum by brute force over subsets of up to three differing bits.
#include <bit>

#include <gtest/gtest.h>

#include "harness/base/rng.h"
#include "harness/case/test_schemas.h"
#include "harness/minimise/minimise.h"

namespace diffvisor::minimise {
namespace {

constexpr unsigned kBits = 14;  // of WIDE that the case differs in

// A bucket that one of a few sets of bits shows, unless a bit that spoils it is there without its partner.
struct Bucket {
  std::uint64_t sets[3];
  std::uint64_t spoiler, partner;
  bool shows(std::uint64_t x) const {
    if ((x & spoiler) != 0 && (x & partner) == 0) return false;
    for (const std::uint64_t s : sets)
      if ((x & s) == s) return true;
    return false;
  }
};

std::uint64_t bit(Rng& rng) { return std::uint64_t{1} << rng.below(kBits); }

Bucket bucket(Rng& rng) {
  Bucket b{};
  for (std::uint64_t& s : b.sets)
    for (auto n = 1 + rng.below(3); n > 0; --n) s |= bit(rng);
  b.spoiler = bit(rng);
  b.partner = bit(rng);
  return b;
}

// The fewest of the case's bits that show it.
int optimum(const Bucket& b, std::uint64_t from) {
  int best = 64;
  for (std::uint64_t x = 1; x < std::uint64_t{1} << kBits; ++x)
    if ((x & ~from) == 0 && std::popcount(x) <= 3 && b.shows(x)) best = std::min(best, std::popcount(x));
  return best;
}

TEST(Minimise, IsOptimalOnNearlyAllAndMinimalOnAll) {
  using samples::kWide;
  int tried = 0, optimal = 0;
  for (std::uint64_t seed = 0; tried < 200; ++seed) {
    Rng rng(seed);
    const Bucket b = bucket(rng);
    Case c = golden_case(samples::awkward_schema());
    const std::uint64_t golden = c.v[kWide], from = (std::uint64_t{1} << kBits) - 1;
    c.v[kWide] ^= from;
    const auto shows = [&](const Case& x) { return b.shows(x.v[kWide] ^ golden); };
    const int best = optimum(b, from);
    if (!shows(c) || best > 3) continue;
    ++tried;
    const auto m = minimise(c, shows);
    ASSERT_TRUE(m);
    const std::uint64_t left = m->best.v[kWide] ^ golden;
    ASSERT_TRUE(b.shows(left)) << "seed " << seed;
    for (std::uint64_t x = left; x != 0; x &= x - 1)
      EXPECT_FALSE(b.shows(left & ~(x & (0 - x)))) << "seed " << seed << " is not minimal";
    optimal += std::popcount(left) == best;
  }
  RecordProperty("optimal", optimal);
  EXPECT_GE(optimal, 190) << "of 200";
}

}  // namespace
}  // namespace diffvisor::minimise
