// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/svm_entry_codec.h"

#include <string>

#include <fmt/format.h>
#include <cstring>

#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"

namespace diffvisor::agent {
namespace {

using namespace svm;

constexpr std::uint64_t kStale = 0xdead;  // in every record slot that the outcome does not define
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

WireResult exit_with(std::uint64_t code) {
  WireResult r{WireStatus::Exit, {}};
  for (auto& slot : r.record) slot = kStale;
  r.record[kExitCode] = code;
  r.record[kExitIntInfo] = 0;
  return r;
}

std::uint32_t slots(std::initializer_list<RecordSlot> list) {
  std::uint32_t set = 0;
  for (const RecordSlot s : list) set |= 1u << s;
  return set;
}
const std::uint32_t kAlways = slots({kExitCode, kExitIntInfo, kExitRip, kExitRflags, kExitEfer, kExitCpl, kExitDsBase});

TEST(SvmDecode, FaultsDefineNothing) {
  const Observation ud = decode(WireResult{WireStatus::InvalidOpcode, {}});
  EXPECT_EQ(ud.outcome, make_outcome(OutcomeKind::InvalidOpcode));
  EXPECT_EQ(ud.defined, 0u);
  EXPECT_EQ(decode(WireResult{WireStatus::GeneralProtection, {}}).outcome,
            make_outcome(OutcomeKind::GeneralProtection));
}

TEST(SvmDecode, AFailedEntryIsMinusOneOfAnyWidth) {
  for (const std::uint64_t code : {~std::uint64_t{0}, std::uint64_t{0xffffffff}}) {
    const Observation o = decode(exit_with(code));
    EXPECT_EQ(o.status, Status::Ran);
    EXPECT_EQ(o.outcome, kInvalid);
    EXPECT_EQ(o.defined, slots({kExitCode}));
    EXPECT_EQ(o.record[kExitCode], kInvalidExitCode);
  }
}

TEST(SvmDecode, AnExitDefinesInformationOnlyWhereItsCodeSaysSo) {
  EXPECT_EQ(decode(exit_with(kVmmcallExit)).outcome, entered(0x81));
  EXPECT_EQ(decode(exit_with(kVmmcallExit)).defined, kAlways);
  EXPECT_EQ(decode(exit_with(kNestedPageFaultExit)).defined, kAlways | slots({kExitInfo1, kExitInfo2}));
  EXPECT_EQ(decode(exit_with(kExceptionExit + 14)).defined, kAlways | slots({kExitInfo1, kExitInfo2}));
  EXPECT_EQ(decode(exit_with(kExceptionExit + 13)).defined, kAlways | slots({kExitInfo1}));
  EXPECT_EQ(decode(exit_with(kExceptionExit + 6)).defined, kAlways);
  EXPECT_EQ(decode(exit_with(kInterruptExit)).defined, kAlways);
}

TEST(SvmDecode, AnInterruptedEventMeansSomethingOnlyWhenItIsValid) {
  WireResult r = exit_with(kVmmcallExit);
  r.record[kExitIntInfo] = 0x30d;
  EXPECT_EQ(decode(r).record[kExitIntInfo], 0u);
  r.record[kExitIntInfo] = 0x1200000000 | bit(31) | 0x30d;
  EXPECT_EQ(decode(r).record[kExitIntInfo], bit(31) | 0x30d);
  r.record[kExitIntInfo] = 0x1200000000 | bit(31) | 0xb0d;
  EXPECT_EQ(decode(r).record[kExitIntInfo], 0x1200000000 | bit(31) | 0xb0d);
}

TEST(SvmDecode, WhatCouldNotBeRunOrSeenIsNoOutcome) {
  EXPECT_EQ(decode(exit_with(kNoExitCode)).outcome, make_outcome(OutcomeKind::Unjudged));
  EXPECT_EQ(decode(WireResult{WireStatus::ContextImpossible, {}}).reason, "context_impossible");
  EXPECT_EQ(decode(WireResult{WireStatus::FactOutside, {}}).reason, "fact_outside");
  EXPECT_EQ(decode(WireResult{}).status, Status::Died);
}

TEST(SvmEncode, TakesContextFieldsAndFacts) {
  Case c = golden_case(schema());
  c[Context] = bit(kCpl3);
  c[Rip] = 0x1234567890;
  c[Cr3Pdpte + 1] = 0xabcdef;
  WireCase w{};
  encode(c, w);
  EXPECT_EQ(w.context, bit(kCpl3));
  EXPECT_EQ(w.block[0], kVmcb);
  EXPECT_EQ(w.block[Rip - VmcbAddress], 0x1234567890u);
  EXPECT_EQ(w.block[Eventinj - VmcbAddress], c[Eventinj]);
  ASSERT_EQ(w.fact_count, 1u);
  EXPECT_EQ(w.facts[0].address, kGuestCr3 + 8);
  EXPECT_EQ(w.facts[0].value, 0xabcdefu);
}

// ---- the machine against the profile

void set_cpuid(Capabilities& m, std::uint32_t leaf, std::uint32_t CpuidReading::*word, std::uint32_t value) {
  for (CpuidReading& r : m.cpuid)
    if (r.leaf == leaf && r.subleaf == 0) r.*word = value;
}

// What CPUID of Bochs 2.7's ryzen says.
Capabilities ryzen() {
  Capabilities m{};
  m.has_svm = 1;
  m.maxphyaddr = 40;
  m.linear_width = 48;
  for (std::size_t i = 0; i < kLeavesReadCount; ++i) {
    m.cpuid[i].leaf = kLeavesRead[i][0];
    m.cpuid[i].subleaf = kLeavesRead[i][1];
  }
  set_cpuid(m, 1, &CpuidReading::ecx, 0x76d8320b);
  set_cpuid(m, 1, &CpuidReading::edx, 0x178bfbff);
  set_cpuid(m, 7, &CpuidReading::ebx, 0x209c01a9);
  set_cpuid(m, 0x80000001, &CpuidReading::ecx, 0x35c223ff);
  set_cpuid(m, 0x80000001, &CpuidReading::edx, 0x2fd3fbff);
  set_cpuid(m, 0x8000000a, &CpuidReading::ebx, 0x8000);
  set_cpuid(m, 0x8000000a, &CpuidReading::edx, 0x44f);
  return m;
}

// The slots that the machine's own word changes, as "slot:value".
std::string changes(const Capabilities& m) {
  const Case c = golden_case(schema(), *find_profile(schema(), "ryzen"));
  auto values = c.v;
  const std::string_view refusal = read_svm_profile(m, values);
  if (!refusal.empty()) return std::string(refusal);
  std::string text;
  for (Slot s = 0; s < Context; ++s)
    if (values[s] != c[s]) text += fmt::format(" {}:{:#x}", field_of_slot(schema(), s).name, values[s]);
  return text;
}

TEST(SvmProfile, AMachineThatIsTheProfileChangesNothing) { EXPECT_EQ(changes(ryzen()), ""); }

TEST(SvmProfile, EachDifferenceIsSeen) {
  Capabilities m = ryzen();
  m.maxphyaddr = 48;
  set_cpuid(m, 7, &CpuidReading::ebx, 0x209c01a9 & ~(1u << 20));           // SMAP
  set_cpuid(m, 0x80000001, &CpuidReading::edx, 0x2fd3fbff & ~(1u << 25));  // FFXSR
  set_cpuid(m, 0x8000000a, &CpuidReading::edx, 1);
  EXPECT_EQ(changes(m), " MAXPHYADDR:0x30 CR4_MASK:0x1507ff EFER_MASK:0x9d01 SVM_FEATURES:0x1");
  m = ryzen();
  set_cpuid(m, 7, &CpuidReading::ecx, 1u << 7);  // shadow stacks
  EXPECT_EQ(changes(m), " CR4_MASK:0xb507ff FEATURES:0x3");
  m.has_svm = 0;
  EXPECT_EQ(changes(m), "the machine has neither VMX nor SVM");
}

TEST(SvmWords, AreThoseThatDecodeReads) {
  const Outcome outcomes[] = {entered(kVmmcallExit), kInvalid, make_outcome(OutcomeKind::InvalidOpcode),
                              make_outcome(OutcomeKind::GeneralProtection)};
  for (const Outcome o : outcomes) {
    WireResult r{};
    for (const ResultWord& w : svm_entry_codec().words(ran(o)))
      std::memcpy(reinterpret_cast<std::byte*>(&r) + w.offset, &w.value, sizeof w.value);
    EXPECT_EQ(outcome_text(decode(r).outcome), outcome_text(o));
  }
  EXPECT_TRUE(svm_entry_codec().words(died("hang")).empty());
}

}  // namespace
}  // namespace diffvisor::agent
