// SPDX-License-Identifier: Apache-2.0
// The stack: SDM 1 6.2, 2A "ENTER", "LEAVE", 2B "POP" to "PUSHA".
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

constexpr unsigned kSp = 4, kBp = 5;

// Frames of the outer levels: all but the last are copied from the old frame.
void copy_frames(Machine& m, const Instruction& i, unsigned levels) {
  const u64 mask = mask_of(m.stack_address_bytes());
  u64 frame = m.reg(kBp) & mask;
  for (unsigned n = 1; n < levels && m.ok(); ++n) {
    frame = (frame - i.operand_bytes) & mask;
    m.push(m.read(insn::kSs, frame, i.operand_bytes), i.operand_bytes);
  }
}

Instruction bochs_size(const Machine& m, Instruction i) {
  if (m.quirk(Quirk::BochsEnter) && m.code64()) i.operand_bytes = 8;
  return i;
}

}  // namespace

void push(Machine& m, const Instruction& i) { m.push(source(m, i), i.operand_bytes); }

// A memory operand that is based on the stack pointer sees it after the pop.
void pop(Machine& m, const Instruction& i) { set_destination(m, i, m.pop(i.operand_bytes)); }

void pusha(Machine& m, const Instruction& i) {
  const u64 sp = m.reg(kSp);
  for (unsigned r = 0; r < 8; ++r) m.push((r == kSp ? sp : m.reg(r)) & mask_of(i.operand_bytes), i.operand_bytes);
}
void popa(Machine& m, const Instruction& i) {
  for (unsigned r = 8; r-- > 0;) {
    const u64 value = m.pop(i.operand_bytes);
    if (r != kSp) set_register(m, i, r, i.operand_bytes, value);
  }
}

// It ends with the check a write at the new stack pointer would make.
void enter(Machine& m, const Instruction& given) {
  const Instruction i = bochs_size(m, given);
  const unsigned levels = m.quirk(Quirk::EnterLevel) ? 0 : static_cast<unsigned>(i.immediate2) & 31;
  m.push(m.reg(kBp) & mask_of(i.operand_bytes), i.operand_bytes);
  const u64 frame = m.v[insn::Rsp];  // all of ESP with 32-bit operands, on a 16-bit stack too
  if (levels != 0) {
    copy_frames(m, i, levels);
    m.push(frame & mask_of(i.operand_bytes), i.operand_bytes);
  }
  set_register(m, i, kBp, i.operand_bytes, frame);
  m.set_stack_pointer(m.stack_pointer() - i.immediate);
  m.read_for_write(insn::kSs, m.stack_pointer(), i.operand_bytes);
}

void leave(Machine& m, const Instruction& given) {
  const Instruction i = bochs_size(m, given);
  m.set_stack_pointer(m.reg(kBp));
  set_register(m, i, kBp, i.operand_bytes, m.pop(i.operand_bytes));
}

}  // namespace diffvisor::x86
