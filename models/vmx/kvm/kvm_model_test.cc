// SPDX-License-Identifier: Apache-2.0
// KVM's outcome for one change, or for two of which KVM's order picks one.
#include "models/vmx/kvm/kvm_model.h"

#include <gtest/gtest.h>

#include "harness/arch/vmx/outcome.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_rules.h"
#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;

struct Expectation {
  const char* name;
  Changes changes;
  Outcome outcome;
  std::string_view decider;  // "" when nothing fails
};

std::string_view decider_of(const KvmRuling& r) {
  if (r.stage == KvmStage::Software) return kvm_rules().rows[r.row].id;
  if (r.stage == KvmStage::Processor) return arch_rules().rows[r.row].id;
  return "";
}

constexpr Outcome kInvalid = make_outcome(OutcomeKind::FailInvalid);
constexpr Outcome kGp = make_outcome(OutcomeKind::GeneralProtection);
constexpr std::uint64_t kUnmapped = 0x800000000;  // legal, aligned, no memory

void expect_all(const std::vector<Expectation>& table) {
  const KvmModel model;
  for (const Expectation& e : table) {
    const KvmRuling r = model.ruling(case_of(e.changes));
    EXPECT_EQ(r.seen.status, Status::Ran) << e.name << ": " << r.seen.reason;
    EXPECT_EQ(outcome_text(r.seen.outcome), outcome_text(e.outcome)) << e.name << " decided by " << decider_of(r);
    EXPECT_EQ(decider_of(r), e.decider) << e.name;
  }
}

TEST(KvmModel, Golden) {
  expect_all({
      {"golden", {}, entered(52), ""},
      {"unrestricted", unrestricted(), entered(52), ""},
      {"virtual 8086", v86(), entered(52), ""},
      {"PAE", pae_at(kScratch) + Changes{put(Cr3Pdpte, 1)}, entered(52), ""},
      {"MSR list", msr_list(4), entered(52), ""},
      {"TPR shadow", tpr_shadow(), entered(52), ""},
  });
}

TEST(KvmModel, InstructionStage) {
  expect_all({
      {"CPL 3", {on(Context, kCpl3)}, kGp, "kvm.run.cpl"},
      {"no VMCS", {on(Context, kNoCurrent)}, kInvalid, "kvm.run.no_current"},
      {"shadow VMCS", {on(Context, kShadowCurrent)}, kInvalid, "kvm.run.shadow_current"},
      {"MOV SS", {on(Context, kMovSs)}, fail_valid(26), "kvm.run.mov_ss"},
      {"launch twice", {on(Context, kLaunched)}, fail_valid(4), "kvm.run.launch_state"},
      {"resume first", {on(Context, kResume)}, fail_valid(5), "kvm.run.resume_state"},
      {"resume", {on(Context, kResume), on(Context, kLaunched)}, entered(52), ""},
      {"CPL before VMCS", {on(Context, kCpl3), on(Context, kNoCurrent)}, kGp, "kvm.run.cpl"},
      {"MOV SS before state", {on(Context, kMovSs), on(Context, kResume)}, fail_valid(26), "kvm.run.mov_ss"},
      {"state before controls", {on(Context, kLaunched), put(Pin, 0)}, fail_valid(4), "kvm.run.launch_state"},
  });
}

