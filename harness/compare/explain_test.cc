// SPDX-License-Identifier: Apache-2.0
// Each kind of difference gets its bucket, its edits and its sentence.
#include "harness/compare/explain.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "harness/bucket/bucket.h"
#include "harness/compare/toy_domain.h"

namespace diffvisor::compare {
namespace {

using namespace toy;

Explanation explained(const Case& c, const Observation& seen) {
  Judge judge(domain(), {});
  judge.add_executor({"box", "2.7", Trust::Independent});
  const Explanation e = explain(judge, "box", c, judge.read(c), seen);
  EXPECT_TRUE(std::ranges::all_of(e.bucket, [](char ch) { return (ch >= 'a' && ch <= 'z') || ch == '.' || ch == '_'; }))
      << e.bucket;
  EXPECT_FALSE(e.sentence.empty());
  EXPECT_EQ(e.sentence.find('\n'), std::string::npos);
  return e;
}

std::string meaning(const Explanation& e) { return bucket::unspell(e.bucket).value_or("(not a bucket)"); }

TEST(Explain, AcceptsNamesTheRulesThatAreNotEnforced) {
  const Explanation one = explained(toy_case(1, 0), says(kDone));
  EXPECT_EQ(one.difference, Difference::Accepts);
  EXPECT_EQ(meaning(one), "toy.box.accepts.toy.a.even");
  EXPECT_EQ(one.sentence, "box does not enforce toy.a.even: it says done");
  ASSERT_EQ(one.edits.size(), 1u);
  EXPECT_EQ(one.edits[0].row, AEven);
  EXPECT_TRUE(one.edits[0].drop);

  const Explanation both = explained(toy_case(1, 0x20), says(kDone));
  EXPECT_EQ(meaning(both), "toy.box.accepts.toy.a.even.toy.b.small");
  EXPECT_EQ(both.sentence, "box does not enforce toy.a.even and toy.b.small: it says done");
}

TEST(Explain, ALaterFailureMeansThatOnlyTheEarlierRulesAreMissing) {
  const Explanation e = explained(toy_case(0x11, 1), says(kBadHigh));
  EXPECT_EQ(e.difference, Difference::Accepts);
  EXPECT_EQ(meaning(e), "toy.box.accepts.toy.a.even");
}

TEST(Explain, EntriesOfAListAreNamedWithTheirIndex) {
  Case c = toy_case(0, 0);
  c.v[ListLast] = 0x80;
  EXPECT_EQ(meaning(explained(c, says(kDone))), "toy.box.accepts.toy.list[2]");
}

TEST(Explain, AnEventThatDoesNotHappenIsSkipped) {
  const Explanation e = explained(toy_case(0, 0x10), says(kDone));
  EXPECT_EQ(e.difference, Difference::Outcome);
  EXPECT_EQ(meaning(e), "toy.box.skips.toy.leaves");
}

TEST(Explain, WhatComesIntoViewBehindACheckIsNoPartOfItsName) {
  const Explanation e = explained(toy_case(1, 0x10), says(kDone));
  EXPECT_EQ(meaning(e), "toy.box.accepts.toy.a.even");
  EXPECT_EQ(e.edits.size(), 2u);
}

TEST(Explain, TheSameDefectReportedDifferently) {
  const Explanation e = explained(toy_case(1, 0), says(19));
  EXPECT_EQ(e.difference, Difference::Outcome);
  EXPECT_EQ(meaning(e), "toy.box.outcome.toy.a.even.bad_t");
  EXPECT_EQ(e.sentence, "box reports toy.a.even as bad(19), not bad(11)");
  ASSERT_EQ(e.edits.size(), 1u);
  EXPECT_EQ(e.edits[0].outcome, 19u);
  EXPECT_FALSE(e.edits[0].drop);
}

TEST(Explain, AnotherFamilyIsARejection) {
  const Explanation e = explained(toy_case(1, 0), says(31));
  EXPECT_EQ(e.difference, Difference::Rejects);
  EXPECT_TRUE(e.edits.empty());
  EXPECT_EQ(meaning(e), "toy.box.rejects.bad_f.a.0");
}

TEST(Explain, RejectionsAreNamedByWhereTheCaseDepartsFromGolden) {
  EXPECT_EQ(meaning(explained(toy_case(0, 0), says(kBadA))), "toy.box.rejects.bad_l.golden");
  EXPECT_EQ(meaning(explained(toy_case(0, 4), says(kBadA))), "toy.box.rejects.bad_l.b.2");
  EXPECT_EQ(meaning(explained(toy_case(0, 6), says(kBadA))), "toy.box.rejects.bad_l.b");
  const Explanation e = explained(toy_case(4, 6), says(kBadA));
  EXPECT_EQ(meaning(e), "toy.box.rejects.bad_l.a.b");
  EXPECT_EQ(e.sentence, "box says bad(11) where no rule is broken that has this outcome (a.b)");
}

// The deltas promise something else, but the table says it too: no row has a wrong outcome.
TEST(Explain, WhatTheTableSaysTooIsNoWrongOutcome) {
  EXPECT_EQ(explained(toy_case(1, 0), says(kBadA)).difference, Difference::Rejects);
}

TEST(Explain, DeathsAreNamedByHow) {
  const Explanation e = explained(toy_case(0, 4), died("hang"));
  EXPECT_EQ(e.difference, Difference::Dies);
  EXPECT_EQ(meaning(e), "toy.box.dies.hang.b.2");
  EXPECT_EQ(e.sentence, "box dies (hang) (b.2)");
}

TEST(Explain, WithoutRulesTheFirstRecordFieldThatDiffers) {
  Judge judge(behaviour_domain(), {});
  judge.add_executor({"box", "2.7", Trust::Independent});
  const Case c = toy_case(0, 0);
  Observation reference = says(kDone), seen = says(kDone);
  reference.defined = seen.defined = 0b11;
  seen.record[1] = 0x20;
  const Explanation field = explain(judge, "box", c, judge.read(c), seen, &reference);
  EXPECT_EQ(field.difference, Difference::Behaves);
  EXPECT_EQ(meaning(field), "toy.box.differs.FLAGS");
  EXPECT_EQ(field.sentence, "box leaves FLAGS = 0x20, the reference 0x0");
  seen.outcome = kEarly;
  const Explanation outcome = explain(judge, "box", c, judge.read(c), seen, &reference);
  EXPECT_EQ(meaning(outcome), "toy.box.differs.early");
  EXPECT_EQ(outcome.sentence, "box says early, the reference done");
}

// Outcomes from 11 on are exceptions. The reference's VALUE says which check raised one, and where it was delivered.
Behaviour::Account account_of(const Case& c, const Observation& reference, const Observation&) {
  Behaviour::Account a;
  a.subject = c.v[A] == 0 ? "add" : "family.sub";
  a.plain = c.v[A] == 0;
  if (reference.record[0] == 0) return a;
  if (reference.outcome == kDone) {
    a.delivery = "delivery_pf";
    if (reference.record[0] == 2) a.then = "then_pf";
    return a;
  }
  a.check = "page_absent";
  a.group = "page";
  a.access = true;
  return a;
}
Domain instructions() {
  static const Behaviour b = [] {
    Behaviour x;
    x.account = &account_of;
    x.target = 2;
    x.difference = [](std::size_t slot, std::uint64_t) { return std::string(slot == 1 ? "memory" : ""); };
    x.is_exception = [](const Observation& o) { return o.outcome >= kBadA; };
    return x;
  }();
  Domain d = behaviour_domain();
  d.behaviour = &b;
  return d;
}

TEST(Explain, BehaviourIsNamedByTheInstructionTheCheckThatAnyMayFailOrTheDelivery) {
  const Domain d = instructions();
  Judge judge(d, {});
  judge.add_executor({"box", "2.7", Trust::Independent});
  const auto explained = [&](rules::Outcome reference, std::uint64_t cause, rules::Outcome seen, std::uint64_t a = 0,
                             std::uint64_t target = 0) {
    Observation r = says(reference), s = says(seen);
    r.record[0] = cause;
    r.defined = s.defined = target == 0 ? 0b10 : 0b110;
    s.record[1] = 0x20;
    s.record[2] = target == 0 ? 9 : target;  // undefined, or something else than the reference's 0
    const Case c = toy_case(a, 0);
    return explain(judge, "box", c, judge.read(c), s, &r);
  };
  EXPECT_EQ(meaning(explained(kDone, 0, kDone)), "toy.box.add.memory");
  EXPECT_EQ(meaning(explained(kDone, 0, kDone, 1)), "toy.box.family.sub.memory");
  EXPECT_EQ(meaning(explained(kDone, 1, kDone)), "toy.box.delivery_pf.memory");
  EXPECT_EQ(meaning(explained(kDone, 1, kDone, 1)), "toy.box.delivery_pf.memory");
  EXPECT_EQ(meaning(explained(kDone, 1, kDone, 0, 7)), "toy.box.delivery_pf.target");
  EXPECT_EQ(meaning(explained(kDone, 2, kBadA)), "toy.box.delivery_pf.then_pf.target");
  EXPECT_EQ(meaning(explained(kBadA, 1, kBadA)), "toy.box.page.memory");
  EXPECT_EQ(meaning(explained(kBadA, 1, kDone)), "toy.box.page_absent.done.not.bad_l");
  EXPECT_FALSE(explained(kBadA, 1, kDone).by_access);
  EXPECT_EQ(meaning(explained(kBadA, 1, kDone, 1)), "toy.box.family.sub.access");
  EXPECT_TRUE(explained(kBadA, 1, kDone, 1).by_access);
  EXPECT_EQ(meaning(explained(kBadA, 1, kBadA, 1)), "toy.box.family.sub.access");
  EXPECT_EQ(meaning(explained(kBadA, 0, kDone)), "toy.box.add.done.not.bad_l");
  const Explanation lacking = explained(kDone, 0, kBadA);
  EXPECT_EQ(meaning(lacking), "toy.box.add.bad_l.not.done");
  EXPECT_TRUE(lacking.shared);
}

}  // namespace
}  // namespace diffvisor::compare
