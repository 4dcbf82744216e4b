// SPDX-License-Identifier: Apache-2.0
// Binary arithmetic and logic: SDM 1 5.1.2, 5.1.4.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

struct Pair {
  u64 dst, src;
};
// The source is read first, so that a fault on the destination is the one of a write.
Pair operands(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  return {load_to_modify(m, i, i.row->dst, operand_size(i)), src};
}
u64 logic(Machine& m, const Instruction& i, u64 result) {
  logic_flags(m, result, operand_size(i));
  return result;
}
// ADCX and ADOX: one flag is the carry, the others stay.
void add_with_flag(Machine& m, const Instruction& i, unsigned flag) {
  const unsigned bytes = operand_size(i);
  const u64 a = load(m, i, Operand::G, bytes), b = source(m, i), carry = m.flag(flag) ? 1 : 0;
  const u64 result = (a + b + carry) & mask_of(bytes);
  const bool is_signed = flag == insn::rflags::OF && m.quirk(Quirk::BochsAdox);
  const u64 carries = is_signed ? (a ^ result) & (b ^ result) : (a & b) | ((a | b) & ~result);
  set_flags(m, flag_bit(flag), flag_bit(flag, sign_of(carries, bytes) != 0));
  set_destination(m, i, result);
}

}  // namespace

void add(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, add_flags(m, p.dst, p.src, false, operand_size(i)));
}
void adc(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, add_flags(m, p.dst, p.src, m.flag(insn::rflags::CF), operand_size(i)));
}
void sub(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, sub_flags(m, p.dst, p.src, false, operand_size(i)));
}
void sbb(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, sub_flags(m, p.dst, p.src, m.flag(insn::rflags::CF), operand_size(i)));
}
void or_(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, logic(m, i, p.dst | p.src));
}
void and_(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, logic(m, i, p.dst & p.src));
}
void xor_(Machine& m, const Instruction& i) {
  const Pair p = operands(m, i);
  set_destination(m, i, logic(m, i, p.dst ^ p.src));
}

void cmp(Machine& m, const Instruction& i) {
  const u64 dst = load(m, i, i.row->dst, operand_size(i));
  sub_flags(m, dst, source(m, i), false, operand_size(i));
}
void test(Machine& m, const Instruction& i) {
  const u64 dst = load(m, i, i.row->dst, operand_size(i));
  logic(m, i, dst & source(m, i));
}

// INC and DEC leave CF alone.
void inc(Machine& m, const Instruction& i) {
  const bool carry = m.flag(insn::rflags::CF);
  const u64 dst = load_to_modify(m, i, i.row->dst, operand_size(i));
  set_destination(m, i, add_flags(m, dst, 1, false, operand_size(i)));
  m.set_flag(insn::rflags::CF, carry);
}
void dec(Machine& m, const Instruction& i) {
  const bool carry = m.flag(insn::rflags::CF);
  const u64 dst = load_to_modify(m, i, i.row->dst, operand_size(i));
  set_destination(m, i, sub_flags(m, dst, 1, false, operand_size(i)));
  m.set_flag(insn::rflags::CF, carry);
}
void not_(Machine& m, const Instruction& i) {
  set_destination(m, i, ~load_to_modify(m, i, i.row->dst, operand_size(i)));
}
void neg(Machine& m, const Instruction& i) {
  const u64 dst = load_to_modify(m, i, i.row->dst, operand_size(i));
  set_destination(m, i, sub_flags(m, 0, dst, false, operand_size(i)));
}

void adcx(Machine& m, const Instruction& i) { add_with_flag(m, i, insn::rflags::CF); }
void adox(Machine& m, const Instruction& i) { add_with_flag(m, i, insn::rflags::OF); }

}  // namespace diffvisor::x86
