// SPDX-License-Identifier: Apache-2.0
// Whether KVM 6.1 accepts a register write from the VM-entry MSR-load list (kvm_set_msr on the vCPU with L2's state).
#pragma once

#include <cstdint>

namespace diffvisor::vmx {

enum class MsrVerdict {
  Accepts,
  Refuses,
  Unknown,  // depends on module parameters or on CPUID that a case does not carry
};

MsrVerdict kvm_set_msr(const std::uint64_t* v, std::uint32_t index, std::uint64_t value);

}  // namespace diffvisor::vmx
