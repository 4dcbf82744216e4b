// SPDX-License-Identifier: Apache-2.0
// XCHG, XADD, CMPXCHG and its wide forms.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

// The two halves of CMPXCHG8B and 16B.
struct Wide {
  u64 low, high;
  bool operator==(const Wide&) const = default;
};

Wide read_wide(Machine& m, const Instruction& i, unsigned half) {
  if (half == 4) {
    const u64 both = m.read_for_write(i.segment, effective_offset(m, i), 8);
    return {both & 0xffffffff, both >> 32};
  }
  const u64 low = m.read_for_write(i.segment, effective_offset(m, i), 8);
  return {low, m.read_for_write(i.segment, effective_offset(m, i, 8), 8)};
}

void write_wide(Machine& m, const Instruction& i, unsigned half, const Wide& value) {
  if (half == 4) {
    m.write(i.segment, effective_offset(m, i), 8, value.low | value.high << 32);
    return;
  }
  m.write(i.segment, effective_offset(m, i), 8, value.low);
  m.write(i.segment, effective_offset(m, i, 8), 8, value.high);
}

void compare_wide(Machine& m, const Instruction& i, unsigned half) {
  const Wide dst = read_wide(m, i, half);
  const u64 mask = mask_of(half);
  const Wide expected = {m.reg(0) & mask, m.reg(2) & mask};
  const bool equal = dst == expected;
  if (equal) {
    write_wide(m, i, half, {m.reg(3) & mask, m.reg(1) & mask});
  } else {
    write_wide(m, i, half, dst);
  }
  if (equal || !m.quirk(Quirk::CmpxchgFlags)) m.set_flag(insn::rflags::ZF, equal);
  if (equal || m.quirk(Quirk::CmpxchgFlags)) return;
  set_register(m, i, 0, half, dst.low);
  set_register(m, i, 2, half, dst.high);
}

}  // namespace

void xchg(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 dst = load_to_modify(m, i, i.row->dst, bytes), src = load(m, i, i.row->src, bytes);
  set_destination(m, i, src);
  store(m, i, i.row->src, bytes, dst);
}

// With F3 it is PAUSE, whatever REX.B says.
void xchg_or_nop(Machine& m, const Instruction& i) {
  if ((i.rex & 1) != 0 && (i.rep != Rep::Repe || m.quirk(Quirk::BochsPause))) xchg(m, i);
}

// The sum is written last: XADD of a register with itself leaves the sum.
void xadd(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 dst = load_to_modify(m, i, i.row->dst, bytes), src = load(m, i, i.row->src, bytes);
  const u64 sum = add_flags(m, dst, src, false, bytes);
  const u64 offset = i.is_memory() ? effective_offset(m, i) : 0;
  store(m, i, i.row->src, bytes, dst);
  if (i.is_memory()) {
    m.write(i.segment, offset, bytes, sum);
  } else {
    set_destination(m, i, sum);
  }
}

// Memory is written in any case; of registers only the one that changes, so that the other keeps its upper half.
void cmpxchg(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 dst = load_to_modify(m, i, i.row->dst, bytes), src = load(m, i, i.row->src, bytes);
  const u64 flags = m.v[insn::Rflags];
  sub_flags(m, load(m, i, Operand::Acc, bytes), dst, false, bytes);
  if (m.flag(insn::rflags::ZF)) {
    set_destination(m, i, src);
    return;
  }
  if (i.is_memory()) set_destination(m, i, dst);
  if (m.quirk(Quirk::CmpxchgFlags)) {
    m.v[insn::Rflags] = flags;
  } else {
    store(m, i, Operand::Acc, bytes, dst);
  }
}

void cmpxchg8b(Machine& m, const Instruction& i) {
  if (!i.rex_w()) return compare_wide(m, i, 4);
  if (!m.has(insn::feature::CX16)) return m.undefined_opcode(Cause::Feature);
  if (m.quirk(Quirk::KvmAlignLast)) m.linear(i.segment, effective_offset(m, i), 16, Access::ReadForWrite);
  m.require_alignment(i.segment, effective_offset(m, i), 16);
  if (m.kvm()) return m.end(insn::OutcomeKind::Unhandleable);
  compare_wide(m, i, 8);
}

}  // namespace diffvisor::x86
