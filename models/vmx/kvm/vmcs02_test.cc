// SPDX-License-Identifier: Apache-2.0
// The merged state, field by field, and when it is run at all.
#include "models/vmx/kvm/vmcs02.h"

#include <gtest/gtest.h>

#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;

std::array<std::uint64_t, kMaxSlots> merged(const Changes& changes) { return merge_vmcs02(case_of(changes).v.data()); }
bool has(std::uint64_t value, unsigned b) { return value >> b & 1; }

TEST(Vmcs02, GoldenBreaksNoRuleOfTheManual) {
  for (const Changes& changes : {Changes{}, unrestricted(), v86(), tpr_shadow(), msr_list(3)}) {
    rules::Survey s;
    arch_rules().survey(merged(changes).data(), s);
    s.broken.each(
        [&](std::size_t i) { EXPECT_NE(arch_rules().rows[i].kind, rules::Kind::Check) << arch_rules().rows[i].id; });
  }
}

TEST(Vmcs02, Controls) {
  auto v = merged({off(Pin, pin::VNMI), off(Pin, pin::NMI)});
  EXPECT_TRUE(has(v[Pin], pin::NMI) && has(v[Pin], pin::VNMI) && has(v[Pin], pin::EXTINT));
  EXPECT_FALSE(has(v[Pin], pin::PREEMPT));
  EXPECT_TRUE(has(v[Proc2], proc2::EPT) && has(v[Proc2], proc2::VPID));
  EXPECT_FALSE(has(v[Proc2], proc2::URG));
  v = merged(with_ept(one(proc2::URG) | one(proc2::PML) | one(proc2::SHADOW)));
  EXPECT_TRUE(has(v[Proc2], proc2::URG));
  EXPECT_FALSE(has(v[Proc2], proc2::PML) || has(v[Proc2], proc2::SHADOW));
  v = merged({put(Proc2, one(proc2::URG))});
  EXPECT_FALSE(has(v[Proc2], proc2::URG)) << "not activated";
  v = merged({on(Proc, proc::IOBM), put(Exit, 0)});
  EXPECT_TRUE(has(v[Proc], proc::UNCONDIO) && has(v[Exit], exit_ctl::HOST64) && has(v[Exit], exit_ctl::ACKINT));
  EXPECT_FALSE(has(v[Proc], proc::IOBM));
  v = merged({on(Entry, entry_ctl::LDPGC), put(EntryMsrLoadCount, 3)});
  EXPECT_FALSE(has(v[Entry], entry_ctl::LDPGC));
  EXPECT_EQ(v[EntryMsrLoadCount], 0u);
  EXPECT_TRUE(has(v[Entry], entry_ctl::IA32E));
  EXPECT_FALSE(has(merged(legacy())[Entry], entry_ctl::IA32E));
}

TEST(Vmcs02, UnmappedPages) {
  const std::uint64_t nowhere = 0x800000000;
  auto v = merged(tpr_shadow(nowhere));
  EXPECT_TRUE(has(v[Proc], proc::TPRSH));
  EXPECT_EQ(v[VirtualApicAddr], ~std::uint64_t{0});
  const Changes both = {on(Proc, proc::CR8LD), on(Proc, proc::CR8ST)};
  EXPECT_FALSE(has(merged(tpr_shadow(nowhere) + both)[Proc], proc::TPRSH));
  EXPECT_TRUE(has(merged(with2(one(proc2::VAPICACC)) + tpr_shadow(nowhere) + both)[Proc], proc::TPRSH));
  EXPECT_TRUE(has(merged({})[Proc], proc::CR8LD)) << "exits take the shadow's place";
  EXPECT_FALSE(has(merged({on(Pin, pin::POSTED), put(PostedIntrDescAddr, nowhere)})[Pin], pin::POSTED));
  EXPECT_TRUE(has(merged({on(Pin, pin::POSTED), put(PostedIntrDescAddr, kScratch)})[Pin], pin::POSTED));
}

