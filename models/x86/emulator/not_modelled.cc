// SPDX-License-Identifier: Apache-2.0
// Instructions the model knows and does not carry out: what the step checked before stands, the rest is a limit.
#include "models/x86/emulator/instructions.h"

namespace diffvisor::x86 {
namespace {

bool device_not_available(const Machine& m) { return m.cr0(insn::cr0::EM) || m.cr0(insn::cr0::TS); }

}  // namespace

void x87(Machine& m, const Instruction&) {
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
