// SPDX-License-Identifier: Apache-2.0
// Names for the forms of instructions, so that coverage can be counted: opcode map, opcode, mandatory prefix, group
// member, register or memory, operand size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// Equal for two instructions of one form; 0 for none.
std::uint32_t form_of(const Instruction& i);
// "0f.af imul mem 32"
std::string form_name(std::uint32_t form);

// Every form that the model carries out, ascending; the limits of not_modelled.cc are not among them.
std::vector<std::uint32_t> modelled_forms();

// Places in that list, from 1; 0 for what is not modelled.
std::uint32_t form_index(std::uint32_t form);
std::uint32_t form_at(std::uint32_t index);
std::uint32_t form_count();  // one more than there are

}  // namespace diffvisor::x86
