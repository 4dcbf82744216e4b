// SPDX-License-Identifier: Apache-2.0
// Near transfers: SDM 2A "CALL", "Jcc", "JMP", 2B "LOOP", "RET"; BOUND.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

void jump_relative(Machine& m, const Instruction& i) { m.branch(m.next_rip + i.immediate, i.operand_bytes); }

u64 counter(const Machine& m, const Instruction& i) { return m.v[insn::Rcx] & mask_of(i.address_bytes); }

// Relative, or absolute from the operand.
u64 near_target(Machine& m, const Instruction& i) {
  return i.row->src == Operand::Imm ? m.next_rip + i.immediate : source(m, i, i.operand_bytes);
}

}  // namespace

void jcc(Machine& m, const Instruction& i) {
  if (condition(m, i.opcode)) jump_relative(m, i);
}

// E0 LOOPNE, E1 LOOPE, E2 LOOP.
void loop(Machine& m, const Instruction& i) {
  set_register(m, i, 1, i.address_bytes, counter(m, i) - 1);
  const bool zf = m.flag(insn::rflags::ZF);
  if (counter(m, i) != 0 && (i.opcode == 0xe2 || zf == (i.opcode == 0xe1))) jump_relative(m, i);
}
void jcxz(Machine& m, const Instruction& i) {
  if (counter(m, i) == 0) jump_relative(m, i);
}

// CPUs push before they check the target, which the manual's pseudocode has the other way round.
void call(Machine& m, const Instruction& i) {
  const u64 target = near_target(m, i);
  m.push(m.next_rip & mask_of(i.operand_bytes), i.operand_bytes);
  m.branch(target, i.operand_bytes);
}
void jmp(Machine& m, const Instruction& i) { m.branch(near_target(m, i), i.operand_bytes); }
void ret(Machine& m, const Instruction& i) {
  m.branch(m.pop(i.operand_bytes), i.operand_bytes);
  m.set_stack_pointer(m.stack_pointer() + i.immediate);
}

void bound(Machine& m, const Instruction& i) {
  const unsigned bytes = i.operand_bytes;
  const std::int64_t index = sign_extend(load(m, i, Operand::G, bytes), bytes);
  const std::int64_t lower = sign_extend(m.read(i.segment, effective_offset(m, i), bytes), bytes);
  const std::int64_t upper = sign_extend(m.read(i.segment, offset_behind(m, i, bytes), bytes), bytes);
  if (m.ok() && (index < lower || index > upper)) m.raise(insn::kBR, Cause::Software);
}

}  // namespace diffvisor::x86
