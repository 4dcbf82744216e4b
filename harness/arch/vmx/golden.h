// SPDX-License-Identifier: Apache-2.0
// The valid baseline of vmx_entry: a 64-bit guest that leaves at once, from the agent's 64-bit world.
#pragma once

#include <cstdint>

#include "harness/arch/vmx/memory_map.h"

namespace diffvisor::vmx {

inline constexpr std::uint64_t kGoldenEptp = kEptPml4 | 0x1e;  // write-back, four levels
// What the agent's guest tables hold in the first qwords at kGuestCr3: PML4 entry 0, present, writable, user.
inline constexpr std::uint64_t kGoldenPml4Entry = (kGuestCr3 + kPage) | 0x27;  // present, writable, user, accessed

// See Schema::golden.
void golden(std::uint64_t* v);

}  // namespace diffvisor::vmx
