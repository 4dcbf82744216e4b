// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.6, 29.7: the first VM exit after a successful entry, in order of priority. `when` is the condition; the row
// always "breaks" then, which means that this happens.
#pragma once

#include <array>

#include "models/vmx/limit_rules.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

// Basic exit reasons, SDM 3C appendix C.
enum ExitReason : unsigned {
  kExceptionExit = 0,
  kInterruptWindowExit = 7,
  kNmiWindowExit = 8,
  kVmcallExit = 18,
  kMtfExit = 37,
  kTprExit = 43,
  kTimerExit = 52,
};

constexpr Expr tpr_below_threshold() {
  return tpr_shadow() && !secondary(proc2::VID) && secondary(proc2::VAPICACC) &&
         !le(bits(TprThreshold, 3, 0), bits(Vtpr, 7, 4)) && le(all(ActivityState), 1);
}
// Fetching from it, or walking tables in it, meets the APIC-access page.
constexpr Expr in_guest_window(Slot s) { return eq(bits(s, 63, 21), kGuestWindow >> 21); }
constexpr Expr nmi_window() {
  return bit(Proc, proc::NMIWIN) && clear(Interruptibility, 3) && clear(Interruptibility, 1);
}
constexpr Expr interrupt_window() {
  return bit(Proc, proc::INTWIN) && bit(GuestRflags, rflags::IF) && !blocked_by_sti_or_mov_ss() && !activity(2);
}

// clang-format off
inline constexpr auto kExitRules = std::to_array<Rule>({
  // Whether delivery faults, and what then exits, depends on the guest's tables.
  exit_event("vmx.exit.event_delivery",        "29.6.1", 0,  kEntered,                      vectoring()),
  exit_event("vmx.exit.tpr_below_threshold",   "29.7.7", 1,  entered(kTprExit),             tpr_below_threshold()),
  exit_event("vmx.exit.pending_mtf",           "29.7.8", 2,  entered(kMtfExit),             injecting(7)),
  exit_event("vmx.exit.debug_exception",       "29.7.3", 3,  entered(kExceptionExit),       debug_trap_may_occur() && debug_trap_exits()),
  exit_event("vmx.exit.debug_trap_delivery",   "29.7.3", 4,  kEntered,                      debug_trap_may_occur() && debug_trap_possible()),
  exit_event("vmx.exit.preemption_timer",      "29.7.4", 5,  entered(kTimerExit),           timer_expired()),
  // Blocking by STI may hold the exit back; implementations differ.
  exit_event("vmx.exit.nmi_window_after_sti",  "29.7.6", 6,  kEntered,                      nmi_window() && bit(Interruptibility, 0)),
  exit_event("vmx.exit.nmi_window",            "29.7.6", 7,  entered(kNmiWindowExit),       nmi_window()),
  exit_event("vmx.exit.interrupt_window",      "29.7.5", 8,  entered(kInterruptWindowExit), interrupt_window()),
  exit_event("vmx.exit.vmcall",                "28.1.2", 9,  entered(kVmcallExit),          eq(all(Probe), kVmcall) && !timer_expired() && !(secondary(proc2::VAPICACC) && in_guest_window(ApicAccessAddr))),
  exit_event("vmx.exit.other",                 "29.3.2", 10, kEntered,                      always()),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
