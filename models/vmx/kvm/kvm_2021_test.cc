// SPDX-License-Identifier: Apache-2.0
// Each difference between KVM before February 2021 and 6.1, and the ordinary cases in which there is none.
#include "models/vmx/kvm/kvm_2021.h"

#include <gtest/gtest.h>

#include "harness/arch/vmx/outcome.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;

struct Row {
  const char* name;
  Changes changes;
  Outcome old_kernel;
  KvmStage old_stage;
  Outcome new_kernel;
  KvmStage new_stage;
};

TEST(Kvm2021, Differences) {
  using enum KvmStage;
  const Changes hlt = {put(ActivityState, 1)};
  const Changes no_pmu = {put(CapPerfGlobalCtrlMask, 0), on(Exit, exit_ctl::LDPGC), put(HostIa32PerfGlobalCtrl, 1)};
  const Changes pe = unrestricted() + pae_at(kScratch) + Changes{off(GuestCr0, cr0::PE)};
  const std::vector<Row> table = {
      {"golden", {}, entered(52), Entered, entered(52), Entered},
      {"PG without PE", pe, fail_guest(0), Processor, fail_guest(0), Software},
      {"PG without PE, HLT", pe + hlt, entered(52), Halted, fail_guest(0), Software},
      {"IA-32e without PAE", {off(GuestCr4, cr4::PAE)}, fail_guest(0), Processor, fail_guest(0), Software},
      {"IA-32e without PG", unrestricted() + Changes{off(GuestCr0, cr0::PG)}, fail_guest(0), Processor, fail_guest(0),
       Software},
      {"MSR list before PAE", msr_list(1) + msr_entry(1, 0x808) + Changes{off(GuestCr4, cr4::PAE)}, fail_msr(1),
       Software, fail_guest(0), Software},
      {"DEBUGCTL bit that hardware has",
       {on(Entry, entry_ctl::LDDBG), on(GuestIa32Debugctl, 6)},
       entered(52),
       Entered,
       fail_guest(0),
       Software},
      {"DEBUGCTL bit that nobody has",
       {on(Entry, entry_ctl::LDDBG), on(GuestIa32Debugctl, 20)},
       fail_guest(0),
       Processor,
       fail_guest(0),
       Software},
      {"raw BTF",
       {on(Entry, entry_ctl::LDDBG), put(GuestIa32Debugctl, 2), put(Interruptibility, 2), on(GuestRflags, rflags::TF)},
       entered(52),
       Entered,
       fail_guest(0),
       Processor},
      {"wait-for-SIPI", inject(3, 3) + Changes{put(ActivityState, 3)}, fail_guest(0), Software, entered(52), Halted},
      {"TSC scaling", with2(one(proc2::TSCSCALE)), fail_valid(7), Software, entered(52), Entered},
      {"ENCLS", with2(one(proc2::ENCLS)), fail_valid(7), Software, entered(52), Entered},
      {"no PMU", no_pmu, fail_valid(7), Software, fail_valid(8), Software},
      {"CR4 by fixed bits only",
       {on(HostCr4, cr4::SMXE), on(CapCr4Fixed1, cr4::SMXE)},
       entered(52),
       Entered,
       fail_valid(8),
       Software},
  };
  const KvmModel old_kernel(kvm_2021()), new_kernel;
  for (const Row& r : table) {
    const Case c = case_of(r.changes);
    const KvmRuling before = old_kernel.ruling(c), now = new_kernel.ruling(c);
    EXPECT_EQ(outcome_text(before.seen.outcome), outcome_text(r.old_kernel)) << r.name;
    EXPECT_EQ(before.stage, r.old_stage) << r.name;
    EXPECT_EQ(outcome_text(now.seen.outcome), outcome_text(r.new_kernel)) << r.name;
    EXPECT_EQ(now.stage, r.new_stage) << r.name;
  }
  EXPECT_EQ(old_kernel.info().version, "5.10");
  EXPECT_EQ(old_kernel.info().trust, Trust::Transcription);
}

TEST(Kvm2021, Profile) {
  Case c = case_of({});
  to_kvm_2021_profile(c.v.data());
  EXPECT_EQ(c.v[CapProc2Ctls], 0x04137bff00000000u);
  EXPECT_EQ(c.v[CapVmxMisc], 0x20000065u);
  EXPECT_EQ(c.v[CapExitCtls], case_of({}).v[CapExitCtls]);
  c.v[CapPerfGlobalCtrlMask] = 0;
  to_kvm_2021_profile(c.v.data());
  EXPECT_EQ(c.v[CapExitCtls] >> (32 + exit_ctl::LDPGC) & 1, 0u);
  EXPECT_EQ(c.v[CapEntryCtls] >> (32 + entry_ctl::LDPGC) & 1, 0u);
}

}  // namespace
}  // namespace diffvisor::vmx
