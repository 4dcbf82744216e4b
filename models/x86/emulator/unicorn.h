// SPDX-License-Identifier: Apache-2.0
// Instructions as Unicorn 2.0.1 carries them out, where that is not what the manual says; each under its own quirk.
#pragma once

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// The row's handler, or the one that a quirk puts in its place.
Handler unicorn_handler(const Machine& m, const Instruction& i);
// What Unicorn checks before anything else of an instruction.
void unicorn_check(Machine& m, const Instruction& i);

}  // namespace diffvisor::x86
