// SPDX-License-Identifier: Apache-2.0
// MOV CR, LMSW, SMSW, CLTS: SDM 2 under these names, SDM 3A 2.5, 4.4.1 and 9.8.5.
#include "models/x86/paging/walk.h"
#include "models/x86/system/privilege.h"
#include "models/x86/system/rm_operand.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace cr0 = insn::cr0;
namespace cr4 = insn::cr4;
namespace efer = insn::efer;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
bool on(u64 word, unsigned b) { return (word >> b & 1) != 0; }

void refuse(Machine& m) { m.general_protection(Cause::ReservedBits); }

// Bits of CR0 that exist; the others read as 0 and are ignored when written (SDM 3A 2.5).
constexpr u64 kCr0Bits = 0xe005003f;

bool cr0_allowed(const Machine& m, u64 value) {
  const u64 now = m.v[insn::Cr0];
  const bool paging = on(value, cr0::PG);
  if (value >> 32 != 0) return false;
  if (on(value, cr0::NW) && !on(value, cr0::CD)) return false;
  if (paging && !on(value, cr0::PE)) return false;
  if (paging && !on(now, cr0::PG) && m.efer(efer::LME)) {
    const bool task16 = (m.v[insn::TrAttr] & 8) == 0;
    if (!m.cr4(cr4::PAE) || task16) return false;
    if (on(m.v[insn::CsAttr], insn::attr::L) && !m.quirk(Quirk::Cr0PgCsl)) return false;
  }
  if (!paging && on(now, cr0::PG)) {
    if (m.code64() && !m.quirk(Quirk::Cr0PgClear64)) return false;
    if (m.cr4(cr4::PCIDE) && !m.quirk(Quirk::Cr0PgPcide)) return false;
  }
  return true;
}

// Loads the pointers a CR write would bring into use; false: one of them is refused, and nothing changes.
bool reload_pdptes(Machine& m, u64 cr3) {
  std::array<u64, 4> fresh{};
  if (!read_pdptes(m, cr3, fresh)) {
    refuse(m);
    return false;
  }
  m.pdpte = fresh;
  m.pdptes_known = true;
  return true;
}

void set_cr0(Machine& m, u64 value) {
  if (!cr0_allowed(m, value)) return refuse(m);
  const u64 fresh = (m.quirk(Quirk::UnicornRegisters) ? value : value & kCr0Bits) | bit(cr0::ET);
  const u64 changed = fresh ^ m.v[insn::Cr0];
  const bool wide = on(fresh, cr0::PG) && m.efer(efer::LME);
  const bool pointers = (changed & (bit(cr0::PG) | bit(cr0::CD) | bit(cr0::NW))) != 0;
  if (on(fresh, cr0::PG) && m.cr4(cr4::PAE) && !wide && pointers && !reload_pdptes(m, m.v[insn::Cr3])) return;
  m.v[insn::Cr0] = fresh;
  if (m.real_mode() && m.quirk(Quirk::BochsRealCs)) m.v[insn::CsAttr] = (m.v[insn::CsAttr] & ~u64{0x9f}) | 0x93;
  u64& e = m.v[insn::Efer];
  e = wide ? e | bit(efer::LMA) : e & ~bit(efer::LMA);
}

void set_cr3(Machine& m, u64 value) {
  const u64 given = value;
  if (m.code64()) {
    if (m.cr4(cr4::PCIDE)) value &= ~bit(63);
    if ((value & ~m.physical_mask()) != 0) return refuse(m);
  }
  if (pae_paging(m) && !reload_pdptes(m, value)) return;
  m.v[insn::Cr3] = m.quirk(Quirk::UnicornRegisters) ? given : value;
}

// Bits whose features the vocabulary leaves out; only some CPUs take them.
constexpr u64 kCr4NotModelled =
    bit(cr4::VMXE) | bit(cr4::SMXE) | bit(cr4::KL) | bit(cr4::CET) | bit(cr4::PKS) | bit(cr4::UINTR) | bit(cr4::LAMSUP);

