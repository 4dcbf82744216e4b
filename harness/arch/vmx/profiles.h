// SPDX-License-Identifier: Apache-2.0
// The capability sets a vmx_entry case can run on. *_CTLS hold the effective MSR: low half must be 1, high half may be
// 1 (the TRUE_ one where VMX_BASIC[55] is 1); PROC3_CTLS and EXIT2_CTLS are plain masks of what may be 1.
#pragma once

#include <span>

#include "harness/arch/schema.h"

namespace diffvisor::vmx {

std::span<const ProfileSpec> profiles();

}  // namespace diffvisor::vmx
