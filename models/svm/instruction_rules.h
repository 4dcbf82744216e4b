// SPDX-License-Identifier: Apache-2.0
// APM 2 15.5: what VMRUN looks at before the VMCB's content.
#pragma once

#include <array>

#include "models/svm/terms.h"

namespace diffvisor::svm::arch {

// clang-format off
inline constexpr auto kInstructionRules = std::to_array<Rule>({
  instruction("svm.ins.svme",  "15.5",   kSvmePhase,    OutcomeKind::InvalidOpcode,     always(),                    clear(Context, kSvmeOff)),
  instruction("svm.ins.cpl",   "15.5",   kCplPhase,     OutcomeKind::GeneralProtection, always(),                    clear(Context, kCpl3)),
  instruction("svm.ins.align", "15.5.1", kOperandPhase, OutcomeKind::GeneralProtection, always(),                    zero(VmcbAddress, 11, 0)),
  instruction("svm.ins.width", "15.5.1", kOperandPhase, OutcomeKind::GeneralProtection, clear(Context, kAddress32),  legal_address(VmcbAddress)),
});
// clang-format on

}  // namespace diffvisor::svm::arch