TEST(KvmModel, ExecutionControls) {
  const Changes x2apic = with2(one(proc2::VX2APIC));
  expect_all({
      {"PIN", {off(Pin, 1)}, fail_valid(7), "kvm.exec.pin.must_be_one"},
      {"PIN high", {on(Pin, 8)}, fail_valid(7), "kvm.exec.pin.may_be_one"},
      {"tertiary", {on(Proc, proc::TERTIARY)}, fail_valid(7), "kvm.exec.proc.may_be_one"},
      {"tertiary offered",
       {on(Proc, proc::TERTIARY), on(CapProcCtls, 32 + proc::TERTIARY)},
       fail_valid(7),
       "kvm.exec.proc.never_offered"},
      {"secondary", with2(one(proc2::PLE)), fail_valid(7), "kvm.exec.proc2.may_be_one"},
      {"secondary off", {put(Proc2, ~std::uint64_t{0} >> 32)}, entered(52), ""},
      {"CR3 targets", {put(Cr3TargetCount, 1)}, fail_valid(7), "kvm.exec.cr3_target_count"},
      {"I/O bitmap", {on(Proc, proc::IOBM), put(IoBitmapA, 1)}, fail_valid(7), "kvm.exec.io_bitmap_a.align"},
      {"I/O bitmap B", {on(Proc, proc::IOBM), put(IoBitmapB, one(46))}, fail_valid(7), "kvm.exec.io_bitmap_b.legal"},
      {"MSR bitmap", {on(Proc, proc::MSRBM), put(MsrBitmap, one(63))}, fail_valid(7), "kvm.exec.msr_bitmap.legal"},
      {"x2APIC and APIC page", with2(one(proc2::VX2APIC) | one(proc2::VAPICACC)) + tpr_shadow(), fail_valid(7),
       "kvm.exec.x2apic_excludes_apic_access"},
      {"x2APIC alone", x2apic, fail_valid(7), "kvm.exec.apicv_needs_tpr_shadow"},
      {"VID", with2(one(proc2::VID)) + tpr_shadow() + Changes{off(Pin, pin::EXTINT)}, fail_valid(7),
       "kvm.exec.vid_needs_external_exiting"},
      {"posted", {on(Pin, pin::POSTED)}, fail_valid(7), "kvm.exec.posted.vid"},
      {"posted alignment",
       with2(one(proc2::VID)) + tpr_shadow() +
           Changes{on(Pin, pin::POSTED), on(Exit, exit_ctl::ACKINT), put(PostedIntrDescAddr, 0x20)},
       fail_valid(7), "kvm.exec.posted.align"},
      {"virtual NMIs", {off(Pin, pin::NMI)}, fail_valid(7), "kvm.exec.virtual_nmi_needs_nmi_exiting"},
      {"NMI window",
       {off(Pin, pin::VNMI), on(Proc, proc::NMIWIN)},
       fail_valid(7),
       "kvm.exec.nmi_window_needs_virtual_nmi"},
      {"PML", with2(one(proc2::PML)), fail_valid(7), "kvm.exec.pml.ept"},
      {"unrestricted", with2(one(proc2::URG)), fail_valid(7), "kvm.exec.unrestricted_needs_ept"},
      {"VPID", with2(one(proc2::VPID)) + Changes{put(Vpid, 0)}, fail_valid(7), "kvm.exec.vpid"},
      {"save timer",
       {off(Pin, pin::PREEMPT), on(Exit, exit_ctl::SVPREEMPT)},
       fail_valid(7),
       "kvm.exec.save_timer_needs_timer"},
      {"EPTP type", with_ept() + Changes{put(Eptp, kEptPml4 | 0x18)}, fail_valid(7), "kvm.eptp.memory_type"},
      {"EPTP walk", with_ept() + Changes{put(Eptp, kEptPml4 | 0x16)}, fail_valid(7), "kvm.eptp.walk"},
      {"EPTP bit 7", with_ept() + Changes{on(Eptp, 7), on(CapEptVpidCap, 23)}, fail_valid(7), "kvm.eptp.reserved"},
      {"EPTP A/D", with_ept() + Changes{on(Eptp, 6), off(CapEptVpidCap, 21)}, fail_valid(7), "kvm.eptp.accessed_dirty"},
      {"VM function", with2(one(proc2::VMFUNC)) + Changes{put(VmFunctionControl, one(40))}, fail_valid(7),
       "kvm.exec.vmfunc.reserved"},
      {"EPTP list", with_ept(one(proc2::VMFUNC)) + Changes{put(VmFunctionControl, 1), put(EptpListAddress, 8)},
       fail_valid(7), "kvm.exec.eptp_list.align"},
  });
}

