// SPDX-License-Identifier: Apache-2.0
#include "harness/bucket/bucket.h"

#include <gtest/gtest.h>

#include "harness/base/rng.h"

namespace diffvisor::bucket {
namespace {

TEST(Bucket, SpellingIsReadable) {
  EXPECT_EQ(spell("vmx.guest.cr0.pg_pe"), "vmx.guest.crqa.pg_pe");
  EXPECT_EQ(spell("seq"), "seqq");
  EXPECT_EQ(spell("A+"), "quaqzcl");
}

TEST(Bucket, SpellingIsInjectiveOnEveryShortText) {
  // Every text of one and two bytes, and random longer ones, comes back; so no two share a spelling.
  for (int a = 0; a < 256; ++a) {
    for (int b = -1; b < 256; ++b) {
      std::string text(1, static_cast<char>(a));
      if (b >= 0) text += static_cast<char>(b);
      ASSERT_EQ(unspell(spell(text)), text);
    }
  }
  Rng rng(1);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto n = rng.below(20); n > 0; --n) text += static_cast<char>("qauz09jx._Q\xff"[rng.below(12)]);
    ASSERT_EQ(unspell(spell(text)), text);
  }
}

TEST(Bucket, SpellingHasNoDigitsAndNoCapitals) {
  for (int a = 0; a < 256; ++a)
    for (const char c : spell(std::string(1, static_cast<char>(a))))
      EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '.' || c == '_');
}

TEST(Bucket, UnspellRefusesWhatSpellCannotSay) {
  for (const char* bad : {"q", "qk", "qu", "qu1", "qza", "1", "A", "qzaq", "qzgb"})
    EXPECT_EQ(unspell(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace diffvisor::bucket
