// SPDX-License-Identifier: Apache-2.0
// KVM 6.1's own checks of a nested VM entry (arch/x86/kvm/vmx/nested.c) as a rule table in KVM's order: unlike the
// manual's table, the first failing row decides alone. What KVM leaves to the processor is in vmcs02.h.
//
// The capability slots of the case stand for the VMX capability MSRs that KVM shows to L1, and are read where KVM reads
// those. KVM has no code for some controls and CR4 bits, and refuses to offer them: rows "never_offered" hold that
// ceiling whatever the profile says.
#pragma once

#include <span>
#include <string_view>

#include "harness/rules/rule.h"

namespace diffvisor::vmx {

const rules::RuleSet& kvm_rules();

// The manual's rules (ids of arch_rules, and rules it lists as facts) that row i covers, separated by spaces; may be
// "".
std::string_view kvm_row_covers(std::size_t row);
// The place of row i in KVM's order of checks: 4 is the permission check, 97 the length of the MSR list.
unsigned kvm_row_place(std::size_t row);

// Rows that can never decide, with the row that decides before them.
std::span<const rules::Claim> kvm_claims();

// Steps of KVM that are not rows, and why.
struct KvmException {
  unsigned place;
  std::string_view covers;
  std::string_view reason;
};
std::span<const KvmException> kvm_exceptions();

// Limit rows with this id leave KVM for user space without an outcome.
inline constexpr std::string_view kUserspaceRow = "kvm.pages.apic_access";

}  // namespace diffvisor::vmx
