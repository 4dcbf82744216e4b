// SPDX-License-Identifier: Apache-2.0
// KVM as it was before February 2021 (5.10, 5.11), as a difference from 6.1.
#pragma once

#include "models/vmx/kvm/kvm_model.h"

namespace diffvisor::vmx {

// No software test of CR0.PG without PE nor of IA-32e mode without PG or PAE, of DEBUGCTL, or of CR4 beyond the fixed
// bits; no wait-for-SIPI; fewer controls to offer.
KvmKernel kvm_2021();

// Turns the capabilities of a 6.1 profile into those that 5.10 offered on the same machine.
void to_kvm_2021_profile(std::uint64_t* v);

}  // namespace diffvisor::vmx
