// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/outcome.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace diffvisor::vmx {
namespace {

TEST(Outcome, WordsAreDistinctAndWithoutDigits) {
  std::set<std::string> words, texts;
  std::size_t count = 0;
  const auto add = [&](Outcome o) {
    const std::string word = outcome_word(o);
    EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << word;
    words.insert(word);
    texts.insert(outcome_text(o));
    ++count;
  };
  for (const auto kind :
       {OutcomeKind::InvalidOpcode, OutcomeKind::GeneralProtection, OutcomeKind::FailInvalid, OutcomeKind::Unjudged})
    add(make_outcome(kind));
  for (std::uint32_t n = 0; n < 1200; ++n) {
    add(entered(n));
    add(fail_valid(n));
    add(fail_guest(n));
    add(fail_msr(n));
  }
  add(kEntered);
  EXPECT_EQ(words.size(), count);
  EXPECT_EQ(texts.size(), count);
}

TEST(Outcome, Texts) {
  EXPECT_EQ(outcome_text(kEntered), "entered");
  EXPECT_EQ(outcome_text(entered(52)), "entered(52)");
  EXPECT_EQ(outcome_text(fail_valid(7)), "vmfail_valid(7)");
  EXPECT_EQ(outcome_text(fail_guest(4)), "entry_failure(33, 4)");
  EXPECT_EQ(outcome_text(fail_msr(2)), "entry_failure(34, 2)");
  EXPECT_EQ(outcome_text(make_outcome(OutcomeKind::GeneralProtection)), "#GP(0)");
  EXPECT_EQ(outcome_word(fail_guest(4)), "entry_failure_guest_four");
  EXPECT_EQ(outcome_word(entered(52)), "entered_five_two");
}

}  // namespace
}  // namespace diffvisor::vmx
