// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/behaviour.h"

#include <gtest/gtest.h>

#include "harness/compare/toy_domain.h"

namespace diffvisor::compare {
namespace {

// The record is (A, B): the reference doubles both, variant "triple" triples A, variant "keep" leaves B alone. Of 9
// tripled nobody can say anything.
Observation observe(const Case& c, std::span<const std::string> variants) {
  Observation o = toy::says(toy::kDone);
  std::uint64_t a = 2, b = 2;
  for (const std::string& v : variants) (v == "triple" ? a : b) = v == "triple" ? 3 : 1;
  if (a == 3 && c[toy::A] == 9) return incomparable("nine_tripled");
  set(o, 0, a * c[toy::A]);
  set(o, 1, b * c[toy::B]);
  return o;
}

// Conditions: the case's A and B; LIST is what the reference, or a variant of it, made of them.
constexpr Behaviour behaviour() {
  Behaviour b;
  b.derive = [](const Case& c, const Observation* reference, std::uint64_t* facts) {
    for (std::size_t i = 0; i < toy::kSlots; ++i) facts[i] = c.v[i];
    for (std::size_t i = 0; i < 2; ++i) facts[toy::List + i] = reference == nullptr ? 0 : reference->record[i];
  };
  b.has_variant = [](std::string_view name) { return name == "triple" || name == "keep"; };
  b.run_variant = &observe;
  b.account = [](const Case&, const Observation&, const Observation&) {
    Behaviour::Account a;
    a.subject = "double";
    return a;
  };
  return b;
}

constexpr RecordField kRecord[] = {{"a", 64}, {"b", 64}};

struct Toy {
  Toy() {
    hooks.conditions = &toy::schema();
    observation.fields = kRecord;
    domain.behaviour = &hooks;
    domain.observation = &observation;
  }
  Behaviour hooks = behaviour();
  ObservationSchema observation = *toy::behaviour_domain().observation;
  Domain domain = toy::behaviour_domain();
};

std::vector<Known> entries(const Toy& toy, const std::string& text) {
  std::vector<Known> out;
  const auto done = parse_known("domain = \"" + std::string(toy.domain.name) + "\"\n" + text, "test", toy.domain, out);
  EXPECT_TRUE(done) << done.error().text();
  return out;
}

std::string entry(const std::string& id, const std::string& rest) {
  return "[[known]]\nid = \"" + id + "\"\nexecutor = \"box\"\nreason = \"r\"\nreference = \"s\"\n" +
         "review_by = \"2030-01-01\"\n" + rest + "\n";
}

struct Judged : Verdict {
  std::string why;  // `reason` is the judge's
};

Judged judged(const Toy& toy, const std::string& text, const Observation& seen, std::uint64_t a = 5,
              std::uint64_t b = 7) {
  const Case c = toy::toy_case(a, b);
  Judge j(toy.domain, entries(toy, text));
  j.add_executor({"box", "1", Trust::Independent});
  const Observation reference = observe(c, {});
  const Verdict v = j.judge(c, j.read(c), 0, seen, &reference);
  return {v, std::string(v.reason)};
}

Observation records(std::uint64_t a, std::uint64_t b) {
  Observation o = toy::says(toy::kDone);
  set(o, 0, a);
  set(o, 1, b);
  return o;
}

TEST(BehaviourDeltas, AVariantMustGiveExactlyWhatWasSeen) {
  const Toy toy;
  const std::string text = entry("t", "action = \"variant\"\nvariant = \"triple\"");
  EXPECT_EQ(judged(toy, text, records(15, 14)).kind, VerdictKind::Known);
  EXPECT_EQ(judged(toy, text, records(16, 14)).kind, VerdictKind::Divergence);
  EXPECT_EQ(judged(toy, text, records(10, 14)).kind, VerdictKind::Agree);
}

TEST(BehaviourDeltas, OnlyWhatWasNeededDecides) {
  const Toy toy;
  const std::string text =
      entry("t", "action = \"variant\"\nvariant = \"triple\"") + entry("k", "action = \"variant\"\nvariant = \"keep\"");
  EXPECT_EQ(judged(toy, text, records(15, 7)).decided, 0b11u);
  EXPECT_EQ(judged(toy, text, records(10, 7)).decided, 0b10u);  // one of them alone
  EXPECT_EQ(judged(toy, text, records(10, 8)).kind, VerdictKind::Divergence);
}

TEST(BehaviourDeltas, MasksAndConditionsAreNarrow) {
  const Toy toy;
  const std::string text = entry("m", "action = \"ignores\"\nwhen = \"A == 5\"\nfields = [\"b:0x3\"]");
  EXPECT_EQ(judged(toy, text, records(10, 13)).kind, VerdictKind::Known);
  EXPECT_EQ(judged(toy, text, records(10, 18)).kind, VerdictKind::Divergence);
  EXPECT_EQ(judged(toy, text, records(12, 13), 6).kind, VerdictKind::Divergence);
}

TEST(BehaviourDeltas, WhatCannotJudgeSaysWhy) {
  const Toy toy;
  const Case c = toy::toy_case(5, 7);
  Judge j(toy.domain, entries(toy, entry("none", "action = \"cannot_judge\"\nwhen = \"A == 5\"")));
  j.add_executor({"box", "1", Trust::Independent});
  const Observation reference = observe(c, {});
  const Verdict v = j.judge(c, j.read(c), 0, records(1, 1), &reference);
  EXPECT_EQ(v.kind, VerdictKind::Incomparable);
  EXPECT_EQ(v.reason, "none");
}

// ---- an entry that cannot judge, met on the way of a variant

const std::string kTriple = entry("t", "action = \"variant\"\nvariant = \"triple\"");
const std::string kNoFifteen = entry("fifteen", "action = \"cannot_judge\"\nwhen = \"LIST == 15\"");

TEST(BehaviourDeltas, WhereAVariantLeadsToNobodyCanJudge) {
  const Toy toy;
  const Judged v = judged(toy, kTriple + kNoFifteen, records(99, 14));
  EXPECT_EQ(v.kind, VerdictKind::Incomparable);
  EXPECT_EQ(v.why, "fifteen");
  EXPECT_EQ(v.decided, 0b10u);
  EXPECT_EQ(judged(toy, kTriple + kNoFifteen, records(99, 14), 6).kind, VerdictKind::Divergence) << "18 can be judged";
  EXPECT_EQ(judged(toy, kNoFifteen, records(99, 14)).kind, VerdictKind::Divergence) << "nothing leads to 15";
}

TEST(BehaviourDeltas, WhatTheVariantExplainsIsKnownThoughItCannotBeJudged) {
  const Toy toy;
  const Judged v = judged(toy, kTriple + kNoFifteen, records(15, 14));
  EXPECT_EQ(v.kind, VerdictKind::Known);
  EXPECT_EQ(v.decided, 0b01u);
}

TEST(BehaviourDeltas, WhatCannotJudgeTheReferenceComesBeforeVariants) {
  const Toy toy;
  const std::string ten = entry("ten", "action = \"cannot_judge\"\nwhen = \"LIST == 10\"");
  EXPECT_EQ(judged(toy, kTriple + ten, records(15, 14)).why, "ten");
}

TEST(BehaviourDeltas, AVariantThatEndsWhereTheReferenceCannotFollowIsIncomparable) {
  const Toy toy;
  const Judged v = judged(toy, kTriple, records(27, 14), 9);
  EXPECT_EQ(v.kind, VerdictKind::Incomparable);
  EXPECT_EQ(v.why, "nine_tripled");
  EXPECT_TRUE(v.decided.none());
}

TEST(BehaviourDeltas, AnEntryMayBeAboutWhatAnotherMakesOfTheCase) {
  const Toy toy;
  const std::string keeps = entry("k", "action = \"variant\"\nvariant = \"keep\"\nwhen = \"LIST == 15\"");
  const Judged v = judged(toy, keeps + kTriple, records(15, 7));
  EXPECT_EQ(v.kind, VerdictKind::Known);
  EXPECT_EQ(v.decided, 0b11u);
  EXPECT_EQ(judged(toy, keeps, records(15, 7)).kind, VerdictKind::Divergence) << "nothing leads to 15";
  EXPECT_EQ(judged(toy, keeps + kTriple, records(18, 7), 6).kind, VerdictKind::Divergence) << "18 is not 15";
}

TEST(BehaviourDeltas, EntriesBeyondTheFirstWordDecideToo) {
  const Toy toy;
  std::string text;
  for (unsigned i = 0; i < 99; ++i)
    text += entry("other" + std::to_string(i), "action = \"variant\"\nvariant = \"keep\"\nwhen = \"A == 6\"");
  const Judged v = judged(toy, text + kTriple, records(15, 14));
  EXPECT_EQ(v.kind, VerdictKind::Known);
  EXPECT_EQ(v.decided, EntrySet().set(99));
}

TEST(BehaviourDeltas, ADeathIsKnownBeforeItRuns) {
  const Toy toy;
  Judge j(toy.domain, entries(toy, entry("d", "action = \"dies\"\nwhen = \"A == 5\"")));
  j.add_executor({"box", "1", Trust::Independent});
  const Case dies = toy::toy_case(5, 0), lives = toy::toy_case(4, 0);
  EXPECT_EQ(j.refusal(dies, j.read(dies), 0), "known_death");
  EXPECT_EQ(j.refusal(lives, j.read(lives), 0), "");
}

// ---- what is known beside what is new

TEST(BehaviourDeltas, WhatIsKnownDoesNotNameWhatIsNew) {
  const Toy toy;
  const Case c = toy::toy_case(5, 7);
  const std::string mask = entry("m", "action = \"ignores\"\nwhen = \"A == 5\"\nfields = [\"b:0x3\"]");
  Judge j(toy.domain, entries(toy, kTriple + mask));
  j.add_executor({"box", "1", Trust::Independent});
  j.add_executor({"other", "1", Trust::Independent});
  const Observation reference = observe(c, {});
  EXPECT_EQ(Judge::first_difference(j.nearest(c, 0, records(15, 99), reference), records(15, 99)), 1u);
  EXPECT_EQ(Judge::first_difference(j.nearest(c, 1, records(15, 99), reference), records(15, 99)), 0u);
  EXPECT_EQ(Judge::first_difference(j.nearest(c, 0, records(99, 14), reference), records(99, 14)), 0u);
  EXPECT_FALSE(Judge::first_difference(j.nearest(c, 0, records(15, 13), reference), records(15, 13)));
}

TEST(BehaviourDeltas, AgreementWhereAnEntrySaysTheSameIsNoAgreement) {
  const Toy toy;
  const Case c = toy::toy_case(5, 7);
  Judge j(toy.domain, entries(toy, kTriple), {}, {"triple"});
  j.add_executor({"box", "1", Trust::Independent});
  j.add_executor({"other", "1", Trust::Independent});
  const Observation triples = records(15, 14);
  EXPECT_TRUE(j.agrees_as_known(c, 0, triples, triples)) << "the reference has box's mistake";
  EXPECT_FALSE(j.agrees_as_known(c, 1, triples, triples));
  EXPECT_FALSE(j.agrees_as_known(c, 0, records(16, 14), records(16, 14)));
}

TEST(BehaviourDeltas, MistakesInEntriesAreSaid) {
  const Toy toy;
  for (const char* wrong : {"action = \"variant\"\nvariant = \"none\"", "action = \"ignores\"\nfields = [\"a\"]",
                            "action = \"ignores\"\nwhen = \"A == 5\"\nfields = [\"z\"]", "action = \"drop\""}) {
    std::vector<Known> out;
    EXPECT_FALSE(
        parse_known("domain = \"" + std::string(toy.domain.name) + "\"\n" + entry("x", wrong), "test", toy.domain, out))
        << wrong;
  }
}

}  // namespace
}  // namespace diffvisor::compare
