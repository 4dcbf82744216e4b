// SPDX-License-Identifier: Apache-2.0
// KVM 6.1's own checks of a nested VMRUN (arch/x86/kvm/svm/nested.c) as a rule table in KVM's order, after what the
// processor tests before it lets KVM see the instruction: unlike the manual's table, the first failing row decides
// alone. What KVM leaves to the processor afterwards is in vmcb02.h.
//
// The capability slots of the case stand for what KVM shows to L1, and are read where KVM reads that.
#pragma once

#include "models/kvm_entry.h"

namespace diffvisor::svm {

const rules::RuleSet& kvm_rules();
// The same with its notes. Places 1 to 8 are about the instruction, 25 is the processor.
const models::KvmTable& kvm_table();

}  // namespace diffvisor::svm
