// SPDX-License-Identifier: Apache-2.0
// What is to be said about rules besides their rows: which are never broken alone, and which spec ids have no row.
#pragma once

#include <span>

#include "harness/rules/rule.h"

namespace diffvisor::svm {

inline constexpr const char* kArchVersion = "APM 3.42";

// What makes a set of capabilities one that a processor could report.
std::span<const rules::Rule> profile_rules();
std::span<const rules::Claim> claims();
std::span<const rules::Exemption> exemptions();
// Generic mutants that cannot be told from the table, with the reason.
std::span<const rules::Exemption> equivalent_mutants();

}  // namespace diffvisor::svm
