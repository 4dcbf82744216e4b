// SPDX-License-Identifier: Apache-2.0
// KVM 6.1's own checks of a nested VM entry (arch/x86/kvm/vmx/nested.c) as a rule table in KVM's order: unlike the
// manual's table, the first failing row decides alone. What KVM leaves to the processor is in vmcs02.h.
//
// The capability slots of the case stand for the VMX capability MSRs that KVM shows to L1, and are read where KVM reads
// those. KVM has no code for some controls and CR4 bits, and refuses to offer them: rows "never_offered" hold that
// ceiling whatever the profile says.
#pragma once

#include <string_view>

#include "models/kvm_entry.h"

namespace diffvisor::vmx {

const rules::RuleSet& kvm_rules();
// The same with its notes. Place 4 is the permission check, 97 the length of the MSR list.
const models::KvmTable& kvm_table();

// Limit rows with this id leave KVM for user space without an outcome.
inline constexpr std::string_view kUserspaceRow = "kvm.pages.apic_access";

}  // namespace diffvisor::vmx
