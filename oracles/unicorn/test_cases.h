// SPDX-License-Identifier: Apache-2.0
// Cases for the tests and the rate tool.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/arch/insn/wire.h"
#include "harness/base/rng.h"

namespace diffvisor::unicorn {

// The golden state of a mode in the "tigerlake" profile, with these bytes.
insn::WireCase golden_wire(unsigned mode, const std::vector<std::uint8_t>& code);

// Any mode: a golden state with some slots at random, often aimed at memory that exists, random page-table and
// descriptor patches, and bytes of which most are an instruction.
insn::WireCase random_wire(Rng& rng);

}  // namespace diffvisor::unicorn
