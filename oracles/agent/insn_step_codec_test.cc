// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/insn_step_codec.h"

#include <cstring>

#include <gtest/gtest.h>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "oracles/agent/insn_step_status.h"

namespace diffvisor::agent {
namespace {

using namespace insn;

TEST(InsnEncode, CarriesEverySlotAndTheCode) {
  Case c = golden_case(schema());
  c[PatchValueLast] = 77;
  for (unsigned i = 0; i < kMostCode; ++i) c.areas[kCodeArea].push_back(static_cast<std::byte>(i));
  WireCase w;
  encode(c, w);
  for (Slot s = 0; s < kSlots; ++s) EXPECT_EQ(w.v[s], c[s]);
  EXPECT_EQ(w.code_bytes, kMostCode);
  EXPECT_EQ(w.code[47], 47);
  c.areas[kCodeArea].resize(1);
  encode(c, w);
  EXPECT_EQ(w.code_bytes, 1u);
  EXPECT_EQ(w.code[47], 0);
}

TEST(InsnDecode, OnlyWhatIsDefinedIsTaken) {
  WireResult r{};
  for (auto& word : r.record) word = 0xdead;
  r.outcome = make_outcome(OutcomeKind::Exception, kPF);
  r.defined[0] = 1;
  r.defined[kPayload / 64] |= std::uint64_t{1} << kPayload % 64;
  const Observation o = decode(r);
  EXPECT_EQ(o.status, Status::Ran);
  EXPECT_EQ(o.outcome, r.outcome);
  EXPECT_TRUE(o.defined.test(0) && o.defined.test(kPayload));
  EXPECT_FALSE(o.defined.test(1) || o.defined.test(kErrorCode));
  EXPECT_EQ(o.record[kPayload], 0xdeadu);
  EXPECT_EQ(o.record[1], 0u);
}

std::string_view reason_of(StepStatus status, std::uint64_t exit_reason = 0) {
  WireResult r{};
  r.status = static_cast<std::uint32_t>(status);
  r.record[0] = exit_reason;
  const Observation o = decode(r);
  EXPECT_NE(o.status, Status::Ran);
  return o.reason;
}

TEST(InsnDecode, WhatCouldNotBeRunIsIncomparable) {
  EXPECT_EQ(reason_of(StepStatus::NoMemory), "no_memory");
  EXPECT_EQ(reason_of(StepStatus::EntryFailed), "entry_failed");
  EXPECT_EQ(reason_of(StepStatus::RepTooLong), "rep_too_long");
  EXPECT_EQ(reason_of(StepStatus::Intercepted, 10), "intercepted_cpuid");
  EXPECT_EQ(reason_of(StepStatus::Intercepted, 9), "task_switch_exit");
  EXPECT_EQ(reason_of(StepStatus::Intercepted, 18), "intercepted_vmx");
  EXPECT_EQ(reason_of(static_cast<StepStatus>(99)), "no_result");
}

TEST(InsnProfile, AMachineWithoutVmxIsRefused) {
  Capabilities machine{};
  std::array<std::uint64_t, kMaxSlots> values{};
  EXPECT_EQ(read_insn_profile(machine, values), "the machine has neither VMX nor SVM");
  machine.has_svm = 1;
  EXPECT_EQ(read_insn_profile(machine, values), "the machine has SVM, not VMX");
}

TEST(InsnWords, AreThoseThatDecodeReads) {
  Observation o = ran(make_outcome(OutcomeKind::Exception, kGP));
  set(o, Rax - kFirstState, 0x1234);
  set(o, kErrorCode, 0x18);
  WireResult r{};
  r.defined[0] = ~std::uint64_t{0};
  r.defined[kErrorCode / 64] |= std::uint64_t{1} << kErrorCode % 64;
  const auto words = insn_step_codec().words(o);
  ASSERT_EQ(words.size(), 3u);
  for (const ResultWord& w : words) {
    std::uint64_t whole;
    std::memcpy(&whole, reinterpret_cast<std::byte*>(&r) + w.offset, sizeof whole);
    whole = (whole & ~w.mask) | w.value;
    std::memcpy(reinterpret_cast<std::byte*>(&r) + w.offset, &whole, sizeof whole);
  }
  const Observation seen = decode(r);
  EXPECT_EQ(seen.outcome, o.outcome);
  EXPECT_EQ(seen.record[Rax - kFirstState], 0x1234u);
  EXPECT_EQ(seen.record[kErrorCode], 0x18u);
}

}  // namespace
}  // namespace diffvisor::agent
