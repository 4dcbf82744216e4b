// SPDX-License-Identifier: Apache-2.0
// Instructions the model knows and does not carry out: what the step checked before stands, the rest is a limit.
#include "models/x86/emulator/instructions.h"

namespace diffvisor::x86 {
namespace {

// Encodings of D8 to DF that SDM 2D A.5 leaves empty: second bytes C0 up, and members with a memory operand.
struct Escape {
  u64 registers;
  u8 members;
};
constexpr Escape kEmpty[] = {{0, 0}, {0x000080cc00fe0000, 0x02}, {0xfffffdff00000000, 0}, {0xff0000e000000000, 0x50},
                             {0, 0}, {0xffff000000000000, 0x20}, {0x00000000fd000000, 0}, {0xff0000fe00000000, 0}};

bool is_empty_escape(const Instruction& i) {
  const Escape& e = kEmpty[i.opcode & 7];
  return i.is_memory() ? (e.members >> i.group() & 1) != 0 : (e.registers >> (i.modrm & 63) & 1) != 0;
}

bool device_not_available(const Machine& m) { return m.cr0(insn::cr0::EM) || m.cr0(insn::cr0::TS); }

}  // namespace

void x87(Machine& m, const Instruction& i) {
  if (is_empty_escape(i)) return m.undefined_opcode(Cause::Opcode);
  if (device_not_available(m)) return m.raise(insn::kNM, Cause::DeviceNotAvailable);
  m.cannot_judge("x87");
}
void vector_arithmetic(Machine& m, const Instruction&) { m.cannot_judge("sse_arithmetic"); }
void avx(Machine& m, const Instruction&) { m.cannot_judge("avx"); }

void xsave(Machine& m, const Instruction&) {
  if (!m.cr4(insn::cr4::OSXSAVE)) return m.undefined_opcode(Cause::SystemFlags);
  m.cannot_judge("insn_xsave");
}
void rdrand(Machine& m, const Instruction&) { m.cannot_judge("insn_rdrand"); }
void waitpkg(Machine& m, const Instruction&) { m.cannot_judge("insn_waitpkg"); }

// MONITORX, CLZERO, RDPRU, SSE4a and the like.
void amd_only(Machine& m, const Instruction&) {
  if (m.v[insn::CapVendor] != insn::kAmd) return m.undefined_opcode(Cause::Feature);
  m.cannot_judge("insn_amd");
}

}  // namespace diffvisor::x86
