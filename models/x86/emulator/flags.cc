// SPDX-License-Identifier: Apache-2.0
// Flag control, and instructions that only look at memory or do nothing: SDM 1 5.1.11 to 5.1.14.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kAhFlags = status::S | status::Z | status::A | status::P | status::C;

// In 64-bit mode they are a feature of their own.
bool lacks_lahf(Machine& m) {
  if (!m.code64() || m.has(insn::feature::LAHF)) return false;
  m.undefined_opcode(Cause::Feature);
  return true;
}

}  // namespace

void clc(Machine& m, const Instruction&) { m.set_flag(insn::rflags::CF, false); }
void stc(Machine& m, const Instruction&) { m.set_flag(insn::rflags::CF, true); }
void cmc(Machine& m, const Instruction&) { m.set_flag(insn::rflags::CF, !m.flag(insn::rflags::CF)); }
void cld(Machine& m, const Instruction&) { m.set_flag(insn::rflags::DF, false); }
void std_(Machine& m, const Instruction&) { m.set_flag(insn::rflags::DF, true); }

void lahf(Machine& m, const Instruction&) {
  if (lacks_lahf(m)) return;
  m.reg(0) = (m.reg(0) & ~u64{0xff00}) | ((m.v[insn::Rflags] & kAhFlags) | 2) << 8;
}
void sahf(Machine& m, const Instruction&) {
  if (lacks_lahf(m)) return;
  set_flags(m, kAhFlags, m.reg(0) >> 8);
}

void nop(Machine&, const Instruction&) {}

// Paging and segments are checked as for a read of one byte.
void clflush(Machine& m, const Instruction& i) { m.read(i.segment, effective_offset(m, i), 1); }

// Its register form is a NOP of Intel's; vendors differ.
void prefetchw(Machine& m, const Instruction& i) {
  if (!i.is_memory() && m.v[insn::CapVendor] == insn::kAmd) m.cannot_judge("prefetch_of_register");
}

void undefined(Machine& m, const Instruction&) { m.undefined_opcode(Cause::Opcode); }

}  // namespace diffvisor::x86
