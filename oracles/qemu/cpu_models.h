// SPDX-License-Identifier: Apache-2.0
// The `-cpu` argument that makes QEMU the machine of a profile.
#pragma once

#include <span>
#include <string_view>

#include "harness/arch/schema.h"

namespace diffvisor::qemu {

// "" where QEMU has no model for the profile. TCG emulates SVM and not VMX.
std::string_view tcg_cpu(std::string_view profile);
std::string_view kvm_cpu(std::string_view profile);

// Capabilities of profile ryzen that TCG has no flag for.
std::span<const Capability> tcg_differs();

}  // namespace diffvisor::qemu
