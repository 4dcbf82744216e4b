// SPDX-License-Identifier: Apache-2.0
// What conditions of known divergences can say about a case of x86_insn beside its fields: how the first instruction
// decodes, and what the reference made of it.
#pragma once

#include "harness/run/behaviour.h"

namespace diffvisor::x86_insn {

// OPCODE (map << 8 | opcode), MODRM, PREFIXES (1 LOCK, 2 66h, 4 67h, 8 F2, 16 F3, 32 segment, 64 REX, 128 VEX), REX,
// LENGTH, OPERAND_BYTES, ADDRESS_BYTES, CPL, OUTCOME, VECTOR, ENDLESS (a delivery that never ends), LAST_OPCODE (of the
// instruction in which a sequence ended), and one bit CAUSE_NAME for each of causes.def.
const Schema& condition_schema();
void derive(const Case& c, const Observation* reference, std::uint64_t* facts);

}  // namespace diffvisor::x86_insn
