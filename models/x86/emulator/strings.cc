// SPDX-License-Identifier: Apache-2.0
// String instructions, one iteration each: SDM 1 7.3.9.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"
#include "models/x86/paging/walk.h"

namespace diffvisor::x86 {
namespace {

constexpr unsigned kSi = 6, kDi = 7;

u64 at(const Machine& m, const Instruction& i, unsigned index) {
  return m.v[insn::Rax + index] & mask_of(i.address_bytes);
}
void advance(Machine& m, const Instruction& i, unsigned index) {
  const u64 step = operand_size(i);
  set_register(m, i, index, i.address_bytes, at(m, i, index) + (m.flag(insn::rflags::DF) ? ~step + 1 : step));
}
u64 read_source(Machine& m, const Instruction& i) { return m.read(i.segment, at(m, i, kSi), operand_size(i)); }
u64 read_destination(Machine& m, const Instruction& i) { return m.read(insn::kEs, at(m, i, kDi), operand_size(i)); }

// Which operand of CMPS is read first shows when both fault; CPUs and emulators differ.
void check_order(Machine& m, const Instruction& i) {
  if (!m.fault.raised) return;
  const Fault first = m.fault;
  m.fault = {};
  peek(m, i.segment, at(m, i, kSi), operand_size(i), Access::Read);
  const bool both = m.fault.raised;
  m.fault = both ? Fault{} : first;
  if (both) m.cannot_judge("string_fault_order");
}

}  // namespace

void movs(Machine& m, const Instruction& i) {
  const u64 value = read_source(m, i);
  m.write(insn::kEs, at(m, i, kDi), operand_size(i), value);
  advance(m, i, kSi);
  advance(m, i, kDi);
}
void cmps(Machine& m, const Instruction& i) {
  const bool source_first = m.quirk(Quirk::KvmAlignLast) || m.quirk(Quirk::BochsCmps);
  u64 src = source_first ? read_source(m, i) : 0;
  const u64 dst = read_destination(m, i);
  if (!source_first) {
    check_order(m, i);
    src = read_source(m, i);
  }
  sub_flags(m, src, dst, false, operand_size(i));
  advance(m, i, kSi);
  advance(m, i, kDi);
}
void stos(Machine& m, const Instruction& i) {
  m.write(insn::kEs, at(m, i, kDi), operand_size(i), load(m, i, Operand::Acc, operand_size(i)));
  advance(m, i, kDi);
}
void lods(Machine& m, const Instruction& i) {
  store(m, i, Operand::Acc, operand_size(i), read_source(m, i));
  advance(m, i, kSi);
}
void scas(Machine& m, const Instruction& i) {
  sub_flags(m, load(m, i, Operand::Acc, operand_size(i)), read_destination(m, i), false, operand_size(i));
  advance(m, i, kDi);
}

}  // namespace diffvisor::x86
