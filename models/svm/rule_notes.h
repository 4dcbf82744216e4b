// SPDX-License-Identifier: Apache-2.0
// The notes on the rules of arch_rules.h.
#pragma once

#include "models/rule_notes.h"

namespace diffvisor::svm {

inline constexpr const char* kArchVersion = "APM 3.42";

const models::RuleNotes& rule_notes();

}  // namespace diffvisor::svm
