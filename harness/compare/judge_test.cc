// SPDX-License-Identifier: Apache-2.0
// Every verdict on the toy table, and what is counted on the way to it.
#include "harness/compare/judge.h"

#include <gtest/gtest.h>

#include "harness/compare/toy_domain.h"

namespace diffvisor::compare {
namespace {

using namespace toy;
using rules::RowEdit;

RowEdit dropped(std::size_t row) {
  RowEdit e;
  e.row = row;
  e.drop = true;
  return e;
}
RowEdit reported_as(std::size_t row, rules::Outcome o) {
  RowEdit e;
  e.row = row;
  e.outcome = o;
  return e;
}
Known entry(std::string id, std::vector<RowEdit> edits, std::string executor = "box") {
  Known k;
  k.id = std::move(id);
  k.executor = std::move(executor);
  k.edits = std::move(edits);
  return k;
}

// A judge with one executor, "box" 2.7.
struct Bench {
  explicit Bench(std::vector<Known> known = {}, const std::vector<RowEdit>& quirk = {})
      : judge(domain(), std::move(known), quirk) {
    EXPECT_EQ(judge.add_executor({"box", "2.7", Trust::Independent}), 0u);
  }
  Verdict of(std::uint64_t a, std::uint64_t b, const Observation& seen) {
    const Case c = toy_case(a, b);
    return judge.judge(c, judge.read(c), 0, seen);
  }
  VerdictKind kind(std::uint64_t a, std::uint64_t b, rules::Outcome seen) { return of(a, b, says(seen)).kind; }
  std::uint64_t decided(std::size_t i) const { return judge.counts(0)[i].decided; }
  std::uint64_t fired(std::size_t i) const { return judge.counts(0)[i].fired; }

