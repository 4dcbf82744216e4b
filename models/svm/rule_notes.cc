// SPDX-License-Identifier: Apache-2.0
#include "models/svm/rule_notes.h"

#include "models/def_rows.h"
#include "models/svm/profile_rules.h"

namespace diffvisor::svm {
namespace {

constexpr rules::Claim kClaims[] = {
#include "models/svm/claims.def"
};

constexpr rules::Exemption kExemptions[] = {
#include "models/svm/exceptions.def"
};

constexpr rules::Exemption kEquivalent[] = {
#include "models/svm/equivalent_mutants.def"
};

constexpr models::RuleNotes kNotes = {kProfileRules, kClaims, kExemptions, kEquivalent};

}  // namespace

const models::RuleNotes& rule_notes() { return kNotes; }

}  // namespace diffvisor::svm