TEST(Vmcs02, GuestState) {
  auto v = merged({on(GuestCr0, cr0::NW), off(GuestCr0, cr0::NE), on(GuestCr4, cr4::MCE), off(GuestCr4, cr4::VMXE)});
  EXPECT_FALSE(has(v[GuestCr0], cr0::NW) || has(v[GuestCr4], cr4::MCE));
  EXPECT_TRUE(has(v[GuestCr0], cr0::NE) && has(v[GuestCr4], cr4::VMXE));
  v = merged({on(Entry, entry_ctl::LDDBG), put(GuestDr7, 0xffffffff), put(GuestIa32Debugctl, 0x8803)});
  EXPECT_EQ(v[GuestDr7], 0xffff2fffu);
  EXPECT_EQ(v[GuestIa32Debugctl], 0x8800u);
  v = merge_vmcs02(case_of({on(Entry, entry_ctl::LDDBG), put(GuestIa32Debugctl, 0x8803)}).v.data(), true);
  EXPECT_EQ(v[GuestIa32Debugctl], 0x8803u);
  v = merged({put(GuestIa32Debugctl, 2), put(GuestDr7, 0x55)});
  EXPECT_EQ(v[GuestIa32Debugctl], 0u) << "not loaded";
  EXPECT_EQ(v[GuestDr7], 0x400u);
  v = merged({put(GuestSsAr, 0xffffffff), put(ActivityState, 1), put(VmcsLinkPointer, kScratch)});
  EXPECT_EQ(v[GuestSsAr], 0x1f0ffu);
  EXPECT_EQ(v[ActivityState], 0u);
  EXPECT_EQ(v[VmcsLinkPointer], ~std::uint64_t{0});
  v = merged({put(GuestSsSelector, 3), put(GuestCsSelector, 0xb), put(GuestIdtrLimit, 5), put(GuestGdtrBase, 7)});
  EXPECT_EQ(v[GuestSsSelector], 3u);
  EXPECT_EQ(v[GuestCsSelector], 0xbu);
  EXPECT_EQ(v[GuestIdtrLimit], 5u);
  EXPECT_EQ(v[GuestGdtrBase], 7u);
}

TEST(Vmcs02, Efer) {
  EXPECT_EQ(merged({off(Entry, entry_ctl::LDEFER)})[GuestIa32Efer], 0xd01u);
  EXPECT_EQ(merged(legacy() + Changes{off(Entry, entry_ctl::LDEFER)})[GuestIa32Efer], 0x801u);
  EXPECT_EQ(merged(legacy() + Changes{put(GuestIa32Efer, 0x901)})[GuestIa32Efer], 0x801u) << "LME without LMA";
}

TEST(Vmcs02, Pdptes) {
  EXPECT_EQ(merged(pae_at(kScratch) + Changes{put(Cr3Pdpte + 3, 0x123001), put(GuestPdpte3, 7)})[GuestPdpte3],
            0x123001u);
  EXPECT_EQ(merged(with_ept() + pae_at(kScratch) + Changes{put(Cr3Pdpte + 3, 1), put(GuestPdpte3, 7)})[GuestPdpte3],
            7u);
}

TEST(Vmcs02, TscMultiplier) {
  const Changes scaled = with2(one(proc2::TSCSCALE)) + Changes{put(TscMultiplier, 5)};
  EXPECT_EQ(merged(scaled)[TscMultiplier], one(48));
  EXPECT_EQ(merged(scaled + Changes{on(Proc, proc::TSCOFF)})[TscMultiplier], 5u);
  EXPECT_EQ(merged({on(Proc, proc::TSCOFF), put(TscMultiplier, 5)})[TscMultiplier], one(48));
}

TEST(Vmcs02, MsrListMakesAddressesCanonical) {
  const Changes list =
      msr_list(2) + msr_entry(1, 0x175, one(47)) + msr_entry(2, 0x176, 0x1234) + msr_entry(3, 0x175, 1);
  EXPECT_EQ(merged(list)[GuestSysenterEsp], 0xffff800000000000u);
  EXPECT_EQ(merged(list)[GuestSysenterEip], 0x1234u);
  EXPECT_EQ(merged(list + Changes{on(GuestCr4, cr4::LA57)})[GuestSysenterEsp], one(47));
}

TEST(Vmcs02, Runs) {
  const auto runs = [](const Changes& c) { return runs_vmcs02(case_of(c).v.data()); };
  const Changes hlt = {put(ActivityState, 1)};
  EXPECT_TRUE(runs({}));
  EXPECT_FALSE(runs(hlt));
  EXPECT_TRUE(runs(hlt + inject(0, 0x20)));
  EXPECT_TRUE(runs(hlt + Changes{on(Proc, proc::NMIWIN)}));
  EXPECT_FALSE(runs(hlt + Changes{on(Proc, proc::INTWIN)}));
  EXPECT_TRUE(runs(hlt + Changes{on(Proc, proc::INTWIN), on(GuestRflags, rflags::IF)}));
  EXPECT_FALSE(runs(inject(2, 2) + Changes{put(ActivityState, 3)}));
}

}  // namespace
}  // namespace diffvisor::vmx