  Judge judge;
};

TEST(Judge, AgreesWithAnyBrokenRowOfTheFirstPhaseAndWithNothingElse) {
  Bench b;
  EXPECT_EQ(b.kind(0, 0, kDone), VerdictKind::Agree);
  EXPECT_EQ(b.kind(1, 0, kBadA), VerdictKind::Agree);
  EXPECT_EQ(b.kind(1, 0x20, kBadA), VerdictKind::Agree);
  EXPECT_EQ(b.kind(1, 0x20, kBadB), VerdictKind::Agree);
  EXPECT_EQ(b.kind(1, 0, kBadB), VerdictKind::Divergence);
  EXPECT_EQ(b.kind(1, 0, kDone), VerdictKind::Divergence);
  EXPECT_EQ(b.kind(0, 0, kBadA), VerdictKind::Divergence);
  EXPECT_EQ(b.kind(0x11, 1, kBadHigh), VerdictKind::Divergence) << "a later phase must not win";
  EXPECT_EQ(b.kind(0x10, 1, kBadHigh), VerdictKind::Agree);
  EXPECT_EQ(b.kind(0x10, 0, kDone), VerdictKind::Agree) << "the guard is false";
  EXPECT_EQ(b.kind(0, 0x10, kEarly), VerdictKind::Agree);
  EXPECT_EQ(b.kind(0, 0x10, kDone), VerdictKind::Divergence);
}

TEST(Judge, NamesExactlyTheEntriesThatWereNecessary) {
  Bench b({entry("no_even", {dropped(AEven)}), entry("b_as_19", {reported_as(BSmall, 19)})});
  const Verdict alone = b.of(1, 0, says(kDone));
  EXPECT_EQ(alone.kind, VerdictKind::Known);
  EXPECT_EQ(alone.decided, 0b01u);
  const Verdict both_fire = b.of(1, 0x20, says(19));
  EXPECT_EQ(both_fire.kind, VerdictKind::Known);
  EXPECT_EQ(both_fire.decided, 0b10u) << "with toy.a.even in place, 19 would still be acceptable";
  EXPECT_EQ(b.decided(0), 1u);
  EXPECT_EQ(b.fired(0), 1u);
  EXPECT_EQ(b.decided(1), 1u);
  EXPECT_EQ(b.fired(1), 0u);
}

TEST(Judge, TwoEntriesMayBothBeNecessary) {
  Bench b({entry("no_even", {dropped(AEven)}), entry("no_small", {dropped(BSmall)})});
  const Verdict v = b.of(1, 0x20, says(kDone));
  EXPECT_EQ(v.kind, VerdictKind::Known);
  EXPECT_EQ(v.decided, 0b11u);
}

TEST(Judge, AnEntryThatFiresWithoutDecidingIsCountedAsThat) {
  Bench b({entry("no_even", {dropped(AEven)})});
  EXPECT_EQ(b.kind(1, 0x20, kBadB), VerdictKind::Agree);
  EXPECT_EQ(b.decided(0), 0u);
  EXPECT_EQ(b.fired(0), 1u);
  EXPECT_EQ(b.kind(0, 0, kDone), VerdictKind::Agree);
  EXPECT_EQ(b.fired(0), 1u) << "it did not fire here";
}

TEST(Judge, AnEntryThatIsTooWideShowsAsADivergence) {
  Bench b({entry("no_even", {dropped(AEven)})});
  EXPECT_EQ(b.kind(1, 0, kBadA), VerdictKind::Divergence) << "the executor does enforce the rule";
  EXPECT_EQ(b.kind(1, 0x20, kBadA), VerdictKind::Divergence) << "its edited table says kBadB only";
  EXPECT_EQ(b.kind(1, 0, kBadB), VerdictKind::Divergence);
}

TEST(Judge, EntriesOfOtherExecutorsAndVersionsDoNotCount) {
  Known old = entry("old", {dropped(AEven)});
  old.versions = "2.6";
  Bench b({entry("other", {dropped(AEven)}, "fox"), old});
  EXPECT_TRUE(b.judge.deltas(0).entries().empty());
  EXPECT_EQ(b.kind(1, 0, kDone), VerdictKind::Divergence);
}

TEST(Judge, UnclearPointsAcceptBothReadings) {
  Bench b({entry("is_it_high", {dropped(AHigh)}, "*")});
  EXPECT_EQ(b.kind(0x10, 1, kBadHigh), VerdictKind::Agree);
  const Verdict other = b.of(0x10, 1, says(kDone));
  EXPECT_EQ(other.kind, VerdictKind::SpecUnclear);
  EXPECT_EQ(other.reason, "is_it_high");
  EXPECT_EQ(b.kind(0x10, 1, kBadA), VerdictKind::Divergence);
}

TEST(Judge, UnclearPointsExcuseNoTranscription) {
  Judge judge(domain(), {entry("is_it_high", {dropped(AHigh)}, "*")});
  judge.add_executor({"retold", "1", Trust::Transcription});
  const Case c = toy_case(0x10, 1);
  EXPECT_EQ(judge.judge(c, judge.read(c), 0, says(kBadHigh)).kind, VerdictKind::Agree);
  EXPECT_EQ(judge.judge(c, judge.read(c), 0, says(kDone)).kind, VerdictKind::Divergence);
}

TEST(Judge, UnclearPointsLieOverTheExecutorsOwnDeltas) {
  Bench b({entry("no_even", {dropped(AEven)}), entry("is_it_high", {dropped(AHigh)}, "*")});
  EXPECT_EQ(b.kind(0x11, 1, kDone), VerdictKind::SpecUnclear);
  EXPECT_EQ(b.kind(0x11, 1, kBadHigh), VerdictKind::Known);
}

TEST(Judge, WhatDidNotRunIsNoDivergence) {
  Bench b;
  const Verdict skipped = b.of(0, 0, incomparable("no_such_field"));
  EXPECT_EQ(skipped.kind, VerdictKind::Incomparable);
  EXPECT_EQ(skipped.reason, "no_such_field");
  const Verdict dead = b.of(0, 0, died("hang"));
  EXPECT_EQ(dead.kind, VerdictKind::ExecutorDied);
  EXPECT_EQ(dead.reason, "hang");
}

TEST(Judge, LimitRowsAreReachedOnlyBehindEveryCheck) {
  Bench b({entry("no_small", {dropped(BSmall)})});
  const Case hangs = toy_case(2, 0), refused = toy_case(2, 0x20), fine = toy_case(0, 0);
  EXPECT_EQ(b.judge.limit(b.judge.read(hangs)), "toy.hangs");
  EXPECT_EQ(b.judge.limit(b.judge.read(refused)), "");
  EXPECT_EQ(b.judge.limit(b.judge.read(fine)), "");
  EXPECT_EQ(b.judge.limit(refused, b.judge.read(refused), 0), "toy.hangs") << "this executor gets further";
  EXPECT_EQ(b.judge.limit(fine, b.judge.read(fine), 0), "");
}

TEST(Judge, KnownDeathsNeedTheConditionAndThePhase) {
  Known k = entry("crash", {});
  k.dies = rules::bit(List, 0);
  k.dies_from = 20;
  Bench b({k});
  Case c = toy_case(0, 0);
  EXPECT_EQ(b.judge.known_death(c, b.judge.read(c), 0), nullptr);
  c.v[List] = 1;
  ASSERT_NE(b.judge.known_death(c, b.judge.read(c), 0), nullptr);
  EXPECT_EQ(b.judge.known_death(c, b.judge.read(c), 0)->id, "crash");
  c.v[A] = 1;
  EXPECT_EQ(b.judge.known_death(c, b.judge.read(c), 0), nullptr) << "a check of phase 10 stops it before";
}

TEST(Judge, ADeathIsNamedBeforeALimitThatOnlyThisExecutorReaches) {
  Known k = entry("crash", {});
  k.dies = rules::bit(List, 0);
  Bench b({entry("no_small", {dropped(BSmall)}), k});
  Case c = toy_case(2, 0x20);
  EXPECT_EQ(b.judge.refusal(c, b.judge.read(c), 0), "toy.hangs");
  c.v[List] = 1;
  EXPECT_EQ(b.judge.refusal(c, b.judge.read(c), 0), "known_death");
  c.v[B] = 0;
  EXPECT_EQ(b.judge.refusal(c, b.judge.read(c), 0), "toy.hangs") << "nobody can judge it";
}

TEST(Judge, AQuirkChangesTheTableUnderTheDeltas) {
  Bench b({entry("no_small", {dropped(BSmall)})}, {dropped(AEven)});
  EXPECT_EQ(b.kind(1, 0, kDone), VerdictKind::Agree);
  EXPECT_EQ(b.kind(1, 0, kBadA), VerdictKind::Divergence);
  EXPECT_EQ(b.kind(1, 0x20, kDone), VerdictKind::Known);
}

TEST(Judge, ManyCasesAreReadAsEachAlone) {
  RowEdit reads_the_case;
  reads_the_case.row = AEven;
  reads_the_case.when = rules::bit(B, 2);
  const Bench b({}, {reads_the_case});
  std::vector<Case> cases;
  for (std::uint64_t i = 0; i < 150; ++i) cases.push_back(toy_case(i * 7 % 61, i / 3));
  std::vector<Reading> out(cases.size());
  b.judge.read(cases, out);
  rules::RuleBits decided;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Reading alone = b.judge.read(cases[i]);
    ASSERT_EQ(out[i].survey.applied, alone.survey.applied) << i;
    ASSERT_EQ(out[i].survey.broken, alone.survey.broken) << i;
    ASSERT_EQ(out[i].ruling.phase, alone.ruling.phase) << i;
    ASSERT_EQ(out[i].ruling.deciders, alone.ruling.deciders) << i;
    decided |= alone.ruling.deciders;
  }
  EXPECT_GT(decided.count(), 2u);
}

TEST(Judge, LookingCloserDoesNotCount) {
  Bench b({entry("no_even", {dropped(AEven)})});
  const Case c = toy_case(1, 0);
  EXPECT_EQ(b.judge.verdict(c, b.judge.read(c), 0, says(kDone), nullptr), VerdictKind::Known);
  EXPECT_EQ(b.decided(0), 0u);
  EXPECT_EQ(b.kind(1, 0, kDone), VerdictKind::Known);
  EXPECT_EQ(b.decided(0), 1u);
}

TEST(Judge, WithoutRulesTheReferenceDecides) {
  Judge j(behaviour_domain(), {});
  j.add_executor({"box", "2.7", Trust::Independent});
  const Case c = toy_case(0, 0);
  const Reading r = j.read(c);
  Observation reference = says(kDone), same = says(kDone), other = says(kDone);
  reference.defined = other.defined = 0b11;
  same.defined = 0b01;
  same.record[1] = 99;  // not defined: means nothing
  other.record[1] = 1;
  EXPECT_EQ(j.judge(c, r, 0, same, &reference).kind, VerdictKind::Agree);
  EXPECT_EQ(j.judge(c, r, 0, other, &reference).kind, VerdictKind::Divergence);
  EXPECT_EQ(Judge::first_difference(reference, other), 1u);
  EXPECT_EQ(Judge::first_difference(reference, says(kEarly)), kMaxRecord);
  EXPECT_EQ(j.judge(c, r, 0, says(kEarly), &reference).kind, VerdictKind::Divergence);
  EXPECT_EQ(j.judge(c, r, 0, same, nullptr).kind, VerdictKind::Incomparable);
  const Observation absent = incomparable("limit");
  EXPECT_EQ(j.judge(c, r, 0, same, &absent).reason, "limit");
}

TEST(Judge, VerdictNamesDiffer) {
  EXPECT_EQ(verdict_name(VerdictKind::Agree), "agree");
  EXPECT_EQ(verdict_name(VerdictKind::SpecUnclear), "spec_unclear");
  EXPECT_EQ(verdict_name(VerdictKind::ExecutorDied), "executor_died");
}

}  // namespace
}  // namespace diffvisor::compare
