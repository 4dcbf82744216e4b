// SPDX-License-Identifier: Apache-2.0
// Named defects of KVM's nested VMRUN: what it once was, and classic mistakes. Edits of kvm_rules().
#pragma once

#include <string_view>
#include <vector>

#include "models/svm/kvm/kvm_model.h"
#include "models/svm/quirks.h"

namespace diffvisor::svm {

inline constexpr std::string_view kKvm2021 = "kvm2021";

// KVM before February 2021 (5.10, 5.11). What it did not test the processor did, on the merged state: that shows only
// where the processor is more generous than what L1 is offered.
KvmKernel kvm_2021();

std::vector<Quirk> named_kvm_quirks();

}  // namespace diffvisor::svm
