// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/outcome.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace diffvisor::svm {
namespace {

TEST(Outcome, FormsAreDistinctAndReadBack) {
  std::set<std::string> words, texts;
  std::size_t count = 0;
  const auto add = [&](Outcome o) {
    const std::string word = outcome_word(o);
    EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << word;
    words.insert(word);
    texts.insert(outcome_text(o));
    Outcome back = 0;
    EXPECT_TRUE(parse_outcome(outcome_text(o), back)) << word;
    EXPECT_EQ(back, o);
    ++count;
  };
  for (const auto kind :
       {OutcomeKind::InvalidOpcode, OutcomeKind::GeneralProtection, OutcomeKind::Invalid, OutcomeKind::Unjudged})
    add(make_outcome(kind));
  for (std::uint32_t n = 0; n < 0x500; ++n) add(entered(n));
  add(kEntered);
  EXPECT_EQ(words.size(), count);
  EXPECT_EQ(texts.size(), count);
}

TEST(Outcome, Texts) {
  EXPECT_EQ(outcome_text(kEntered), "entered");
  EXPECT_EQ(outcome_text(entered(kVmmcallExit)), "entered(0x81)");
  EXPECT_EQ(outcome_text(kInvalid), "vmexit_invalid");
  EXPECT_EQ(outcome_word(entered(0x4d)), "entered_four_thirteen");
  EXPECT_EQ(outcome_word(entered(0x400)), "entered_four_zero_zero");
  Outcome out = 0;
  EXPECT_FALSE(parse_outcome("entered(129)", out));
  EXPECT_FALSE(parse_outcome("entered(0x81", out));
  EXPECT_FALSE(parse_outcome("entered(0x081)", out));
}

TEST(Outcome, AnOpenExitAcceptsAnyEntry) {
  EXPECT_TRUE(outcome_matches(kEntered, entered(kVmmcallExit)));
  EXPECT_FALSE(outcome_matches(kEntered, kInvalid));
  EXPECT_FALSE(outcome_matches(entered(kVmmcallExit), kEntered));
}

}  // namespace
}  // namespace diffvisor::svm
