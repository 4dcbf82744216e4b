// SPDX-License-Identifier: Apache-2.0
// The code of a case for a reader, as an assembler of its mode would print it.
#pragma once

#include <string>

#include "harness/case/case.h"

namespace diffvisor::x86_insn {

// One line for each instruction that the code area holds: address, bytes, Intel syntax. What does not decode is "(bad)"
// and ends the listing.
std::string disassemble(const Case& c);
// The first instruction alone: "add dword ptr ss:[ebp+0x10], eax".
std::string first_instruction(const Case& c);

}  // namespace diffvisor::x86_insn