TEST(KvmModel, ExitAndEntryControls) {
  expect_all({
      {"exit", {off(Exit, 0)}, fail_valid(7), "kvm.exit.must_be_one"},
      {"secondary exit controls",
       {on(Exit, exit_ctl::SECONDARY), on(CapExitCtls, 32 + exit_ctl::SECONDARY)},
       fail_valid(7),
       "kvm.exit.never_offered"},
      {"load list",
       {put(ExitMsrLoadCount, 2), put(ExitMsrLoadAddr, one(46) - 16)},
       fail_valid(7),
       "kvm.exit.msr_load.last_legal"},
      {"store list", {put(ExitMsrStoreCount, 1), put(ExitMsrStoreAddr, 8)}, fail_valid(7), "kvm.exit.msr_store.align"},
      {"SMM",
       {on(Entry, entry_ctl::SMM), on(CapEntryCtls, 32 + entry_ctl::SMM)},
       fail_valid(7),
       "kvm.entry.never_offered"},
      {"type 1", inject(1, 0), fail_valid(7), "kvm.inject.reserved_type"},
      {"MTF", inject(7, 0) + Changes{off(CapProcCtls, 32 + proc::MTF)}, fail_valid(7),
       "kvm.inject.other_needs_monitor_trap"},
      {"NMI vector", inject(2, 3), fail_valid(7), "kvm.inject.nmi_vector"},
      {"exception vector", inject(3, 32), fail_valid(7), "kvm.inject.hardware_exception_vector"},
      {"#GP without code", inject(3, 13), fail_valid(7), "kvm.inject.error_code_expected"},
      {"#CP has none", inject(3, 21, true), fail_valid(7), "kvm.inject.error_code_unexpected"},
      {"#GP in real mode",
       unrestricted() + legacy() + Changes{off(GuestCr0, cr0::PE), off(GuestCr0, cr0::PG)} + inject(3, 13, true),
       fail_valid(7), "kvm.inject.error_code_unexpected"},
      {"code width", inject(3, 13, true) + Changes{put(EntryExceptionErrorCode, one(16))}, fail_valid(7),
       "kvm.inject.error_code_width"},
      {"reserved", inject(3, 3) + Changes{on(EntryIntrInfo, 13), on(CapVmxBasic, 58)}, fail_valid(7),
       "kvm.inject.reserved"},
      {"length 0", inject(4, 0x80), fail_valid(7), "kvm.inject.length_zero"},
      {"length 16", inject(6, 3) + Changes{put(EntryInstructionLen, 16)}, fail_valid(7), "kvm.inject.length_max"},
      {"entry list",
       {put(EntryMsrLoadCount, 1), put(EntryMsrLoadAddr, kEntryMsrList + 8)},
       fail_valid(7),
       "kvm.entry.msr_load.align"},
      {"ignored injection", {put(EntryIntrInfo, 0x7fffffff)}, entered(52), ""},
  });
}

TEST(KvmModel, HostState) {
  expect_all({
      {"32-bit host", {off(Exit, exit_ctl::HOST64), off(HostIa32Efer, 8)}, fail_valid(8), "kvm.host.as.host64"},
      {"CR0", {off(HostCr0, cr0::NE)}, fail_valid(8), "kvm.host.cr0.must_be_one"},
      {"CR4", {on(HostCr4, cr4::SMXE), on(CapCr4Fixed1, cr4::SMXE)}, fail_valid(8), "kvm.host.cr4.never_offered"},
      {"CR3", {on(HostCr3, 46)}, fail_valid(8), "kvm.host.cr3"},
      {"width 48", {put(HostFsBase, one(47))}, fail_valid(8), "kvm.host.fs.base"},
      {"PAT", {put(HostIa32Pat, 2)}, fail_valid(8), "kvm.host.pat"},
      {"PMU",
       {on(Exit, exit_ctl::LDPGC), put(HostIa32PerfGlobalCtrl, one(40))},
       fail_valid(8),
       "kvm.host.perf_global_ctrl"},
      {"PAE", {off(HostCr4, cr4::PAE)}, fail_valid(8), "kvm.host.as.pae"},
      {"RPL", {put(HostGsSelector, 3)}, fail_valid(8), "kvm.host.gs.rpl_ti"},
      {"TR", {put(HostTrSelector, 0)}, fail_valid(8), "kvm.host.tr.null"},
      {"EFER", {on(HostIa32Efer, 12)}, fail_valid(8), "kvm.host.efer.reserved"},
      {"LMA", {off(HostIa32Efer, efer::LMA)}, fail_valid(8), "kvm.host.efer.lma"},
      {"7 before 8",
       {put(HostTrSelector, 0), put(EntryMsrLoadCount, 1), put(EntryMsrLoadAddr, 1)},
       fail_valid(7),
       "kvm.entry.msr_load.align"},
  });
}

