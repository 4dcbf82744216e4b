// SPDX-License-Identifier: Apache-2.0
// Checks that both personalities make before an instruction runs, each in its own order.
#pragma once

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// LOCK where it is not allowed. The 80286 allows it everywhere.
bool lock_is_wrong(const Machine& m, const Instruction& i);

// For the kSse, kMmx and kAvx among a row's attributes: #UD, #NM, #MF (SDM 3A 2.5, 12.1, 13.1).
void check_vector_state(Machine& m, u32 attributes);

// Everything the manual checks by the opcode alone.
void check_instruction(Machine& m, const Instruction& i);

}  // namespace diffvisor::x86
