// SPDX-License-Identifier: Apache-2.0
#include "models/svm/rule_notes.h"

#include "models/svm/profile_rules.h"

namespace diffvisor::svm {
namespace {

constexpr rules::Claim kClaims[] = {
#define CLAIM(id, by, reason) {id, by, reason},
#include "models/svm/claims.def"
#undef CLAIM
};

constexpr rules::Exemption kExemptions[] = {
#define EXCEPTION(id, reason) {id, reason},
#include "models/svm/exceptions.def"
#undef EXCEPTION
};

constexpr rules::Exemption kEquivalent[] = {
#define EQUIVALENT(mutant, reason) {mutant, reason},
#include "models/svm/equivalent_mutants.def"
#undef EQUIVALENT
};

}  // namespace

std::span<const rules::Rule> profile_rules() { return kProfileRules; }
std::span<const rules::Claim> claims() { return kClaims; }
std::span<const rules::Exemption> exemptions() { return kExemptions; }
std::span<const rules::Exemption> equivalent_mutants() { return kEquivalent; }

}  // namespace diffvisor::svm
