// SPDX-License-Identifier: Apache-2.0
// Cases nobody can judge: they would read memory that the case does not spell out, let the guest at the agent's memory,
// or never come back.
#pragma once

#include <array>

#include "models/svm/terms.h"

namespace diffvisor::svm::arch {

// Without these a guest that runs something else than VMMCALL might stay, or reach the machine.
inline constexpr std::uint64_t kSafeMisc1 = std::uint64_t{1} << misc1::INTR | 1u << misc1::NMI | 1u << misc1::SMI |
                                            1u << misc1::INIT | 1u << misc1::HLT | 1u << misc1::IOIO_PROT |
                                            1u << misc1::MSR_PROT | 1u << misc1::TASK_SWITCH | 1u << misc1::SHUTDOWN;
inline constexpr unsigned kSafeMisc2 = 0x1fff;  // from VMMCALL on: VMRUN is svm.ctl.vmrun_icpt's

// All of `mask` set; one bit after the other, so that a repair keeps the rest.
constexpr Expr has_bits(Slot s, std::uint64_t mask) {
  Expr e = always();
  for (unsigned i = 0; i < 64; ++i)
    if ((mask >> i & 1) != 0) e = e && bit(s, i);
  return e;
}

// Physical memory is open to the guest, and it runs.
constexpr Expr unconfined() { return no_nested_paging() && !virtual_interrupt_exits(); }

// clang-format off
inline constexpr auto kVmcbLimits = std::to_array<Rule>({
  limit("svm.limit.vmcb_elsewhere",    kVmcbLimitPhase, clear(Context, kAddress32), eq(all(VmcbAddress), kVmcb)),
  limit("svm.limit.vmcb_elsewhere_32", kVmcbLimitPhase, bit(Context, kAddress32),   eq(bits(VmcbAddress, 31, 0), kVmcb)),
  // The processor may use what it remembers of an earlier case.
  limit("svm.limit.clean_bits",        kVmcbLimitPhase, svm_has(svm_feature::VMCB_CLEAN), eq(all(CleanBits), 0)),
  // The agent could not load the MSR.
  limit("svm.limit.u_cet",             kVmcbLimitPhase, always(), zero(UCet, 63, 2)),
});

inline constexpr auto kPdpteLimits = std::to_array<Rule>({
  // What an unreadable table does is not said, so memory above RAM will not do here.
  limit("svm.limit.cr3_pdptes",        kPdpteLimitPhase, no_nested_paging() && pae_paging(), pdptes_are_placed()),
});

inline constexpr auto kSuccessLimits = std::to_array<Rule>({
  limit("svm.limit.exceptions",        kSuccessLimitPhase, always(), eq(all(InterceptExc), 0xffffffff)),
  limit("svm.limit.intercepts",        kSuccessLimitPhase, always(), has_bits(InterceptMisc1, kSafeMisc1)),
  limit("svm.limit.instructions",      kSuccessLimitPhase, always(), eq(bits(InterceptMisc2, 13, 1), kSafeMisc2)),
  // The bitmaps that the intercepts consult must be the agent's, if the guest might run anything but VMMCALL.
  limit("svm.limit.bitmaps",           kSuccessLimitPhase, !virtual_interrupt_exits() && !eq(all(Rip), agent::kGuestCode), eq(bits(MsrpmBase, 63, 12), kMsrpm >> 12) && eq(bits(IopmBase, 63, 12), kIopm >> 12)),
  limit("svm.limit.nested_tables",     kSuccessLimitPhase, nested_paging() && !virtual_interrupt_exits(), eq(all(Ncr3), kGoldenNcr3) || eq(all(Ncr3), kEmptyTables)),
  // Interrupt virtualisation beyond V_IRQ, and other ways of nested paging, are not modelled.
  limit("svm.limit.interrupts",        kSuccessLimitPhase, svm_has(svm_feature::AVIC) || svm_has(svm_feature::VGIF) || svm_has(svm_feature::VNMI), zero(IntCtl, 31, 25)),
  limit("svm.limit.nested_features",   kSuccessLimitPhase, svm_has(svm_feature::GMET), zero(NestedCtl, 7, 1)),
  // Without nested paging only guests whose first instruction is certain; in long mode the golden tables confine them.
  limit("svm.limit.physical",          kSuccessLimitPhase, unconfined(), at_vmmcall() && clear(IntCtl, int_ctl::V_IRQ) && bit(Cr0, cr0::PE) && clear(Cr4, cr4::SMEP)),
  limit("svm.limit.physical_long",     kSuccessLimitPhase, unconfined() && bit(Efer, efer::LME), golden_tables() && bit(CsAttr, attr::L) && paging()),
  limit("svm.limit.physical_legacy",   kSuccessLimitPhase, unconfined() && clear(Efer, efer::LME), !injecting() && flat_code() && (clear(Cr0, cr0::PG) || (bit(Cr4, cr4::PAE) && pae_tables()))),
});
// clang-format on

}  // namespace diffvisor::svm::arch
