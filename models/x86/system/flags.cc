// SPDX-License-Identifier: Apache-2.0
// CLI, STI, PUSHF, POPF, CLAC, STAC: SDM 2 under these names, SDM 3B 20.3 and 20.4 for VME and PVI.
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;
namespace cr4 = insn::cr4;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 kIoplBits = 3 << fl::IOPL;
constexpr u64 kVirtual = bit(fl::VM) | bit(fl::VIF) | bit(fl::VIP);

enum class InterruptFlag : u8 { Real, Virtual, Forbidden };

// Which flag CLI and STI have power over.
InterruptFlag interrupt_flag(const Machine& m) {
  if (m.cpl() <= m.iopl()) return InterruptFlag::Real;
  if (m.virtual_8086()) return m.cr4(cr4::VME) ? InterruptFlag::Virtual : InterruptFlag::Forbidden;
  return m.cpl() == 3 && m.cr4(cr4::PVI) ? InterruptFlag::Virtual : InterruptFlag::Forbidden;
}

bool virtual_flags(const Machine& m) { return m.virtual_8086() && m.iopl() != 3; }

u64 popf_mask(const Machine& m, unsigned bytes) {
  u64 mask = (bytes == 2 ? 0xffff : 0xffffffff) & ~(kVirtual | kIoplBits | bit(fl::IF));
  if (m.cpl() <= m.iopl()) mask |= bit(fl::IF);
  if (m.cpl() == 0) mask |= kIoplBits;
  return mask & fl::kDefined;
}

// POPF in virtual-8086 mode with CR4.VME and IOPL below 3.
void popf_virtual(Machine& m) {
  const u64 value = m.pop(2);
  const bool interrupts = (value & bit(fl::IF)) != 0;
  if ((interrupts && m.flag(fl::VIP)) || (value & bit(fl::TF)) != 0) return m.general_protection(Cause::VirtualMode);
  if (!m.ok()) return;
  const u64 mask = 0xffff & fl::kDefined & ~(kIoplBits | bit(fl::IF));
  m.v[insn::Rflags] = (m.v[insn::Rflags] & ~mask) | (value & mask) | 2;
  m.set_flag(fl::VIF, interrupts);
}

bool has_ac(Machine& m) {
  if (m.cpl() != 0) m.undefined_opcode(Cause::Privilege);
  return m.ok();
}

}  // namespace

void cli(Machine& m, const Instruction&) {
  const InterruptFlag which = interrupt_flag(m);
  if (which == InterruptFlag::Forbidden) return m.general_protection(Cause::Iopl);
  m.set_flag(which == InterruptFlag::Real ? fl::IF : fl::VIF, false);
}

void sti(Machine& m, const Instruction&) {
  const InterruptFlag which = interrupt_flag(m);
  if (which == InterruptFlag::Forbidden) return m.general_protection(Cause::Iopl);
  if (which == InterruptFlag::Virtual) {
    if (m.flag(fl::VIP)) return m.general_protection(Cause::VirtualMode);
    return m.set_flag(fl::VIF, true);
  }
  if (!m.flag(fl::IF)) m.new_shadow = 1;
  m.set_flag(fl::IF, true);
}

void pushf(Machine& m, const Instruction& i) {
  u64 image = m.v[insn::Rflags] & ~(bit(fl::VM) | bit(fl::RF));
  if (virtual_flags(m)) {
    if (!m.cr4(cr4::VME) || i.operand_bytes != 2) return m.general_protection(Cause::VirtualMode);
    image |= kIoplBits;
    image = m.flag(fl::VIF) ? image | bit(fl::IF) : image & ~bit(fl::IF);
  }
  m.push(image, i.operand_bytes);
}

void popf(Machine& m, const Instruction& i) {
  if (virtual_flags(m)) {
    // Bochs has popped by then.
    if (m.quirk(Quirk::BochsPopf)) m.read(insn::kSs, m.stack_pointer(), i.operand_bytes);
    if (!m.cr4(cr4::VME) || i.operand_bytes != 2) return m.general_protection(Cause::VirtualMode);
    return popf_virtual(m);
  }
  const u64 mask = popf_mask(m, i.operand_bytes);
  const u64 value = m.pop(i.operand_bytes) & ~bit(fl::RF);
  if (m.ok()) m.v[insn::Rflags] = (m.v[insn::Rflags] & ~mask) | (value & mask) | 2;
}

void clac(Machine& m, const Instruction&) {
  if (has_ac(m)) m.set_flag(fl::AC, false);
}

void stac(Machine& m, const Instruction&) {
  if (has_ac(m)) m.set_flag(fl::AC, true);
}

}  // namespace diffvisor::x86
