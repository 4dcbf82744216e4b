// SPDX-License-Identifier: Apache-2.0
// The rules of VM entry as the manual states them (SDM 3C chapter 29), in the order in which they decide.
#pragma once

#include "harness/rules/rule.h"

namespace diffvisor::vmx {

const rules::RuleSet& arch_rules();

}  // namespace diffvisor::vmx
