// SPDX-License-Identifier: Apache-2.0
// A decoded instruction: SDM 2A 2.1 to 2.2. The decoder needs the mode and the bytes, nothing else.
#pragma once

#include <cstdint>

#include "models/x86/machine.h"

namespace diffvisor::x86 {

struct Instruction;
using Handler = void (*)(Machine& m, const Instruction& i);

struct OpcodeRow;  // decoder/opcode_table.h

enum class Rep : std::uint8_t { None, Repe, Repne };  // F3, F2: the last of them counts

struct Instruction {
  const OpcodeRow* row = nullptr;
  std::uint8_t length = 0;  // bytes, all prefixes included
  std::uint8_t map = 0;     // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
  std::uint8_t opcode = 0;
  std::uint8_t rex = 0;  // 0 if none counts, or the bits a VEX prefix stands for
  bool vex = false;      // with vex_v the register in VEX.vvvv, vex_l VEX.L
  std::uint8_t vex_v = 0;
  bool vex_l = false;
  bool lock = false;
  bool operand_prefix = false;  // 66
  bool address_prefix = false;  // 67
  Rep rep = Rep::None;
  bool has_modrm = false;
  std::uint8_t modrm = 0;
  std::uint8_t operand_bytes = 0;     // 2, 4 or 8: what a word-sized operand has; byte forms say so in their row
  std::uint8_t address_bytes = 0;     // 2, 4 or 8
  insn::Segment segment = insn::kDs;  // of the memory operand, override and default applied
  bool segment_prefix = false;
  // Memory operand: base and index are register numbers, 0xff: none; 0xfe: RIP of the next instruction.
  std::uint8_t base = 0xff, index = 0xff, scale = 0;  // index << scale
  std::uint64_t displacement = 0;                     // sign-extended; also moffs
  std::uint64_t immediate = 0;                        // sign-extended where the manual says so
  std::uint64_t immediate2 = 0;                       // ENTER's level, the selector of a far pointer

  bool is_memory() const { return has_modrm && modrm < 0xc0; }
  unsigned reg() const { return (modrm >> 3 & 7u) | (rex & 4u) << 1; }  // REX.R applied
  unsigned rm() const { return (modrm & 7u) | (rex & 1u) << 3; }        // register form, REX.B applied
  unsigned group() const { return modrm >> 3 & 7; }                     // the opcode extension
  bool rex_w() const { return rex & 8; }
};

// Offset of the memory operand in its segment, wrapped to the address size. `plus` is added before the wrap.
std::uint64_t effective_offset(const Machine& m, const Instruction& i, std::uint64_t plus = 0);

}  // namespace diffvisor::x86
