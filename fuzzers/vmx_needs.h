// SPDX-License-Identifier: Apache-2.0
// What a vmx_entry vector needs of the profile, as conditions on capability slots: PROC2.EPT, !PROC2.DESC, MAXPA<=40,
// VMX_BASIC[48]=0, TRUE_PIN.must1=0x16, EPT_CAP.AD, PMU.FIXED>0, cpuid:LA57, instruction:vmresume.
#pragma once

#include <string_view>

#include "fuzzers/vector_needs.h"
#include "harness/arch/vmx/fields.h"

namespace diffvisor::vmx {

inline bool need_is_met(const Need& need, const std::uint64_t* v) { return diffvisor::need_is_met(Context, need, v); }

// Empty when the text is no need that this domain understands.
Need parse_need(std::string_view text);

}  // namespace diffvisor::vmx
