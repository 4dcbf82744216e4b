// SPDX-License-Identifier: Apache-2.0
// What KVM 6.1 hands to the processor for a nested VMRUN: the merged VMCB (nested_vmcb02_prepare_control and _save), as
// a case's values that the manual's own rules can judge. The processor is assumed to have every feature, with the
// case's MAXPHYADDR and linear width: whatever KVM showed to L1, the processor underneath has it too. EFER.LMSLE alone
// is the case's, because no feature flag tells L1 of it.
#pragma once

#include <array>
#include <cstdint>

#include "harness/arch/schema.h"

namespace diffvisor::svm {

// The merged state for a case that passed kvm_rules().
std::array<std::uint64_t, kMaxSlots> merge_vmcb02(const std::uint64_t* vmcb12);

// The case without the bits of its control area that KVM keeps from the processor and does not act on itself: how L2
// behaves, as far as the manual's rules can say it of a case.
std::array<std::uint64_t, kMaxSlots> as_l2_runs(const std::uint64_t* vmcb12);

}  // namespace diffvisor::svm