u64 cr4_bits(const Machine& m) {
  if (!m.quirk(Quirk::Cr4CpuidLate)) return insn::cr4_mask(m.v.data());
  auto every = m.v;
  every[insn::CapFeatures] = ~u64{0};
  return insn::cr4_mask(every.data());
}

bool cr4_allowed(const Machine& m, u64 value) {
  const u64 now = m.v[insn::Cr4];
  if ((value & ~(cr4_bits(m) | kCr4NotModelled)) != 0) return false;
  if (on(value, cr4::PCIDE) && !on(now, cr4::PCIDE) && (!m.long_mode() || (m.v[insn::Cr3] & 0xfff) != 0)) return false;
  if (!m.long_mode()) return true;
  return on(value, cr4::PAE) && on(value, cr4::LA57) == on(now, cr4::LA57);
}

void set_cr4(Machine& m, u64 value) {
  if (!cr4_allowed(m, value)) return refuse(m);
  if ((value & ~cr4_bits(m)) != 0) return m.cannot_judge("cr4_bit_not_modelled");
  const u64 changed = value ^ m.v[insn::Cr4];
  const bool pointers = (changed & (bit(cr4::PAE) | bit(cr4::PGE) | bit(cr4::PSE) | bit(cr4::SMEP))) != 0;
  const bool pae = m.cr0(cr0::PG) && on(value, cr4::PAE) && !m.long_mode();
  if (pae && pointers && !reload_pdptes(m, m.v[insn::Cr3])) return;
  m.v[insn::Cr4] = value;
}

void set_cr8(Machine& m, u64 value) {
  if (value >> 4 != 0) return refuse(m);
  m.v[insn::Cr8] = value;
}

bool exists(const Machine& m, unsigned number) {
  return number == 0 || (number >= 2 && number <= 4) || (number == 8 && m.code64());
}

constexpr u16 slot_of(unsigned number) {
  constexpr u16 kSlotOf[] = {insn::Cr0, 0, insn::Cr2, insn::Cr3, insn::Cr4, 0, 0, 0, insn::Cr8};
  return kSlotOf[number];
}

bool permitted(Machine& m, unsigned number) {
  if (!exists(m, number)) m.undefined_opcode(Cause::RegisterNumber);
  return require_cpl0(m);
}

}  // namespace

void mov_from_cr(Machine& m, const Instruction& i) {
  if (!permitted(m, i.reg())) return;
  m.undefined_flags = insn::rflags::kStatus;
  m.reg(i.rm()) = m.v[slot_of(i.reg())] & (m.code64() ? ~u64{0} : 0xffffffff);
}

void mov_to_cr(Machine& m, const Instruction& i) {
  if (!permitted(m, i.reg())) return;
  m.undefined_flags = insn::rflags::kStatus;
  const u64 value = m.reg(i.rm()) & (m.code64() ? ~u64{0} : 0xffffffff);
  switch (i.reg()) {
    case 0:
      return set_cr0(m, value);
    case 2:
      m.v[insn::Cr2] = value;
      return;
    case 3:
      return set_cr3(m, value);
    case 4:
      return set_cr4(m, value);
    default:
      return set_cr8(m, value);
  }
}

void lmsw(Machine& m, const Instruction& i) {
  if (!require_cpl0(m)) return;
  const u64 source = read_rm(m, i, 2);
  if (!m.ok()) return;
  // PE can be set this way but not cleared.
  const u64 kept = m.v[insn::Cr0] & ~u64{0xe};
  set_cr0(m, kept | (source & 0xf));
}

void smsw(Machine& m, const Instruction& i) {
  if (!umip_allows(m)) return;
  if (i.is_memory()) return write_rm(m, i, 2, m.v[insn::Cr0] & 0xffff);
  write_rm(m, i, i.operand_bytes, m.v[insn::Cr0]);
  if (i.operand_bytes != 2) m.undefined_register = {static_cast<u8>(insn::Rax + i.rm()), 0xffff0000};
}

void clts(Machine& m, const Instruction&) {
  if (require_cpl0(m)) m.v[insn::Cr0] &= ~bit(cr0::TS);
}

}  // namespace diffvisor::x86
