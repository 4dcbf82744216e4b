// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/vmx_entry_codec.h"

#include <fmt/format.h>
#include <cstring>

#include <gtest/gtest.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

constexpr std::uint64_t kStale = 0xdead;  // in every record slot that the outcome does not define

WireResult result(WireStatus status) {
  WireResult r{status, {}};
  for (auto& slot : r.record) slot = kStale;
  return r;
}

std::uint32_t slots(std::initializer_list<RecordSlot> list) {
  std::uint32_t set = 0;
  for (const RecordSlot s : list) set |= 1u << s;
  return set;
}

TEST(Decode, FailuresWithoutANumberDefineNothing) {
  const struct {
    WireStatus status;
    OutcomeKind kind;
  } rows[] = {{WireStatus::FailInvalid, OutcomeKind::FailInvalid},
              {WireStatus::InvalidOpcode, OutcomeKind::InvalidOpcode},
              {WireStatus::GeneralProtection, OutcomeKind::GeneralProtection}};
  for (const auto& row : rows) {
    const Observation o = decode(result(row.status));
    EXPECT_EQ(o.status, Status::Ran);
    EXPECT_EQ(o.outcome, make_outcome(row.kind));
    EXPECT_EQ(o.defined, 0u);
  }
}

TEST(Decode, VmFailValidCarriesItsError) {
  WireResult r = result(WireStatus::FailValid);
  r.record[kInstructionError] = 7;
  const Observation o = decode(r);
  EXPECT_EQ(o.outcome, fail_valid(7));
  EXPECT_EQ(o.defined, slots({kInstructionError}));
  EXPECT_EQ(o.record[kInstructionError], 7u);
}

TEST(Decode, EntryFailuresCarryTheirQualification) {
  WireResult r = result(WireStatus::Exit);
  r.record[kExitReason] = 0x80000021;
  r.record[kExitQualification] = 4;
  EXPECT_EQ(decode(r).outcome, fail_guest(4));
  EXPECT_EQ(decode(r).defined, slots({kExitReason, kExitQualification}));
  r.record[kExitReason] = 0x80000022;
  EXPECT_EQ(decode(r).outcome, fail_msr(4));
  r.record[kExitReason] = 0x80000029;
  EXPECT_EQ(kind_of(decode(r).outcome), OutcomeKind::Unjudged);
}

TEST(Decode, AnExitDefinesErrorCodesOnlyWhereItsInformationSaysSo) {
  WireResult r = result(WireStatus::Exit);
  r.record[kExitReason] = 52;
  r.record[kExitQualification] = 0;
  r.record[kExitIntrInfo] = 0x0b0e;          // not valid: the rest means nothing
  r.record[kIdtVectoringInfo] = 0x8000030d;  // valid, no error code
  Observation o = decode(r);
  EXPECT_EQ(o.outcome, entered(52));
  EXPECT_EQ(o.defined, slots({kExitReason, kExitQualification, kExitIntrInfo, kIdtVectoringInfo}));
  EXPECT_EQ(o.record[kExitIntrInfo], 0u);
  EXPECT_EQ(o.record[kIdtVectoringInfo], 0x8000030du);

  r.record[kExitReason] = 0;
  r.record[kExitIntrInfo] = 0x80001b0e;  // #PF with an error code; bit 12 is undefined
  r.record[kExitIntrErrorCode] = 2;
  o = decode(r);
  EXPECT_EQ(o.outcome, entered(0));
  EXPECT_EQ(o.record[kExitIntrInfo], 0x80000b0eu);
  EXPECT_EQ(o.record[kExitIntrErrorCode], 2u);
  EXPECT_TRUE(o.defined.test(kExitIntrErrorCode));
}

TEST(Decode, WhatCouldNotBeRunIsIncomparable) {
  EXPECT_EQ(decode(result(WireStatus::ContextImpossible)).reason, "context_impossible");
  EXPECT_EQ(decode(result(WireStatus::FactOutside)).reason, "fact_outside");
  EXPECT_EQ(decode(result(WireStatus::NotRun)).status, Status::Died);
}

TEST(Encode, TakesContextFieldsAndFacts) {
  Case c = golden_case(schema());
  c[Context] = 1u << kMovSs;
  c[GuestRip] = 0x1234567890;
  c[EntryMsrValue + 3] = 0xabcdef;
  WireCase w{};
  encode(c, w);
  EXPECT_EQ(w.context, 1u << kMovSs);
  EXPECT_EQ(w.block[0], c[Pin]);
  EXPECT_EQ(w.block[GuestRip - Pin], 0x1234567890u);
  EXPECT_EQ(w.block[kSlots - 1 - Pin], 0xabcdefu);
  ASSERT_EQ(w.fact_count, 1u);
  EXPECT_EQ(w.facts[0].address, kEntryMsrList + 3 * 16 + 8);
  EXPECT_EQ(w.facts[0].value, 0xabcdefu);
  EXPECT_EQ(w.facts[0].bytes, 8u);
}

