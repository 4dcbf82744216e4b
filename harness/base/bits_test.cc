// SPDX-License-Identifier: Apache-2.0
#include "harness/base/bits.h"

#include <gtest/gtest.h>

namespace diffvisor {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

TEST(Bits, OnesAtTheEdges) {
  EXPECT_EQ(ones(0), 0u);
  EXPECT_EQ(ones(1), 1u);
  EXPECT_EQ(ones(63), kAll >> 1);
  EXPECT_EQ(ones(64), kAll);
  EXPECT_EQ(ones(65), kAll);
  EXPECT_EQ(ones(~0u), kAll);
}

TEST(Bits, ShiftsByTheWidthAndMoreGiveZero) {
  EXPECT_EQ(shift_right(kAll, 0), kAll);
  EXPECT_EQ(shift_right(kAll, 63), 1u);
  EXPECT_EQ(shift_right(kAll, 64), 0u);
  EXPECT_EQ(shift_right(kAll, kAll), 0u);
}

TEST(Bits, FieldsOfAWord) {
  constexpr std::uint64_t v = 0xfedcba9876543210;
  EXPECT_EQ(field_of(v, 63, 0), v);
  EXPECT_EQ(field_of(v, 63, 63), 1u);
  EXPECT_EQ(field_of(v, 0, 0), 0u);
  EXPECT_EQ(field_of(v, 15, 8), 0x32u);
  static_assert(field_of(v, 64, 64) == 0 && field_of(v, 200, 100) == 0, "above the word there is nothing");
}

TEST(Bits, CanonicalAtEveryWidth) {
  for (unsigned width = 1; width <= 64; ++width) {
    const std::uint64_t top = std::uint64_t{1} << (width - 1);
    EXPECT_TRUE(is_canonical(0, width)) << width;
    EXPECT_TRUE(is_canonical(kAll, width)) << width;
    EXPECT_TRUE(is_canonical(top - 1, width)) << width;
    EXPECT_TRUE(is_canonical(~(top - 1), width)) << width;
    if (width == 64) continue;
    EXPECT_FALSE(is_canonical(top, width)) << width;
    EXPECT_FALSE(is_canonical(~top, width)) << width;
  }
  for (const std::uint64_t width : {std::uint64_t{0}, std::uint64_t{65}, kAll})
    EXPECT_TRUE(is_canonical(0x123456789abcdef0, width)) << "counts as 64";
}

TEST(Bits, SignExtensionGivesTheCanonicalForm) {
  EXPECT_EQ(sign_extend(0x80, 8), 0xffffffffffffff80u);
  EXPECT_EQ(sign_extend(0x17f, 8), 0x7fu);
  EXPECT_EQ(sign_extend(1, 1), kAll);
  EXPECT_EQ(sign_extend(kAll, 64), kAll);
  EXPECT_EQ(sign_extend(0x80, 0), 0x80u);
  EXPECT_EQ(sign_extend(0x80, kAll), 0x80u);
  for (unsigned width = 1; width <= 64; ++width)
    for (const std::uint64_t v : {std::uint64_t{0x5555555555555555}, std::uint64_t{0xaaaaaaaaaaaaaaaa}})
      EXPECT_TRUE(is_canonical(sign_extend(v, width), width)) << width;
}

}  // namespace
}  // namespace diffvisor
