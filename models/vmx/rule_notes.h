// SPDX-License-Identifier: Apache-2.0
// The notes on the rules of arch_rules.h.
#pragma once

#include "models/rule_notes.h"

namespace diffvisor::vmx {

inline constexpr const char* kArchVersion = "SDM 092";

const models::RuleNotes& rule_notes();

}  // namespace diffvisor::vmx
