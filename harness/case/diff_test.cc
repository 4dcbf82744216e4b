// SPDX-License-Identifier: Apache-2.0
#include "harness/case/diff.h"

#include <gtest/gtest.h>

#include "harness/case/test_schemas.h"

namespace diffvisor {
namespace {

using samples::awkward_schema;

std::string text_of(std::initializer_list<std::pair<unsigned, std::uint64_t>> changes) {
  Case c = golden_case(awkward_schema());
  for (const auto& [slot, bits] : changes) c.v[slot] ^= bits;
  return golden_difference_text(c);
}

TEST(Diff, SaysWhatDiffers) {
  EXPECT_EQ(text_of({}), "is the golden case");
  EXPECT_EQ(text_of({{samples::kNamed, 0x10}}), "differs from golden in 1 field: NAMED bit 4 (S)");
  EXPECT_EQ(text_of({{samples::kNamed, 0x90}}), "differs from golden in 1 field: NAMED bits 4 (S), 7 (P)");
  EXPECT_EQ(text_of({{samples::kNamed, 0x60}}), "differs from golden in 1 field: NAMED DPL 0x0 -> 0x3");
  EXPECT_EQ(text_of({{samples::kNamed, 0x10001}}), "differs from golden in 1 field: NAMED 0x93 -> 0x10092");
  EXPECT_EQ(text_of({{samples::kWide, std::uint64_t{1} << 63}}), "differs from golden in 1 field: WIDE bit 63");
  EXPECT_EQ(text_of({{samples::kWide, 0xff}}), "differs from golden in 1 field: WIDE 0x0 -> 0xff");
  EXPECT_EQ(text_of({{samples::kList + 1, 1}, {samples::kFact, 8}}),
            "differs from golden in 2 fields: LIST[1] 0x0 -> 0x1, FACT bit 3");
}

TEST(Diff, GoldenIsThatOfTheCasesOwnContext) {
  Case c = golden_case(awkward_schema());
  c.v[samples::kContext] = 2;
  reset_to_golden(c);
  EXPECT_EQ(golden_difference_text(c), "differs from golden in 1 field: CONTEXT bit 1 (two)");
}

TEST(Diff, AreasAndOperations) {
  Case a = golden_case(awkward_schema(), 0);
  a.areas[0].resize(3);
  a.operations = {{7, {}}, {255, {1}}};
  Case b = a;
  EXPECT_TRUE(difference(a, b).empty());
  b.profile = 1;
  b.areas[0].resize(2);
  b.operations[1].args[0] = 2;
  EXPECT_EQ(difference_text(difference(a, b)),
            "profile; area code: 3 -> 2 bytes, from offset 2; operations: 2 -> 2, from number 1");
}

TEST(Diff, NamedBitsCoverEveryDifferingBitOnce) {
  Rng rng(8);
  for (const Schema* s : samples::test_schemas())
    for (int i = 0; i < 500; ++i)
      for (const FieldDifference& d : difference_from_golden(samples::random_case(rng, *s)).fields) {
        std::uint64_t x = 0;
        for (const BitDifference& b : bit_differences(d)) {
          ASSERT_NE(b.before, b.after);
          x |= (b.before ^ b.after) << b.lo;
        }
        ASSERT_EQ(x, d.before ^ d.after);
        ASSERT_NE(x, 0u);
      }
}

}  // namespace
}  // namespace diffvisor
