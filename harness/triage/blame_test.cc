// SPDX-License-Identifier: Apache-2.0
// Who is suspected of what, for every constellation of answers.
#include "harness/triage/blame.h"

#include <gtest/gtest.h>

namespace diffvisor::triage {
namespace {

using compare::VerdictKind;

Said reference(std::string outcome = "entered") { return {"arch", "1", outcome, Trust::Reference, VerdictKind::Agree}; }
Said agrees(std::string who, Trust t = Trust::Independent) { return {who, "1", "entered", t, VerdictKind::Agree}; }
Said differs(std::string who, std::string outcome, Trust t = Trust::Independent) {
  return {who, "1", outcome, t, VerdictKind::Divergence};
}
Said abstains(std::string who) { return {who, "1", "invalid", Trust::Independent, VerdictKind::Known}; }

Blame of(const std::vector<Said>& said, std::string who, BlameFacts f = {}) {
  f.said = &said;
  f.differs = std::move(who);
  return blame(f);
}

TEST(Blame, TwoIndependentExecutorsOutvoteTheTable) {
  const Blame b = of({reference(), differs("bochs", "invalid"), differs("qemu", "invalid")}, "bochs");
  EXPECT_EQ(b.suspect, Suspect::Model);
  EXPECT_EQ(b.who, "arch");
  EXPECT_EQ(b.reason, "bochs and qemu agree with each other and not with arch");
}

TEST(Blame, OneAgainstTheTableAndAnother) {
  const Blame b = of({reference(), differs("bochs", "invalid"), agrees("qemu")}, "bochs");
  EXPECT_EQ(b.suspect, Suspect::Executor);
  EXPECT_EQ(b.who, "bochs");
  EXPECT_EQ(b.basis, "vote");
}

TEST(Blame, OneAgainstOneIsUndecided) {
  EXPECT_EQ(of({reference(), differs("bochs", "invalid")}, "bochs").suspect, Suspect::Undecided);
  EXPECT_EQ(of({reference(), differs("bochs", "invalid"), abstains("qemu")}, "bochs").suspect, Suspect::Undecided);
}

TEST(Blame, ExperienceBreaksATieOnlyWhereThereIsSome) {
  BlameFacts f;
  f.family = "vmx.guest";
  f.trust["bochs"] = {100, 90, 3};
  Blame b = of({reference(), differs("bochs", "invalid")}, "bochs", f);
  EXPECT_EQ(b.suspect, Suspect::Executor);
  EXPECT_EQ(b.basis, "trust");
  f.trust["bochs"] = {100, 90, 0};
  EXPECT_EQ(of({reference(), differs("bochs", "invalid")}, "bochs", f).suspect, Suspect::Undecided);
  f.trust["bochs"] = {100, 70, 3};
  EXPECT_EQ(of({reference(), differs("bochs", "invalid")}, "bochs", f).suspect, Suspect::Undecided);
}

TEST(Blame, TranscriptionsNeverVote) {
  const Said kvm = differs("kvm", "invalid", Trust::Transcription);
  // For itself it counts for nothing, and it gives another no majority.
  EXPECT_EQ(of({reference(), kvm}, "kvm").suspect, Suspect::Undecided);
  EXPECT_EQ(of({reference(), kvm, differs("bochs", "invalid")}, "bochs").suspect, Suspect::Undecided);
  EXPECT_EQ(of({reference(), kvm, differs("bochs", "invalid")}, "kvm").suspect, Suspect::Undecided);
  EXPECT_EQ(of({reference(), agrees("kvm", Trust::Transcription), differs("bochs", "invalid")}, "bochs").suspect,
            Suspect::Undecided);
  // But others may decide about it.
  EXPECT_EQ(of({reference(), kvm, agrees("bochs")}, "kvm").who, "kvm");
  EXPECT_EQ(of({reference(), kvm, differs("bochs", "invalid"), differs("qemu", "invalid")}, "kvm").suspect,
            Suspect::Model);
}

TEST(Blame, ThreeAnswersAndTwoAgainstTwo) {
  EXPECT_EQ(of({reference(), differs("bochs", "invalid"), differs("qemu", "shutdown")}, "bochs").suspect,
            Suspect::Undecided);
  EXPECT_EQ(of({reference(), differs("a", "x"), differs("b", "x"), agrees("c")}, "a").suspect, Suspect::Undecided);
  EXPECT_EQ(of({reference(), differs("a", "x"), differs("b", "x"), differs("c", "x"), agrees("d")}, "a").suspect,
            Suspect::Model);
}

TEST(Blame, TheManualMayBeUnclear) {
  BlameFacts f;
  f.unclear = {"tr_limit"};
  const Blame b = of({reference(), differs("bochs", "invalid"), differs("qemu", "invalid")}, "bochs", f);
  EXPECT_EQ(b.suspect, Suspect::SpecUnclear);
  EXPECT_EQ(b.basis, "manual");
}

TEST(Blame, WhoDiesIsToBlame) {
  Said dead = differs("bochs", "died(hang)");
  dead.verdict = VerdictKind::ExecutorDied;
  EXPECT_EQ(of({reference(), dead}, "bochs").who, "bochs");
}

TEST(Blame, AlliesDifferAlike) {
  const std::vector<Said> said = {reference(),       differs("qemu", "x"), differs("bochs", "x"),
                                  differs("c", "y"), agrees("d"),          differs("kvm", "x", Trust::Transcription)};
  EXPECT_EQ(allies_of(said, "qemu"), (std::vector<std::string>{"bochs", "kvm", "qemu"}));
  EXPECT_EQ(allies_of(said, "c"), (std::vector<std::string>{"c"}));
}

TEST(Blame, GroupsHoldThoseWhoSaidTheSame) {
  const auto groups = groups_of({reference(),
                                 agrees("qemu"),
                                 differs("bochs", "invalid"),
                                 {"kvm", "1", "incomparable(limit)", Trust::Transcription, VerdictKind::Incomparable}});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].executors, (std::vector<std::string>{"arch", "qemu"}));
  EXPECT_EQ(groups[1].executors, (std::vector<std::string>{"bochs"}));
}

TEST(Blame, FamiliesAreTwoWords) {
  EXPECT_EQ(family_of("vmx.guest.cr0.pg_pe"), "vmx.guest");
  EXPECT_EQ(family_of("vmx.guest"), "vmx.guest");
  EXPECT_EQ(family_of("vmx"), "vmx");
}

}  // namespace
}  // namespace diffvisor::triage
