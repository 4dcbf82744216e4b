// SPDX-License-Identifier: Apache-2.0
// New, fixed, not run, another suspect, flaky: each told from the others.
#include "reports/comparison.h"

#include <gtest/gtest.h>

namespace diffvisor::reports {
namespace {

using triage::Record;

Run run(std::string id, std::uint64_t next, std::uint64_t seed = 1) {
  Run r;
  r.id = std::move(id);
  r.domain = "toy";
  r.profile = "plain";
  r.seed = seed;
  r.next = next;
  return r;
}

Record record(std::string bucket, std::string origin, std::uint64_t first_index) {
  Record r;
  r.bucket = std::move(bucket);
  r.domain = "toy";
  r.smallest.executor = "box";
  r.said = {{"arch", "1", "ok", Trust::Reference, compare::VerdictKind::Agree},
            {"box", "1", "bad", Trust::Independent, compare::VerdictKind::Divergence}};
  triage::Origin o;
  o.count = 1;
  o.first_index = first_index;
  o.seed = 1;
  o.profile = "plain";
  r.origins[std::move(origin)] = o;
  return r;
}

FindingsReport side(std::vector<Record> records, std::vector<Run> runs) {
  FindingsReport r;
  r.records = std::move(records);
  r.runs = std::move(runs);
  return r;
}

Change only(const FindingsReport& before, const FindingsReport& after) {
  const auto all = compare(before, after);
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? Change::Unchanged : all[0].change;
}

TEST(Comparison, WhatIsGoneIsFixedOnlyIfItsCaseWasRun) {
  const auto before = side({record("toy.a", "old", 900)}, {run("old", 1000)});
  EXPECT_EQ(only(before, side({}, {run("new", 1000)})), Change::Fixed);
  EXPECT_EQ(only(before, side({}, {run("new", 900)})), Change::NotRun);
  EXPECT_EQ(only(before, side({}, {run("new", 1000, 2)})), Change::NotRun);
  reports::Run half = run("new", 1000);
  half.shard = 1;
  half.shards = 2;  // batch 3 is not its own
  EXPECT_EQ(only(before, side({}, {half})), Change::NotRun);
  half.shard = 2;
  EXPECT_EQ(only(before, side({}, {half})), Change::Fixed);
}

TEST(Comparison, WhatComesIsNew) {
  const auto after = side({record("toy.a", "new", 900)}, {run("new", 1000)});
  EXPECT_EQ(only(side({}, {run("old", 1000)}), after), Change::New);
  EXPECT_EQ(compare(side({}, {run("old", 1000)}), after)[0].note, "");
  EXPECT_EQ(compare(side({}, {run("old", 100)}), after)[0].note, "its first case was not run before");
}

TEST(Comparison, TheSameCampaignMustFindTheSame) {
  const auto with = side({record("toy.a", "x", 900)}, {run("x", 1000)}), without = side({}, {run("x", 1000)});
  EXPECT_EQ(only(with, without), Change::Flaky);
  EXPECT_EQ(only(without, with), Change::Flaky);
  EXPECT_EQ(only(with, side({}, {run("x", 900)})), Change::NotRun);
  EXPECT_EQ(only(with, with), Change::Unchanged);
}

TEST(Comparison, OrderDependentIsFlaky) {
  Record r = record("toy.a", "x", 1);
  r.smallest.order_dependent = true;
  EXPECT_EQ(only(side({r}, {}), side({r}, {})), Change::Flaky);
  EXPECT_EQ(only(side({}, {}), side({r}, {})), Change::Flaky);
}

TEST(Comparison, AnotherSuspect) {
  const Record before = record("toy.a", "x", 1);
  Record after = before;
  after.said.push_back({"bag", "1", "ok", Trust::Independent, compare::VerdictKind::Agree});
  const auto a = side({before}, {}), b = side({after}, {});
  const auto all = compare(a, b);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].change, Change::Blame);
  EXPECT_EQ(all[0].note.substr(0, 14), "was undecided:");
  EXPECT_NE(comparison_text(all).find("suspect box"), std::string::npos);
  EXPECT_EQ(comparison_json(all).at("changes").at(0).at("change"), "changed_blame");
}

}  // namespace
}  // namespace diffvisor::reports
