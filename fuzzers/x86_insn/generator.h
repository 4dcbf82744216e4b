// SPDX-License-Identifier: Apache-2.0
// Cases of x86_insn: an instruction from the opcode maps and a CPU state in which it does something.
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::x86_insn {

// Overwrites state, context and code of `out`, a case of insn::schema(); its capabilities stay. MODE is index modulo
// the modes the profile has. The same for equal (rng, index, capabilities). Allocates only while the code area grows.
void generate(Rng& rng, std::uint64_t index, Case& out);

// What generate() drew: the name of the scenario, for statistics.
std::string_view generate_named(Rng& rng, std::uint64_t index, Case& out);

}  // namespace diffvisor::x86_insn
