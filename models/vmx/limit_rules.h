// SPDX-License-Identifier: Apache-2.0
// Cases nobody can judge: they would read memory that no fact spells out, lose the agent, or never come back.
#pragma once

#include <array>

#include "models/vmx/msr_load_rules.h"
#include "models/vmx/nonregister_rules.h"
#include "models/vmx/pdpte_rules.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

// A list a VM exit reads or writes: empty, or in the pages that hold nothing but fillers.
constexpr Expr harmless_exit_list(Slot count, Slot address, Gpa list) {
  return eq(all(count), 0) || (eq(all(address), list) && le(all(count), 512));
}
constexpr Expr vtpr_compared() {
  return tpr_shadow() && nonzero(bits(TprThreshold, 3, 0)) && !secondary(proc2::VID) && !secondary(proc2::VAPICACC);
}
constexpr Expr in_entry_list(Slot s) { return eq(bits(s, 63, 13), kEntryMsrList >> 13); }
constexpr Expr same_page(Slot a, Slot b) { return same(bits(a, 63, 12), bits(b, 63, 12)); }

// The guest's first event is the preemption timer: nothing of the guest runs.
constexpr Expr timer_expired() { return bit(Pin, pin::PREEMPT) && eq(all(PreemptionTimer), 0); }

constexpr Expr golden_tables() {
  return eq(all(GuestCr3), kGuestCr3) && eq(all(Cr3Pdpte), kGoldenPml4Entry) && eq(all(Cr3Pdpte + 1), 0) &&
         eq(all(Cr3Pdpte + 2), 0) && eq(all(Cr3Pdpte + 3), 0);
}
// Whatever the guest does to memory stays inside the guest window: the golden EPT maps nothing else, nor do the golden
// guest tables. #VE would store to VE_INFO_ADDRESS, which EPT does not translate.
constexpr Expr contained() {
  return (ept() && eq(all(Eptp), kGoldenEptp) && clear(Proc2, proc2::EPTVE)) || (!ept() && golden_tables());
}

// PAE paging without EPT: no legal page-directory-pointer table is the golden one, so nothing is contained.
constexpr Expr own_pdptes() { return pae_paging() && !ept(); }

// Delivery through the guest's IDT. A type 7 event with vector 0 is a pending MTF exit.
constexpr Expr vectoring() { return injecting() && !(eq(event_type(), 7) && eq(event_vector(), 0)); }

// A debug exception is pending after the entry. Bit 12 without a breakpoint, and bus locks, are left open.
constexpr Expr debug_trap_may_occur() {
  return !injecting() && clear(Interruptibility, 1) && le(all(ActivityState), 1);
}
constexpr Expr debug_trap_possible() { return bit(PendingDbg, 12) || bit(PendingDbg, 14) || bit(PendingDbg, 11); }
constexpr Expr debug_trap_certain() {
  return (bit(PendingDbg, 12) && nonzero(bits(PendingDbg, 3, 0))) || bit(PendingDbg, 14);
}
// #DB certainly occurs and is intercepted.
constexpr Expr debug_trap_exits() { return debug_trap_certain() && bit(ExceptionBitmap, 1); }

// clang-format off
inline constexpr auto kControlLimits = std::to_array<Rule>({
  // vmx.ctl.tprthr.vtpr reads this byte; a bad address fails whatever it holds.
  // An emulator that computes the size of the list in 32 bits would load whatever memory holds.
  limit("vmx.limit.exit_msr_load_count", kControlLimitPhase, always(), zero(ExitMsrLoadCount, 31, 28)),
  limit("vmx.limit.vtpr",                kControlLimitPhase, vtpr_compared() && page_aligned(VirtualApicAddr) && width(VirtualApicAddr),
                                                             in_scratch(VirtualApicAddr) || above_ram(VirtualApicAddr)),
});

inline constexpr auto kHostLimits = std::to_array<Rule>({
  // The exit, also that of a failed entry, loads these: any other value and the agent never runs again.
  limit("vmx.limit.host_cr3",            kHostLimitPhase,    always(), eq(all(HostCr3), kHostCr3)),
  limit("vmx.limit.host_rip",            kHostLimitPhase,    always(), eq(all(HostRip), kVmExitEntry)),
  // The agent's tables have four levels. Its pages are supervisor pages, so SMEP and SMAP do not matter.
  limit("vmx.limit.host_la57",           kHostLimitPhase,    always(), clear(HostCr4, cr4::LA57)),
  // The agent has no shadow stack and no ENDBR, and its pages have protection key 0.
  limit("vmx.limit.host_cet",            kHostLimitPhase,    bit(HostCr4, cr4::CET), (bit(Exit, exit_ctl::LDCET) && clear(HostIa32SCet, 0) && clear(HostIa32SCet, 2)) || (clear(Exit, exit_ctl::LDCET) && clear(Entry, entry_ctl::LDCET))),
  limit("vmx.limit.host_pks",            kHostLimitPhase,    bit(HostCr4, cr4::PKS), bit(Exit, exit_ctl::LDPKRS) && zero(HostIa32Pkrs, 1, 0)),
  // A list of junk loads junk MSRs into the agent, or hangs the exit.
  limit("vmx.limit.exit_msr_load_list",  kHostLimitPhase,    always(), harmless_exit_list(ExitMsrLoadCount, ExitMsrLoadAddr, kExitMsrLoadList)),
});

