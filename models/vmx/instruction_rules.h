// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.1: what VMLAUNCH and VMRESUME look at before the VMCS's content.
#pragma once

#include <array>

#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

constexpr Rule instruction(std::string_view id, Phase phase, vmx::Outcome outcome, const Expr& when, const Expr& must) {
  return {id, "29.1", Kind::Check, phase, 0, outcome, when, must};
}

// clang-format off
inline constexpr auto kInstructionRules = std::to_array<Rule>({
  instruction("vmx.ins.cpl",            kCplPhase,           make_outcome(OutcomeKind::GeneralProtection), always(),              clear(Context, kCpl3)),
  instruction("vmx.ins.no_current",     kNoCurrentPhase,     make_outcome(OutcomeKind::FailInvalid),       always(),              clear(Context, kNoCurrent)),
  instruction("vmx.ins.shadow_current", kShadowCurrentPhase, make_outcome(OutcomeKind::FailInvalid),       always(),              clear(Context, kShadowCurrent)),
  instruction("vmx.ins.movss_block",    kMovSsPhase,         fail_valid(26),                               always(),              clear(Context, kMovSs)),
  instruction("vmx.ins.launch_state",   kLaunchStatePhase,   fail_valid(4),                                clear(Context, kResume), clear(Context, kLaunched)),
  instruction("vmx.ins.resume_state",   kLaunchStatePhase,   fail_valid(5),                                bit(Context, kResume), bit(Context, kLaunched)),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
