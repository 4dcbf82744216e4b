// SPDX-License-Identifier: Apache-2.0
#include "oracles/recorded/recorded.h"

#include <gtest/gtest.h>

#include "harness/compare/toy_domain.h"

namespace diffvisor::recorded {
namespace {

Result<Observation> read(const std::string& outcome) {
  return observation_of({"box", "2.7", outcome, {}}, toy::domain());
}

TEST(Recorded, OutcomesOfTheDomain) {
  const auto o = read("bad(12)");
  ASSERT_TRUE(o);
  EXPECT_EQ(o->status, Status::Ran);
  EXPECT_EQ(o->outcome, toy::kBadB);
  EXPECT_EQ(o->defined, 0u) << "only the outcome was stored";
}

TEST(Recorded, WhatDidNotRun) {
  const auto left_out = read("incomparable(known_death)"), dead = read("died(hang)");
  ASSERT_TRUE(left_out && dead);
  EXPECT_EQ(left_out->status, Status::Incomparable);
  EXPECT_NE(left_out->reason, Observation().reason) << "an executor would run the case";
  EXPECT_EQ(dead->status, Status::Died);
  EXPECT_EQ(dead->reason, "hang");
}

TEST(Recorded, OtherWordsAreAnError) {
  for (const char* words : {"", "bad", "died", "died(", "bad(12) ", "Done"}) {
    const auto o = read(words);
    ASSERT_FALSE(o) << words;
    EXPECT_EQ(o.error().code, ErrorCode::Format);
    EXPECT_EQ(o.error().place, "box");
  }
}

}  // namespace
}  // namespace diffvisor::recorded