// ---- the machine against the profile

Capabilities machine_of(const Case& c) {
  Capabilities m{};
  m.has_vmx = 1;
  const std::uint64_t controls[] = {c[CapVmxBasic],
                                    0,
                                    0,
                                    0,
                                    0,
                                    c[CapVmxMisc],
                                    c[CapCr0Fixed0],
                                    c[CapCr0Fixed1],
                                    c[CapCr4Fixed0],
                                    c[CapCr4Fixed1],
                                    0x34,
                                    c[CapProc2Ctls],
                                    c[CapEptVpidCap],
                                    c[CapPinCtls],
                                    c[CapProcCtls],
                                    c[CapExitCtls],
                                    c[CapEntryCtls],
                                    c[CapVmfuncCtls]};
  for (std::size_t i = 0; i < kMsrsReadCount; ++i) {
    const bool has = i < std::size(controls);
    m.msrs[i] = {kMsrsRead[i], has, has ? controls[i] : 0xffff};  // unreadable ones count as 0
  }
  m.maxphyaddr = c[CapMaxphyaddr];
  m.linear_width = c[CapLinearWidth];
  for (std::size_t i = 0; i < kLeavesReadCount; ++i) {
    m.cpuid[i].leaf = kLeavesRead[i][0];
    m.cpuid[i].subleaf = kLeavesRead[i][1];
  }
  m.cpuid[1].ecx = 1u << 21;  // x2APIC
  m.cpuid[2].ecx = 1u << 7;   // CET
  return m;
}

// The slots that the machine's own word changes, as "slot:value".
std::string changes(const Capabilities& m, const Case& c) {
  auto values = c.v;
  const std::string_view refusal = read_vmx_profile(m, values);
  if (!refusal.empty()) return std::string(refusal);
  std::string text;
  for (Slot s = 0; s < Context; ++s)
    if (values[s] != c[s]) text += fmt::format(" {}:{:#x}", field_of_slot(schema(), s).name, values[s]);
  return text;
}

TEST(Profile, AMachineThatIsTheProfileChangesNothing) {
  const Case c = golden_case(schema());
  EXPECT_EQ(changes(machine_of(c), c), "");
}

TEST(Profile, EachDifferenceIsSeen) {
  const Case c = golden_case(schema());
  Capabilities m = machine_of(c);
  m.msrs[5].value ^= 1;
  m.maxphyaddr = 39;
  EXPECT_EQ(changes(m, c), " VMX_MISC:0x600401e1 MAXPHYADDR:0x27");
  m = machine_of(c);
  m.cpuid[2].ecx = 0;
  EXPECT_EQ(changes(m, c), " FEATURES:0x20");
  m = machine_of(c);
  m.cpuid[3].eax = 1u << 26;  // LAM: subleaf 1 of leaf 7
  EXPECT_EQ(changes(m, c), " FEATURES:0x68");
  m.has_vmx = 0;
  EXPECT_EQ(changes(m, c), "the machine has neither VMX nor SVM");
}

// What no MSR or CPUID bit tells is taken from the profile.
TEST(Profile, WhatTheMachineCannotTellStays) {
  Case c = golden_case(schema());
  c[CapDebugctlMask] = 0x1234;
  EXPECT_EQ(changes(machine_of(c), c), "");
}

TEST(VmxWords, AreThoseThatDecodeReads) {
  const Outcome outcomes[] = {entered(52),
                              fail_valid(7),
                              fail_guest(4),
                              fail_msr(2),
                              make_outcome(OutcomeKind::FailInvalid),
                              make_outcome(OutcomeKind::InvalidOpcode),
                              make_outcome(OutcomeKind::GeneralProtection)};
  for (const Outcome o : outcomes) {
    WireResult r{};
    for (const ResultWord& w : vmx_entry_codec().words(ran(o)))
      std::memcpy(reinterpret_cast<std::byte*>(&r) + w.offset, &w.value, sizeof w.value);
    EXPECT_EQ(outcome_text(decode(r).outcome), outcome_text(o));
  }
  EXPECT_TRUE(vmx_entry_codec().words(died("hang")).empty());
  EXPECT_EQ(vmx_entry_codec().words(ran(kEntered))[1].mask, 0x80000000u);
}

}  // namespace
}  // namespace diffvisor::agent
