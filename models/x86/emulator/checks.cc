// SPDX-License-Identifier: Apache-2.0
#include "models/x86/emulator/checks.h"

#include "models/x86/decoder/opcode_table.h"
#include "models/x86/emulator/vector_operands.h"

namespace diffvisor::x86 {

bool lock_is_wrong(const Machine& m, const Instruction& i) {
  if (!i.lock || m.v[insn::CapGeneration] == insn::k80286) return false;
  if (m.quirk(Quirk::UnicornLock)) return false;
  return !i.row->has(kLock) || (!i.is_memory() && !m.quirk(Quirk::LockReg));
}

void check_vector_state(Machine& m, u32 attributes) {
  if ((attributes & (kAvx | kSse | kMmx)) == 0) return;
  const bool avx_off = !m.cr4(insn::cr4::OSXSAVE) || (m.v[insn::Xcr0] & 6) != 6;
  const bool sse_off = m.cr0(insn::cr0::EM) || !m.cr4(insn::cr4::OSFXSR);
  if ((attributes & kAvx) != 0 && avx_off) return m.undefined_opcode(Cause::SystemFlags);
  if ((attributes & kSse) != 0 && sse_off) return m.undefined_opcode(Cause::SystemFlags);
  if ((attributes & kMmx) != 0 && m.cr0(insn::cr0::EM)) return m.undefined_opcode(Cause::SystemFlags);
  if (m.cr0(insn::cr0::TS)) return m.raise(insn::kNM, Cause::DeviceNotAvailable);
  if ((attributes & kMmx) != 0) fpu_error_pending(m);
}

void check_instruction(Machine& m, const Instruction& i) {
  const OpcodeRow& row = *i.row;
  if (lock_is_wrong(m, i)) return m.undefined_opcode(Cause::LockPrefix);
  if (row.has(kProtected) && !m.protected_mode()) return m.undefined_opcode(Cause::ModeOfOpcode);
  if (row.feature != kNoFeature && !m.has(row.feature)) return m.undefined_opcode(Cause::Feature);
  check_vector_state(m, row.attributes);
}

}  // namespace diffvisor::x86
