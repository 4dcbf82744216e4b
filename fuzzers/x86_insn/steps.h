// SPDX-License-Identifier: Apache-2.0
// The instructions of a case's code bytes, one after the other as they lie there.
#pragma once

#include <vector>

#include "harness/case/case.h"
#include "models/x86/decoder/decode.h"

namespace diffvisor::x86_insn {

// How the first instruction of the case decodes.
x86::DecodeMode decode_mode(const Case& c);
// False if it does not.
bool decode_first(const Case& c, x86::Instruction& out);

// For each instruction of a sequence the case without it, which then is a step shorter; from the last to the first.
// Nothing for a single instruction.
std::vector<Case> without_a_step(const Case& c);

}  // namespace diffvisor::x86_insn
