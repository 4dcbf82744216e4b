// SPDX-License-Identifier: Apache-2.0
#include "models/svm/arch_rules.h"

#include <algorithm>

#include "harness/rules/compile.h"
#include "models/concatenated.h"
#include "models/svm/conditions.h"
#include "models/svm/control_rules.h"
#include "models/svm/exit_rules.h"
#include "models/svm/instruction_rules.h"
#include "models/svm/limit_rules.h"
#include "models/svm/save_rules.h"

namespace diffvisor::svm {
namespace {

constexpr auto kRows = models::concatenated(arch::kInstructionRules, arch::kVmcbLimits, arch::kSaveRules,
                                            arch::kControlRules, arch::kInjectionRules, arch::kPdpteLimits,
                                            arch::kPdpteRules, arch::kSuccessLimits, arch::kExitRules);

// The first broken row decides (TableModel), and some event always does.
static_assert(std::ranges::is_sorted(kRows, {}, &rules::Rule::phase));
static_assert(kRows.back().kind == rules::Kind::Exit && rules::is_always(kRows.back().when));

constexpr rules::RuleSet kRuleSet = rules::make_rule_set<kRows, arch::kConditions>();

}  // namespace

const rules::RuleSet& arch_rules() { return kRuleSet; }

}  // namespace diffvisor::svm
