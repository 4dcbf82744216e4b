// SPDX-License-Identifier: Apache-2.0
// What KVM 6.1 hands to the processor for a nested entry: the merged VMCS (prepare_vmcs02), as a case's values that the
// manual's own rules can judge. The processor is assumed to offer every control, with the case's MAXPHYADDR, linear
// width and enumerated features: whatever KVM showed to L1, the processor underneath has it too.
#pragma once

#include <array>
#include <cstdint>

#include "harness/arch/schema.h"

namespace diffvisor::vmx {

// The merged state for a case that passed kvm_rules(). `raw_debugctl`: kernels before 2022 do not mask the field.
std::array<std::uint64_t, kMaxSlots> merge_vmcs02(const std::uint64_t* vmcs12, bool raw_debugctl = false);

// False if KVM halts the vCPU instead of running the merged state: activity wait-for-SIPI, or HLT with nothing that
// wakes it. Then no processor check happens at all.
bool runs_vmcs02(const std::uint64_t* vmcs12);

}  // namespace diffvisor::vmx
