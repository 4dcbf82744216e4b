// SPDX-License-Identifier: Apache-2.0
// MOV DR: SDM 2 under this name, SDM 3B 17.2.
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kGeneralDetect = u64{1} << 13;  // DR7.GD, and DR6.BD that says so

bool is_alias(unsigned number) { return number == 4 || number == 5; }

// KVM's emulator looks at the value before it looks at CR4.DE and DR7.GD, and never at that of an alias.
bool kvm_refuses(const Machine& m, unsigned number, bool write, u64 value) {
  return m.quirk(Quirk::KvmDebugRegister) && write && (number == 6 || number == 7) && value >> 32 != 0;
}

bool permitted(Machine& m, unsigned number, bool write, u64 value) {
  const bool undefined = number > 7 || (is_alias(number) && m.cr4(insn::cr4::DE) && !m.quirk(Quirk::DrDeIgnored));
  const bool detect = (m.v[insn::Dr7] & kGeneralDetect) != 0;
  if (number > 7 && !m.quirk(Quirk::KvmDebugRegister)) m.undefined_opcode(Cause::RegisterNumber);
  // Which comes first the manual does not say.
  if (undefined && m.cpl() != 0 && !m.quirk(Quirk::KvmDebugRegister)) m.cannot_judge("debug_register_or_privilege");
  if (detect && !undefined && m.quirk(Quirk::DrCplAfterGd)) m.raise_debug(kGeneralDetect, Cause::DebugRegister, false);
  if (m.cpl() != 0) m.general_protection(Cause::Privilege);
  if (kvm_refuses(m, number, write, value)) m.general_protection(Cause::ReservedBits);
  if (undefined) m.undefined_opcode(Cause::DebugRegister);
  if (detect) m.raise_debug(kGeneralDetect, Cause::DebugRegister, false);
  return m.ok();
}

// DR4 and DR5 are other names of DR6 and DR7.
u64& debug_register(Machine& m, unsigned number) {
  if (number < 4) return m.v[insn::Dr0 + number];
  return m.v[(number & 1) == 0 ? insn::Dr6 : insn::Dr7];
}

u64 dr6_value(const Machine& m, u64 value) {
  if (m.quirk(Quirk::UnicornRegisters)) return value | 0xffff0ff0;
  const u64 ones = m.quirk(Quirk::DrDr6Rtm) ? 0xfffe0ff0 : 0xffff0ff0;
  return (value & (m.quirk(Quirk::DrDr6Rtm) ? 0x1e00f : 0xe00f)) | ones;
}

u64 dr7_value(const Machine& m, u64 value) {
  if (m.quirk(Quirk::UnicornRegisters)) return value | 0x400;
  const u64 writable = m.quirk(Quirk::BochsDr7) ? 0xffff2bff : 0xffff23ff;
  return (value & writable) | (m.quirk(Quirk::DrDr7Fixed1) ? value & 0x400 : 0x400);
}

u64 source_mask(const Machine& m) { return m.code64() || m.quirk(Quirk::DrHi32) ? ~u64{0} : 0xffffffff; }

}  // namespace

void mov_from_dr(Machine& m, const Instruction& i) {
  if (!permitted(m, i.reg(), false, 0)) return;
  m.undefined_flags = insn::rflags::kStatus;
  m.reg(i.rm()) = debug_register(m, i.reg()) & (m.code64() ? ~u64{0} : 0xffffffff);
}

void mov_to_dr(Machine& m, const Instruction& i) {
  const unsigned number = i.reg();
  const u64 value = m.reg(i.rm()) & source_mask(m);
  if (!permitted(m, number, true, value)) return;
  m.undefined_flags = insn::rflags::kStatus;
  if (number >= 4 && value >> 32 != 0) {
    if (is_alias(number) && m.quirk(Quirk::DrEmulSignLost)) return;
    return m.general_protection(Cause::ReservedBits);
  }
  u64& target = debug_register(m, number);
  target = number < 4 ? value : (number & 1) == 0 ? dr6_value(m, value) : dr7_value(m, value);
}

}  // namespace diffvisor::x86
