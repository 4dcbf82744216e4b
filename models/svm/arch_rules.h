// SPDX-License-Identifier: Apache-2.0
// The rules of VMRUN as the manual states them (APM 2 chapter 15), in the order in which they decide.
#pragma once

#include "harness/rules/rule.h"

namespace diffvisor::svm {

const rules::RuleSet& arch_rules();

}  // namespace diffvisor::svm