TEST(KvmModel, GuestState) {
  expect_all({
      {"CR0", {off(GuestCr0, cr0::PG)}, fail_guest(0), "kvm.guest.cr0.must_be_one"},
      {"CR4", {off(GuestCr4, cr4::VMXE)}, fail_guest(0), "kvm.guest.cr4.must_be_one"},
      {"DR7", {on(Entry, entry_ctl::LDDBG), on(GuestDr7, 32)}, fail_guest(0), "kvm.guest.dr7"},
      {"DEBUGCTL", {on(Entry, entry_ctl::LDDBG), on(GuestIa32Debugctl, 6)}, fail_guest(0), "kvm.guest.debugctl"},
      {"DEBUGCTL BTF",
       {on(Entry, entry_ctl::LDDBG), on(GuestIa32Debugctl, 1), put(CapDebugctlMask, 0)},
       entered(52),
       ""},
      {"PAT", {on(Entry, entry_ctl::LDPAT), put(GuestIa32Pat, 3)}, fail_guest(0), "kvm.guest.pat"},
      {"link alignment", {put(VmcsLinkPointer, kScratch + 4)}, fail_guest(4), "kvm.link.align"},
      {"link width", {put(VmcsLinkPointer, one(46))}, fail_guest(4), "kvm.link.legal"},
      {"link memory", {put(VmcsLinkPointer, kUnmapped)}, fail_guest(4), "kvm.link.readable"},
      {"link revision", {put(VmcsLinkPointer, kScratch), put(LinkDword0, 4)}, fail_guest(4), "kvm.link.revision"},
      {"link indicator",
       {put(VmcsLinkPointer, kScratch), put(LinkDword0, one(31) | 0x11e57ed0)},
       fail_guest(4),
       "kvm.link.shadow"},
      {"link to itself", {put(VmcsLinkPointer, kVmcs), put(LinkDword0, 0x11e57ed0)}, entered(52), ""},
      {"PE", unrestricted() + legacy() + Changes{off(GuestCr0, cr0::PE)}, fail_guest(0), "kvm.guest.cr0.pg_pe"},
      {"IA-32e PAE", {off(GuestCr4, cr4::PAE)}, fail_guest(0), "kvm.guest.ia32e.pae"},
      {"EFER", {on(GuestIa32Efer, 1)}, fail_guest(0), "kvm.guest.efer.reserved"},
      {"LME", {off(GuestIa32Efer, efer::LME)}, fail_guest(0), "kvm.guest.efer.lme"},
      {"shutdown", {put(ActivityState, 2), on(CapVmxMisc, 7)}, fail_guest(0), "kvm.guest.activity"},
      {"link before activity", {put(ActivityState, 2), put(VmcsLinkPointer, 1)}, fail_guest(4), "kvm.link.align"},
      {"PAT before link",
       {on(Entry, entry_ctl::LDPAT), put(GuestIa32Pat, 3), put(VmcsLinkPointer, 1)},
       fail_guest(0),
       "kvm.guest.pat"},
      {"8 before 33", {put(HostTrSelector, 0), put(ActivityState, 2)}, fail_valid(8), "kvm.host.tr.null"},
  });
}

