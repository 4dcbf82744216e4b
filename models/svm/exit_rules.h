// SPDX-License-Identifier: Apache-2.0
// APM 2 15.5, 15.20, 15.21: the first #VMEXIT after a successful VMRUN, in order of priority. `when` is the condition;
// the row always "breaks" then, which means that this happens.
#pragma once

#include <array>

#include "models/svm/limit_rules.h"
#include "models/svm/terms.h"

namespace diffvisor::svm::arch {

// Present code: what another CS does that VMRUN has accepted, the manual does not say.
constexpr Expr code64() {
  return long_mode() && bit(CsAttr, attr::L) && bit(CsAttr, attr::P) && eq(bits(CsAttr, attr::S, attr::CODE), 3);
}
constexpr Expr golden_descriptors() {
  return eq(all(IdtrBase), agent::kGuestIdt) && eq(all(IdtrLimit), 0xfff) && eq(all(GdtrBase), agent::kGuestGdt) &&
         eq(all(GdtrLimit), 0x7f) && eq(all(Rsp), agent::kGuestStackTop);
}
// CPL 0, no SMEP, SMAP or shadow stack, and nothing else pending.
constexpr Expr golden_mode() {
  return code64() && eq(all(Cpl), 0) && zero(Cr4, cr4::SMAP, cr4::SMEP) && clear(Cr4, cr4::CET) &&
         clear(Rflags, rflags::TF) && clear(Rflags, rflags::VM) && clear(IntCtl, int_ctl::V_IRQ);
}

// clang-format off
inline constexpr auto kExitRules = std::to_array<Rule>({
  // Delivery through other tables than the golden ones may fault.
  exit_event("svm.exit.delivery_mode",        "15.20",   0, kEntered,                       injecting() && !golden_mode()),
  exit_event("svm.exit.delivery_tables",      "15.20",   0, kEntered,                       injecting() && !golden_tables()),
  exit_event("svm.exit.delivery_descriptors", "15.20",   0, kEntered,                       injecting() && !golden_descriptors()),
  exit_event("svm.exit.delivery_nested_fault", "15.25.6", 0, entered(kNestedPageFaultExit), injecting() && nested_paging() && eq(all(Ncr3), kEmptyTables)),
  // Every gate leads to VMMCALL.
  exit_event("svm.exit.event_delivered",      "15.20",   1, entered(kVmmcallExit),          injecting()),
  exit_event("svm.exit.virtual_interrupt",    "15.21.4", 2, entered(kVirtualInterruptExit), virtual_interrupt_exits()),
  // Priorities, the interrupt shadow and delivery decide.
  exit_event("svm.exit.interrupt_possible",   "15.21.4", 3, kEntered,                       virtual_interrupt_possible()),
  // A fetch beyond a limit or from no canonical address faults before any walk.
  exit_event("svm.exit.other_code",           "15.5.1",  4, kEntered,                       !at_vmmcall()),
  exit_event("svm.exit.other_segment",        "15.5.1",  5, kEntered,                       !code64() && !(bit(Cr0, cr0::PE) && flat_code())),
  exit_event("svm.exit.nested_page_fault",    "15.25.6", 6, entered(kNestedPageFaultExit),  nested_paging() && eq(all(Ncr3), kEmptyTables)),
  exit_event("svm.exit.pdptes_unknown",       "15.25",   7, kEntered,                       pae_paging() && !(pdptes_are_placed() && pae_tables())),
  exit_event("svm.exit.vmmcall_long",         "15.9",    8, entered(kVmmcallExit),          code64() && clear(Cr4, cr4::SMEP) && golden_tables()),
  exit_event("svm.exit.vmmcall_pae",          "15.9",    8, entered(kVmmcallExit),          bit(Cr0, cr0::PE) && pae_paging() && clear(Cr4, cr4::SMEP) && flat_code()),
  exit_event("svm.exit.vmmcall_unpaged",      "15.9",    8, entered(kVmmcallExit),          bit(Cr0, cr0::PE) && clear(Cr0, cr0::PG) && flat_code()),
  exit_event("svm.exit.other",                "15.5.1",  9, kEntered,                       always()),
});
// clang-format on

}  // namespace diffvisor::svm::arch
