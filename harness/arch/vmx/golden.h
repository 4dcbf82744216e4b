// SPDX-License-Identifier: Apache-2.0
// The valid baseline of vmx_entry: a 64-bit guest that leaves at once, from the agent's 64-bit world.
#pragma once

#include <cstdint>

#include "harness/arch/vmx/memory_map.h"

namespace diffvisor::vmx {

inline constexpr std::uint64_t kGoldenEptp = kEptPml4 | 0x1e;  // write-back, four levels
using agent::kGoldenPml4Entry;

// See Schema::golden.
void golden(std::uint64_t* v);

}  // namespace diffvisor::vmx