TEST(KvmModel, SegmentsInSoftware) {
  expect_all({
      {"v86 base", v86() + Changes{put(GuestSsBase, 1)}, fail_guest(0), "kvm.seg.ss.v86_base"},
      {"v86 limit", v86() + Changes{put(GuestGsLimit, 0xfffff)}, fail_guest(0), "kvm.seg.gs.v86_limit"},
      {"v86 type", v86() + Changes{put(GuestDsAr, 0xf1)}, fail_guest(0), "kvm.seg.ds.v86_ar"},
      {"v86 CS type", v86() + Changes{put(GuestCsAr, 0xfb)}, fail_guest(0), "vmx.seg.cs.v86_ar"},
      {"SS RPL", {put(GuestSsSelector, 0x13)}, fail_guest(0), "kvm.seg.ss.rpl_cs"},
      {"CS unusable", {on(GuestCsAr, ar::UNUSABLE)}, fail_guest(0), "kvm.seg.cs.usable"},
      {"CS type", {put_bits(GuestCsAr, 3, 0, 3)}, fail_guest(0), "kvm.seg.cs.type"},
      {"CS DPL", {put_bits(GuestCsAr, 6, 5, 3)}, fail_guest(0), "kvm.seg.cs.dpl_nonconforming"},
      {"SS type", {put_bits(GuestSsAr, 3, 0, 1)}, fail_guest(0), "kvm.seg.ss.type"},
      {"DS DPL", {put(GuestDsSelector, 0x13)}, fail_guest(0), "kvm.seg.ds.dpl"},
      {"TR", {on(GuestTrAr, ar::UNUSABLE)}, fail_guest(0), "kvm.seg.tr.usable"},
      {"LDTR", {on(GuestLdtrSelector, 2)}, fail_guest(0), "kvm.seg.ldtr.ti"},
      {"CR3", {on(GuestCr3, 46)}, fail_guest(0), "kvm.cr3.legal"},
      {"PDPTE", pae_at(kScratch) + Changes{put(Cr3Pdpte + 2, 0x7)}, fail_guest(2), "kvm.cr3.pdpte.2"},
      {"PDPTE not present", pae_at(kScratch) + Changes{put(Cr3Pdpte, 0x1e0)}, entered(52), ""},
      {"PDPTE memory", pae_at(one(32) | kScratch), fail_guest(2), "kvm.cr3.pdptes_readable"},
      {"segments before CR3", {put(GuestSsSelector, 0x13), on(GuestCr3, 46)}, fail_guest(0), "kvm.seg.ss.rpl_cs"},
      {"CR3 before PDPTE", pae_at(one(46) | kScratch), fail_guest(0), "kvm.cr3.legal"},
  });
}

TEST(KvmModel, MsrLoadList) {
  expect_all({
      {"FS_BASE", msr_list(2) + msr_entry(2, 0xc0000100), fail_msr(2), "kvm.msrload.fs_base"},
      {"x2APIC", msr_list(1) + msr_entry(1, 0x808), fail_msr(1), "kvm.msrload.x_apic"},
      {"reserved", msr_list(3) + Changes{put(EntryMsrReserved + 2, 1)}, fail_msr(3), "kvm.msrload.reserved"},
      {"LME", msr_list(1) + msr_entry(1, 0xc0000080, 0xc01), fail_msr(1), "kvm.msrload.efer_paging"},
      {"PAT", msr_list(1) + msr_entry(1, 0x277, 2), fail_msr(1), "kvm.msrload.set_msr"},
      {"memory", Changes{put(EntryMsrLoadCount, 1), put(EntryMsrLoadAddr, kUnmapped)}, fail_msr(1),
       "kvm.msrload.readable"},
      {"first entry wins", msr_list(2) + msr_entry(1, 0x808) + msr_entry(2, 0xc0000100), fail_msr(1),
       "kvm.msrload.x_apic"},
      {"beyond the count", msr_list(1) + msr_entry(2, 0xc0000100), entered(52), ""},
      {"PDPTE before list", pae_at(kScratch) + Changes{put(Cr3Pdpte, 7)} + msr_list(1) + msr_entry(1, 0x808),
       fail_guest(2), "kvm.cr3.pdpte.0"},
      {"list before processor", msr_list(1) + msr_entry(1, 0x808) + Changes{put(GuestRflags, 0)}, fail_msr(1),
       "kvm.msrload.x_apic"},
      {"list before late 7", msr_list(1) + msr_entry(1, 0x808) + tpr_shadow() + Changes{put(TprThreshold, 16)},
       fail_msr(1), "kvm.msrload.x_apic"},
  });
}

// KVM's answer is certain, but the reference has none to compare it with.
TEST(KvmModel, LimitsOfTheReferenceHold) {
  const struct {
    Changes changes;
    std::string_view decider, limit;
  } table[] = {
      {msr_list(4) + msr_entry(4, 0x79), "kvm.msrload.microcode", "vmx.limit.msr_not_modelled"},
      {msr_list(513), "kvm.msrload.limit", "vmx.msrload.limit"},
      {{put(HostCr3, 0x20000), put(ActivityState, 2)}, "kvm.guest.activity", "vmx.limit.host_cr3"},
  };
  for (const auto& e : table) {
    const KvmRuling r = KvmModel().ruling(case_of(e.changes));
    EXPECT_EQ(decider_of(r), e.decider);
    EXPECT_EQ(r.seen.status, Status::Incomparable);
    EXPECT_EQ(r.seen.reason, e.limit);
  }
  EXPECT_EQ(KvmModel().ruling(case_of({put(HostCr3, 0x20000), put(HostTrSelector, 0)})).seen.outcome, fail_valid(8));
}

