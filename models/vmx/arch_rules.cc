// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/arch_rules.h"

#include <algorithm>

#include "harness/rules/compile.h"
#include "models/concatenated.h"
#include "models/vmx/conditions.h"
#include "models/vmx/control_rules.h"
#include "models/vmx/exit_rules.h"
#include "models/vmx/guest_register_rules.h"
#include "models/vmx/host_rules.h"
#include "models/vmx/instruction_rules.h"
#include "models/vmx/limit_rules.h"
#include "models/vmx/msr_load_rules.h"
#include "models/vmx/nonregister_rules.h"
#include "models/vmx/pdpte_rules.h"
#include "models/vmx/segment_rules.h"

namespace diffvisor::vmx {
namespace {

constexpr auto kRows = models::concatenated(
    arch::kInstructionRules, arch::kControlLimits, arch::kExecutionControlRules, arch::kExitControlRules,
    arch::kEntryControlRules, arch::kHostRules, arch::kHostLimits, arch::kGuestLimits, arch::kGuestRegisterRules,
    arch::kCodeAndStackRules, arch::kDataSegmentRules, arch::kSystemSegmentRules, arch::kRipRules,
    arch::kNonRegisterRules, arch::kPdpteRules, arch::kMsrListLimits, arch::kMsrLoadRules, arch::kMsrTailLimits,
    arch::kSuccessLimits, arch::kExitRules);

// The first broken row decides (arch.cc), and some event always does.
static_assert(std::ranges::is_sorted(kRows, {}, &rules::Rule::phase));
static_assert(kRows.back().kind == rules::Kind::Exit && rules::is_always(kRows.back().when));

constexpr rules::RuleSet kRuleSet = rules::make_rule_set<kRows, arch::kConditions>();

}  // namespace

const rules::RuleSet& arch_rules() { return kRuleSet; }

}  // namespace diffvisor::vmx
