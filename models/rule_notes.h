// SPDX-License-Identifier: Apache-2.0
// What is to be said about a domain's rules besides their rows.
#pragma once

#include <span>

#include "harness/rules/rule.h"

namespace diffvisor::models {

struct RuleNotes {
  std::span<const rules::Rule> profile_rules;    // what makes a set of capabilities one that a processor could report
  std::span<const rules::Claim> claims;          // which rules are never broken alone
  std::span<const rules::Exemption> exemptions;  // which spec ids have no row
  std::span<const rules::Exemption> equivalent_mutants;  // generic mutants that cannot be told from the table
};

}  // namespace diffvisor::models