TEST(KvmModel, LateControlFailures) {
  const Changes both_cr8 = {on(Proc, proc::CR8LD), on(Proc, proc::CR8ST)};
  expect_all({
      {"threshold", tpr_shadow() + Changes{put(TprThreshold, 16)}, fail_valid(7), "vmx.ctl.tprthr.rsvd"},
      {"VTPR", tpr_shadow() + Changes{put(TprThreshold, 3), put(Vtpr, 0x2f)}, fail_valid(7), "vmx.ctl.tprthr.vtpr"},
      {"TSC multiplier", with2(one(proc2::TSCSCALE)) + Changes{on(Proc, proc::TSCOFF)}, fail_valid(7),
       "vmx.ctl.tscmul"},
      {"TSC multiplier unused", with2(one(proc2::TSCSCALE)), entered(52), ""},
      {"APIC page unmapped", tpr_shadow(kUnmapped), fail_valid(7), "vmx.ctl.vapic.align"},
      {"APIC page not needed", tpr_shadow(kUnmapped) + both_cr8, entered(52), ""},
      {"APIC page needed by x2APIC", with2(one(proc2::VX2APIC)) + tpr_shadow(kUnmapped) + both_cr8, fail_valid(7),
       "vmx.ctl.tprsh.need_vx2apic"},
      {"software 33 first", tpr_shadow() + Changes{put(TprThreshold, 16), put(ActivityState, 2)}, fail_guest(0),
       "kvm.guest.activity"},
      {"before hardware 33", tpr_shadow() + Changes{put(TprThreshold, 16), put(GuestRflags, 0)}, fail_valid(7),
       "vmx.ctl.tprthr.rsvd"},
  });
}

TEST(KvmModel, ProcessorChecks) {
  expect_all({
      {"RFLAGS", {put(GuestRflags, 0)}, fail_guest(0), "vmx.rflags.rsvd1"},
      {"PCIDE", pae_at(kScratch) + Changes{on(GuestCr4, cr4::PCIDE)}, fail_guest(0), "vmx.guest.noia32e.pcide"},
      {"SYSENTER", {put(GuestSysenterEsp, one(60))}, fail_guest(0), "vmx.guest.sysenter_esp"},
      {"SYSENTER from the list", msr_list(1) + msr_entry(1, 0x175, one(60)) + Changes{put(GuestSysenterEsp, one(60))},
       entered(52), ""},
      {"base", {put(GuestSsBase, one(32))}, fail_guest(0), "vmx.seg.ss.base_hi"},
      {"granularity", {put(GuestDsLimit, 0xfff00000)}, fail_guest(0), "vmx.seg.ds.g_low"},
      {"not present", {off(GuestCsAr, ar::P)}, fail_guest(0), "vmx.seg.cs.p"},
      {"TR type", {put_bits(GuestTrAr, 3, 0, 3)}, fail_guest(0), "vmx.seg.tr.type64"},
      {"RIP", {put(GuestRip, one(57))}, fail_guest(0), "vmx.rip.width"},
      {"interruptibility", {put(Interruptibility, one(5))}, fail_guest(0), "vmx.intr.rsvd"},
      {"NMI under STI", inject(2, 2) + Changes{put(Interruptibility, 1), on(GuestRflags, rflags::IF)}, fail_guest(3),
       "vmx.intr.nmi_sti"},
      {"virtual NMIs always on", inject(2, 2) + Changes{put(Interruptibility, 8), off(Pin, pin::VNMI)}, fail_guest(0),
       "vmx.intr.nmi_vnmi"},
      {"BTF is dropped",
       {on(Entry, entry_ctl::LDDBG), put(GuestIa32Debugctl, 2), put(Interruptibility, 2), on(GuestRflags, rflags::TF)},
       fail_guest(0),
       "vmx.dbg.bs_required"},
      {"PDPTE field", with_ept() + pae_at(kGuestCr3) + Changes{put(GuestPdpte1, 7)}, fail_guest(2), "vmx.pdpte.vmcs.1"},
      {"unrestricted segments", unrestricted() + Changes{put_bits(GuestCsAr, 3, 0, 1)}, fail_guest(0),
       "vmx.seg.cs.type"},
      {"SS DPL when unusable",
       {on(GuestSsAr, ar::UNUSABLE), put_bits(GuestSsAr, 6, 5, 3)},
       fail_guest(0),
       "vmx.seg.cs.dpl_nonconf"},
  });
}

