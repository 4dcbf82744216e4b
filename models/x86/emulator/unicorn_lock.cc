// SPDX-License-Identifier: Apache-2.0
// LOCK as Unicorn 2.0.1 takes it: only some instructions look at it.
#include "models/x86/emulator/operands.h"
#include "models/x86/emulator/unicorn.h"

namespace diffvisor::x86 {
namespace {

// ADD to CMP by their opcode or by their group; INC and DEC; NOT and NEG.
bool is_arithmetic(const Instruction& i) {
  const u8 op = i.opcode;
  if (op < 0x40) return (op & 7) < 6;
  if (op < 0x50 || (op & 0xfc) == 0x80) return true;
  if ((op | 1) == 0xff) return i.group() < 2;
  return (op | 1) == 0xf7 && (i.group() | 1) == 3;
}

// To a register, or with one as the only operand.
bool has_register_target(const Instruction& i) {
  const bool to_register = i.opcode < 0x40 && (i.opcode & 7) >= 2;
  return to_register || (i.opcode >= 0x40 && i.opcode < 0x50) || !i.is_memory();
}

// XOR of a register with itself is taken for a load of zero before LOCK is looked at.
bool clears_register(const Instruction& i) { return (i.opcode & 0xfc) == 0x30 && !i.is_memory() && i.reg() == i.rm(); }

bool refuses_in_0f(const Instruction& i) {
  switch (i.opcode) {
    case 0x01:  // XGETBV, XSETBV, RDPKRU, WRPKRU
      return !i.is_memory() && ((i.group() == 2 && (i.modrm & 7) < 2) || (i.group() == 5 && (i.modrm & 7) >= 6));
    case 0xae:  // all but LDMXCSR and STMXCSR
      return !i.is_memory() || (i.group() | 1) != 3;
    case 0xb0:
    case 0xb1:
    case 0xc7:
      return !i.is_memory();
    default:
      return i.opcode == 0xb8;
  }
}

bool is_over(const Machine& m, const Instruction& i) {
  return i.rep != Rep::None && (m.v[insn::Rcx] & mask_of(i.address_bytes)) == 0;
}

bool refuses(const Machine& m, const Instruction& i) {
  if (i.vex) return true;
  if (i.map == 1) return refuses_in_0f(i);
  if (i.map != 0) return false;
  if ((i.opcode | 1) == 0xaf) return !is_over(m, i);  // SCAS compares a register
  return is_arithmetic(i) && has_register_target(i) && !clears_register(i);
}

}  // namespace

void unicorn_lock(Machine& m, const Instruction& i) {
  if (!i.lock || !refuses(m, i)) return;
  // It finds out when the source has been read.
  if (i.map == 0 && i.opcode < 0x40 && i.is_memory()) source(m, i);
  if (i.map == 0 && (i.opcode | 1) == 0xaf)
    m.read(insn::kEs, m.v[insn::Rdi] & mask_of(i.address_bytes), operand_size(i));
  m.undefined_opcode(Cause::LockPrefix);
}

}  // namespace diffvisor::x86
