// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.3.1.4 and 29.3.1.5: checks on RIP, RFLAGS, SSP and guest non-register state. Failure: exit 33.
#pragma once

#include <array>

#include "models/vmx/conditions.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr std::string_view kRipSection = "29.3.1.4", kNonRegister = "29.3.1.5";
inline constexpr unsigned kNmiQualification = 3, kLinkQualification = 4;

constexpr Expr activity(unsigned state) { return eq(all(ActivityState), state); }
constexpr Expr activity_offered(unsigned state) { return activity(state) && bit(CapVmxMisc, 5 + state); }
constexpr Expr blocked_by_sti_or_mov_ss() { return nonzero(bits(Interruptibility, 1, 0)); }
constexpr Expr hardware_exception(unsigned vector) { return eq(event_type(), 3) && eq(event_vector(), vector); }
constexpr Expr code64() { return ia32e() && bit(GuestCsAr, ar::L); }
// BTF as the guest will have it: DEBUGCTL is 0 in the agent's world unless this entry loads it.
constexpr Expr branch_trap() { return bit(Entry, entry_ctl::LDDBG) && bit(GuestIa32Debugctl, 1); }
constexpr Expr single_step_possible() { return blocked_by_sti_or_mov_ss() || activity(1); }
constexpr Expr rtm_trap() { return bit(PendingDbg, 16); }
constexpr Expr linked() { return !eq(all(VmcsLinkPointer), ~std::uint64_t{0}); }

// clang-format off
inline constexpr auto kRipRules = std::to_array<Rule>({
  guest("vmx.rip.hi32",          kRipSection,  not_ia32e() || clear(GuestCsAr, ar::L), zero(GuestRip, 63, 32)),
  guest("vmx.rip.width",         kRipSection,  code64(),                           high_equal(GuestRip, CapLinearWidth)),
  guest("vmx.rflags.rsvd0",      kRipSection,  always(),                           zero(GuestRflags, 63, 22) && clear(GuestRflags, 15) && clear(GuestRflags, 5) && clear(GuestRflags, 3)),
  guest("vmx.rflags.rsvd1",      kRipSection,  always(),                           bit(GuestRflags, 1)),
  guest("vmx.rflags.vm_ia32e",   kRipSection,  ia32e(),                            not_v86()),
  guest("vmx.rflags.vm_pe",      kRipSection,  clear(GuestCr0, cr0::PE),           not_v86()),
  guest("vmx.rflags.if_extint",  kRipSection,  injecting(0),                       bit(GuestRflags, rflags::IF)),
  guest("vmx.ssp.align",         kRipSection,  bit(Entry, entry_ctl::LDCET),       zero(GuestSsp, 1, 0)),
  guest("vmx.ssp.width",         kRipSection,  bit(Entry, entry_ctl::LDCET),       high_equal(GuestSsp, CapLinearWidth)),
});

inline constexpr auto kNonRegisterRules = std::to_array<Rule>({
  guest("vmx.act.range",         kNonRegister, always(),                           activity(0) || activity_offered(1) || activity_offered(2) || activity_offered(3)),
  guest("vmx.act.hlt_dpl",       kNonRegister, activity(1),                        zero(GuestSsAr, 6, 5)),
  guest("vmx.act.blocking",      kNonRegister, blocked_by_sti_or_mov_ss(),         activity(0)),
  guest("vmx.act.inj_hlt",       kNonRegister, injecting() && activity(1),         in(event_type(), {0, 2}) || hardware_exception(1) || hardware_exception(18) ||
                                                                                   (eq(event_type(), 7) && eq(event_vector(), 0))),
  guest("vmx.act.inj_shutdown",  kNonRegister, injecting() && activity(2),         eq(event_type(), 2) || hardware_exception(18)),
  guest("vmx.act.inj_wfs",       kNonRegister, injecting(),                        !activity(3)),
  guest("vmx.act.smm_wfs",       kNonRegister, bit(Entry, entry_ctl::SMM),         !activity(3)),
  guest("vmx.intr.rsvd",         kNonRegister, always(),                           zero(Interruptibility, 31, 5)),
  guest("vmx.intr.sti_movss",    kNonRegister, always(),                           !eq(bits(Interruptibility, 1, 0), 3)),
  guest("vmx.intr.sti_if",       kNonRegister, clear(GuestRflags, rflags::IF),     clear(Interruptibility, 0)),
  guest("vmx.intr.extint",       kNonRegister, injecting(0),                       zero(Interruptibility, 1, 0)),
  guest("vmx.intr.nmi_movss",    kNonRegister, injecting(2),                       clear(Interruptibility, 1)),
  guest("vmx.intr.smi_out",      kNonRegister, always(),                           clear(Interruptibility, 2)),
  guest("vmx.intr.smi_in",       kNonRegister, bit(Entry, entry_ctl::SMM),         bit(Interruptibility, 2)),
  guest("vmx.intr.nmi_sti",      kNonRegister, injecting(2),                       clear(Interruptibility, 0), kNmiQualification),
  guest("vmx.intr.nmi_vnmi",     kNonRegister, bit(Pin, pin::VNMI) && injecting(2), clear(Interruptibility, 3)),
  guest("vmx.intr.enclave_movss", kNonRegister, bit(Interruptibility, 4),          clear(Interruptibility, 1)),
  guest("vmx.intr.enclave_cap",  kNonRegister, !feature_bit(feature::SGX),         clear(Interruptibility, 4)),
  guest("vmx.dbg.rsvd",          kNonRegister, always(),                           zero(PendingDbg, 10, 4) && (clear(PendingDbg, 11) || feature_bit(feature::BUSLOCK)) &&
                                                                                   clear(PendingDbg, 13) && clear(PendingDbg, 15) && zero(PendingDbg, 63, 17)),
  guest("vmx.dbg.bs_required",   kNonRegister, single_step_possible() && bit(GuestRflags, rflags::TF) && !branch_trap(), bit(PendingDbg, 14)),
  guest("vmx.dbg.bs_forbidden",  kNonRegister, single_step_possible() && (clear(GuestRflags, rflags::TF) || branch_trap()), clear(PendingDbg, 14)),
  guest("vmx.dbg.rtm_cap",       kNonRegister, !feature_bit(feature::RTM),         clear(PendingDbg, 16)),
  guest("vmx.dbg.rtm_shape",     kNonRegister, rtm_trap(),                         bit(PendingDbg, 12) && zero(PendingDbg, 11, 0) && zero(PendingDbg, 15, 13) && zero(PendingDbg, 63, 17)),
  guest("vmx.dbg.rtm_movss",     kNonRegister, rtm_trap(),                         clear(Interruptibility, 1)),
  guest("vmx.link.align",        kNonRegister, linked(),                           page_aligned(VmcsLinkPointer), kLinkQualification),
  guest("vmx.link.width",        kNonRegister, linked(),                           vmx_width(VmcsLinkPointer), kLinkQualification),
  guest("vmx.link.revid",        kNonRegister, linked(),                           condition(kLinkRevision, all(VmcsLinkPointer), bits(LinkDword0, 30, 0)), kLinkQualification),
  guest("vmx.link.shadowbit",    kNonRegister, linked(),                           (bit(LinkDword0, 31) && secondary(proc2::SHADOW)) ||
                                                                                   (clear(LinkDword0, 31) && !secondary(proc2::SHADOW)), kLinkQualification),
  guest("vmx.link.current",      kNonRegister, linked(),                           !eq(all(VmcsLinkPointer), kVmcs), kLinkQualification),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