inline constexpr auto kGuestLimits = std::to_array<Rule>({
  // Facts that 29.3.1 reads must lie where the case sets memory.
  limit("vmx.limit.link_dword",          kGuestLimitPhase,   linked() && page_aligned(VmcsLinkPointer) && width(VmcsLinkPointer),
                                                             in_scratch(VmcsLinkPointer) || eq(all(VmcsLinkPointer), kVmcs) || eq(all(VmcsLinkPointer), kShadowVmcs) ||
                                                             above_ram(VmcsLinkPointer)),
  // The manual does not say what an unreadable table does, so memory above RAM will not do here.
  limit("vmx.limit.cr3_pdptes",          kGuestLimitPhase,   loads_from_memory(),
                                                             eq(bits(GuestCr3, 31, 17), kScratch >> 17) || eq(bits(GuestCr3, 31, 12), kGuestCr3 >> 12)),
  // VTPR's bytes 3:1 may be cleared before the other fact is read.
  limit("vmx.limit.virtual_apic_overlap", kGuestLimitPhase,  tpr_shadow(),
                                                             !same_page(VirtualApicAddr, VmcsLinkPointer) && !same_page(VirtualApicAddr, EntryMsrLoadAddr) &&
                                                             !same(bits(VirtualApicAddr, 31, 12), bits(GuestCr3, 31, 12))),
});

inline constexpr auto kMsrListLimits = std::to_array<Rule>({
  // Undefined beyond 512 * (VMX_MISC[27:25] + 1) entries; every profile has 0 there.
  {"vmx.msrload.limit", "29.4", Kind::Limit, kMsrListPhase, 0, make_outcome(OutcomeKind::Unjudged), always(), le(all(EntryMsrLoadCount), 512)},
  limit("vmx.limit.msr_list",            kMsrListPhase,      nonzero(all(EntryMsrLoadCount)),
                                                             in_scratch(EntryMsrLoadAddr) || above_ram(EntryMsrLoadAddr) ||
                                                             (in_entry_list(EntryMsrLoadAddr) && le(bits(EntryMsrLoadAddr, 12, 0), 0x2000 - 16 * kEntryMsrFacts))),
});

inline constexpr auto kMsrTailLimits = std::to_array<Rule>({
  // Entries the case does not spell out are harmless in the list's own pages only; scratch pages hold zeros there.
  limit("vmx.limit.msr_list_tail",       kMsrTailPhase,      !le(all(EntryMsrLoadCount), kEntryMsrFacts), in_entry_list(EntryMsrLoadAddr)),
});

inline constexpr auto kSuccessLimits = std::to_array<Rule>({
  // Only a start-up IPI leaves this state, and nobody sends one.
  limit("vmx.limit.wait_for_sipi",       kSuccessLimitPhase, always(), !activity(3)),
  // The processor may clear bytes 3:1 of VTPR, and writes more with APIC virtualisation.
  limit("vmx.limit.virtual_apic_page",   kSuccessLimitPhase, tpr_shadow(), in_scratch(VirtualApicAddr) || above_ram(VirtualApicAddr)),
  // The exit would store MSRs over whatever lies there.
  limit("vmx.limit.exit_msr_store_list", kSuccessLimitPhase, always(), harmless_exit_list(ExitMsrStoreCount, ExitMsrStoreAddr, kExitMsrStoreList)),
  // Without the timer, only a state that certainly reaches the golden VMCALL is known to come back.
  limit("vmx.limit.no_probe",            kSuccessLimitPhase, !timer_expired(),
                                                             eq(all(Probe), kVmcall) && clear(Pin, pin::PREEMPT) && code64() && eq(all(GuestRip), kGuestCode) && activity(0) && !injecting()),
  limit("vmx.limit.probe_paging",        kSuccessLimitPhase, !timer_expired(),
                                                             golden_tables() && (!ept() || eq(all(Eptp), kGoldenEptp)) &&
                                                             clear(GuestCr4, cr4::LA57) && clear(GuestCr4, cr4::SMEP) && clear(GuestCr4, cr4::CET)),
  // Follows from the next row and vmx.dbg.bs_required. Said here, it keeps a repair from mending the two in turn.
  limit("vmx.limit.probe_trap",          kSuccessLimitPhase, !timer_expired(),
                                                             clear(GuestRflags, rflags::TF) || branch_trap() || !blocked_by_sti_or_mov_ss()),
  limit("vmx.limit.probe_events",        kSuccessLimitPhase, !timer_expired(),
                                                             eq(all(PendingDbg), 0) && !secondary(proc2::VID) && !secondary(proc2::MBE) && !tertiary(proc3::HLAT)),
  // Delivery reads and writes memory through the guest's tables. With its own PDPTEs the guest gives up the event, else
  // it gets tables that keep it in its window.
  limit("vmx.limit.event_memory_pae",    kSuccessLimitPhase, own_pdptes(), !vectoring()),
  limit("vmx.limit.event_memory",        kSuccessLimitPhase, vectoring(), contained()),
  limit("vmx.limit.debug_trap_memory_pae", kSuccessLimitPhase, own_pdptes() && debug_trap_may_occur(), !debug_trap_possible() || debug_trap_exits()),
  limit("vmx.limit.debug_trap_memory",   kSuccessLimitPhase, debug_trap_may_occur() && debug_trap_possible() && !debug_trap_exits(), contained()),
  // An implementation that lets the timer wait for the end of blocking by STI or MOV SS runs one instruction first.
  limit("vmx.limit.blocked_timer_pae",   kSuccessLimitPhase, own_pdptes() && timer_expired(), !blocked_by_sti_or_mov_ss()),
  limit("vmx.limit.blocked_timer",       kSuccessLimitPhase, timer_expired() && blocked_by_sti_or_mov_ss(), contained()),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
