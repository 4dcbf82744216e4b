// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/rule_notes.h"

#include "models/def_rows.h"
#include "models/vmx/profile_rules.h"

namespace diffvisor::vmx {
namespace {

constexpr rules::Claim kClaims[] = {
#include "models/vmx/claims.def"
};

constexpr rules::Exemption kExemptions[] = {
#include "models/vmx/exceptions.def"
};

constexpr rules::Exemption kEquivalent[] = {
#include "models/vmx/equivalent_mutants.def"
};

constexpr models::RuleNotes kNotes = {kProfileRules, kClaims, kExemptions, kEquivalent};

}  // namespace

const models::RuleNotes& rule_notes() { return kNotes; }

}  // namespace diffvisor::vmx
