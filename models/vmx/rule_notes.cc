// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/rule_notes.h"

#include "models/vmx/profile_rules.h"

namespace diffvisor::vmx {
namespace {

constexpr rules::Claim kClaims[] = {
#define CLAIM(id, by, reason) {id, by, reason},
#include "models/vmx/claims.def"
#undef CLAIM
};

constexpr rules::Exemption kExemptions[] = {
#define EXCEPTION(id, reason) {id, reason},
#include "models/vmx/exceptions.def"
#undef EXCEPTION
};

constexpr rules::Exemption kEquivalent[] = {
#define EQUIVALENT(mutant, reason) {mutant, reason},
#include "models/vmx/equivalent_mutants.def"
#undef EQUIVALENT
};

}  // namespace

std::span<const rules::Rule> profile_rules() { return kProfileRules; }
std::span<const rules::Claim> claims() { return kClaims; }
std::span<const rules::Exemption> exemptions() { return kExemptions; }
std::span<const rules::Exemption> equivalent_mutants() { return kEquivalent; }

}  // namespace diffvisor::vmx
