// SPDX-License-Identifier: Apache-2.0
// Data movement between general registers and memory: SDM 1 5.1.1.
#include <array>

#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

// MOVZX and MOVSX: bytes for even opcodes, words for odd ones.
unsigned extended_size(const Instruction& i) { return (i.opcode & 1) != 0 ? 2 : 1; }

}  // namespace

void mov(Machine& m, const Instruction& i) { set_destination(m, i, source(m, i)); }
void movzx(Machine& m, const Instruction& i) { set_destination(m, i, source(m, i, extended_size(i))); }
void movsx(Machine& m, const Instruction& i) {
  const unsigned bytes = extended_size(i);
  set_destination(m, i, static_cast<u64>(sign_extend(source(m, i, bytes), bytes)));
}
void movsxd(Machine& m, const Instruction& i) {
  const unsigned bytes = i.operand_bytes == 2 ? 2 : 4;
  set_destination(m, i, static_cast<u64>(sign_extend(source(m, i, bytes), bytes)));
}

// CBW, CWDE, CDQE; CWD, CDQ, CQO.
void cbw(Machine& m, const Instruction& i) {
  const unsigned half = i.operand_bytes / 2u;
  set_register(m, i, 0, i.operand_bytes, static_cast<u64>(sign_extend(m.reg(0) & mask_of(half), half)));
}
void cwd(Machine& m, const Instruction& i) {
  set_register(m, i, 2, i.operand_bytes,
               sign_of(m.reg(0) & mask_of(i.operand_bytes), i.operand_bytes) != 0 ? ~u64{0} : 0);
}

void xlat(Machine& m, const Instruction& i) {
  const u64 offset = (m.reg(3) + (m.reg(0) & 0xff)) & mask_of(i.address_bytes);
  set_register(m, i, 0, 1, m.read(i.segment, offset, 1));
}
void lea(Machine& m, const Instruction& i) { set_destination(m, i, effective_offset(m, i)); }
void setcc(Machine& m, const Instruction& i) { set_destination(m, i, condition(m, i.opcode) ? 1 : 0); }

// The source is read whatever the condition, and a 32-bit destination loses its upper half.
void cmov(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  set_destination(m, i, condition(m, i.opcode) ? src : load(m, i, Operand::G, operand_size(i)));
}

void movnti(Machine& m, const Instruction& i) {
  store(m, i, Operand::E, operand_size(i), load(m, i, Operand::G, operand_size(i)));
}
void movdiri(Machine& m, const Instruction& i) { movnti(m, i); }

// From ModRM.rm to ES:reg, which must be a multiple of 64.
void movdir64b(Machine& m, const Instruction& i) {
  std::array<u8, 64> line;
  m.read_block(i.segment, effective_offset(m, i), line);
  const u64 to = m.reg(i.reg()) & mask_of(i.address_bytes);
  if ((m.linear(insn::kEs, to, 64, Access::Write) & 63) != 0) m.general_protection(Cause::OperandAlignment);
  m.write_block(insn::kEs, to, line);
}

}  // namespace diffvisor::x86