TEST(KvmModel, AcceptsWhatNobodyChecks) {
  expect_all({
      {"reserved access rights", {on(GuestCsAr, 8), on(GuestSsAr, 20)}, entered(52), ""},
      {"HLT with DPL",
       unrestricted() + inject(3, 3) +
           Changes{put(ActivityState, 1), put_bits(GuestSsAr, 6, 5, 3), put_bits(GuestCsAr, 6, 5, 3)},
       kEntered, ""},
      {"HLT with blocking",
       {put(ActivityState, 1), put(Interruptibility, 1), on(GuestRflags, rflags::IF)},
       entered(52),
       ""},
      {"NW without CD", {on(GuestCr0, cr0::NW)}, entered(52), ""},
      {"injection in wait-for-SIPI", inject(3, 3) + Changes{put(ActivityState, 3)}, entered(52), ""},
  });
}

// Section E: a halted vCPU never runs the merged state, so nothing of it is judged.
TEST(KvmModel, HaltedSkipsTheProcessor) {
  const Changes hlt = {put(ActivityState, 1), put(GuestRflags, 0)};
  expect_all({
      {"HLT", hlt, entered(52), ""},
      {"wait-for-SIPI", {put(ActivityState, 3), put(GuestRflags, 0)}, entered(52), ""},
      {"HLT with NMI window", hlt + Changes{on(Proc, proc::NMIWIN)}, fail_guest(0), "vmx.rflags.rsvd1"},
      {"HLT with closed window", hlt + Changes{on(Proc, proc::INTWIN)}, entered(52), ""},
      {"HLT with injection", hlt + inject(2, 2), fail_guest(0), "vmx.rflags.rsvd1"},
      {"HLT and late 7", hlt + tpr_shadow() + Changes{put(TprThreshold, 16)}, entered(52), ""},
  });
  const KvmRuling r = KvmModel().ruling(case_of(hlt + Changes{off(Pin, pin::PREEMPT)}));
  EXPECT_EQ(r.seen.status, Status::Incomparable);
  EXPECT_EQ(r.seen.reason, "kvm_halted");
}

TEST(KvmModel, UserspaceExitIsIncomparable) {
  const Changes unmapped = with2(one(proc2::VAPICACC)) + Changes{put(ApicAccessAddr, kUnmapped)};
  KvmRuling r = KvmModel().ruling(case_of(unmapped));
  EXPECT_EQ(r.seen.status, Status::Incomparable);
  EXPECT_EQ(r.seen.reason, "userspace_exit");
  r = KvmModel().ruling(case_of(unmapped + Changes{put(HostTrSelector, 0)}));
  EXPECT_EQ(r.seen.outcome, fail_valid(8));
  r = KvmModel().ruling(case_of(unmapped + Changes{off(GuestCr4, cr4::VMXE)}));
  EXPECT_EQ(r.seen.reason, "userspace_exit");
}

TEST(KvmModel, SkipsMarkedObservations) {
  const std::vector<Case> cases = {case_of({}), case_of({})};
  std::vector<Observation> seen = {incomparable("known_death"), Observation{}};
  KvmModel model;
  model.submit(cases, seen);
  EXPECT_EQ(seen[0].reason, "known_death");
  EXPECT_EQ(seen[1].status, Status::Ran);
}

TEST(KvmModel, RecordSaysWhatTheOutcomeSays) {
  const KvmRuling r = KvmModel().ruling(case_of({put(VmcsLinkPointer, 1)}));
  EXPECT_EQ(r.seen.record[kExitReason], 0x80000021u);
  EXPECT_EQ(r.seen.record[kExitQualification], 4u);
  EXPECT_EQ(r.seen.defined, 1u << kExitReason | 1u << kExitQualification);
}

}  // namespace
}  // namespace diffvisor::vmx
