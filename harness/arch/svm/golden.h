// SPDX-License-Identifier: Apache-2.0
// The valid baseline of svm_entry: a 64-bit guest under nested paging that leaves at once, from the agent's 64-bit
// world. Freestanding.
#pragma once

#include <cstdint>

#include "harness/arch/svm/memory_map.h"

namespace diffvisor::svm {

using agent::kGoldenPml4Entry;
inline constexpr Gpa kGoldenNcr3 = kNestedPml4;

// See Schema::golden.
void golden(std::uint64_t* v);

}  // namespace diffvisor::svm
