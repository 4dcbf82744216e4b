// SPDX-License-Identifier: Apache-2.0
// GDTR, IDTR, LDTR, TR: SDM 2 LGDT/LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR.
#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/privilege.h"
#include "models/x86/system/rm_operand.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

void load_table(Machine& m, const Instruction& i, u16 base_slot, u16 limit_slot) {
  if (!require_cpl0(m)) return;
  const bool base_first = m.code64() && m.quirk(Quirk::BochsTables);
  u64 table_limit = 0;
  if (!base_first) table_limit = m.read(i.segment, effective_offset(m, i), 2);
  u64 base = m.read(i.segment, offset_behind(m, i, 2), m.code64() ? 8 : 4);
  if (m.code64() && !m.is_canonical(base) && base_first) m.general_protection(Cause::NonCanonical);
  if (base_first) table_limit = m.read(i.segment, effective_offset(m, i), 2);
  if (!m.ok()) return;
  if (m.code64() && !m.is_canonical(base) && !m.quirk(Quirk::UnicornTables))
    return m.general_protection(Cause::NonCanonical);
  if (i.operand_bytes == 2 && (!m.code64() || m.quirk(Quirk::UnicornTables))) base &= 0xffffff;
  m.v[limit_slot] = table_limit;
  m.v[base_slot] = base;
}

void store_table(Machine& m, const Instruction& i, u16 base_slot, u16 limit_slot) {
  if (!umip_allows(m)) return;
  const unsigned bytes = m.code64() ? 8 : 4;
  const u64 at = effective_offset(m, i), base_at = offset_behind(m, i, 2);
  // Neither part is written when the other cannot be.
  if (!m.quirk(Quirk::BochsTables) && !m.quirk(Quirk::UnicornTables)) {
    m.read_for_write(i.segment, at, 2);
    m.read_for_write(i.segment, base_at, bytes);
  }
  m.write(i.segment, at, 2, m.v[limit_slot]);
  const bool cut = m.quirk(Quirk::UnicornTables) && i.operand_bytes == 2;
  m.write(i.segment, base_at, bytes, m.v[base_slot] & (cut ? 0xffffff : ~u64{0}));
}

Descriptor system_descriptor(Machine& m, u16 selector, unsigned type_mask) {
  if ((selector & 4) != 0) {
    m.raise(insn::kGP, selector_error(selector), Cause::SelectorLimit);
    return {};
  }
  const bool wide = m.code64() || (m.long_mode() && m.quirk(Quirk::UnicornSystem));
  Descriptor d = fetch_descriptor(m, selector, insn::kGP, wide ? 16 : 8);
  // In its second half a system descriptor has zeros where others have their type.
  if (m.ok() && (d.high >> 40 & type_mask) != 0) m.raise(insn::kGP, selector_error(selector), Cause::DescriptorType);
  d.high &= 0xffffffff;
  return d;
}

void check_base(Machine& m, u16 selector, const Descriptor& d) {
  if (m.ok() && m.long_mode() && !m.is_canonical(d.base()))
    m.raise(insn::kGP, selector_error(selector), Cause::NonCanonical);
}

}  // namespace

void lgdt(Machine& m, const Instruction& i) { load_table(m, i, insn::GdtrBase, insn::GdtrLimit); }
void lidt(Machine& m, const Instruction& i) { load_table(m, i, insn::IdtrBase, insn::IdtrLimit); }
void sgdt(Machine& m, const Instruction& i) { store_table(m, i, insn::GdtrBase, insn::GdtrLimit); }
void sidt(Machine& m, const Instruction& i) { store_table(m, i, insn::IdtrBase, insn::IdtrLimit); }

void lldt(Machine& m, const Instruction& i) {
  if (!require_cpl0(m)) return;
  const auto selector = static_cast<u16>(read_rm(m, i, 2));
  if (!m.ok()) return;
  if (is_null(selector)) return set_null_segment(m, insn::kLdtr, selector);
  const Descriptor d = system_descriptor(m, selector, m.quirk(Quirk::UnicornSystem) ? 0 : 0x1f);
  if (!d.is_system(kLdt)) m.raise(insn::kGP, selector_error(selector), Cause::DescriptorType);
  if (!d.present()) m.raise(insn::kNP, selector_error(selector), Cause::DescriptorAbsent);
  check_base(m, selector, d);
  set_segment(m, insn::kLdtr, selector, d);
}

void ltr(Machine& m, const Instruction& i) {
  if (!require_cpl0(m)) return;
  const auto selector = static_cast<u16>(read_rm(m, i, 2));
  if (!m.ok()) return;
  if (is_null(selector)) return m.general_protection(Cause::SelectorNull);
  const bool unicorn = m.quirk(Quirk::UnicornSystem);
  Descriptor d = system_descriptor(m, selector, unicorn ? 0 : 0x1f);
  const bool type = d.is_system(kTss32) || (d.is_system(kTss16) && (!m.long_mode() || unicorn));
  if (!type) m.raise(insn::kGP, selector_error(selector), Cause::DescriptorType);
  if (!d.present()) m.raise(insn::kNP, selector_error(selector), Cause::DescriptorAbsent);
  if (unicorn && m.ok() && m.long_mode() && (m.read_system(descriptor_address(m, selector) + 12, 4) >> 8 & 0xf) != 0)
    m.raise(insn::kGP, selector_error(selector), Cause::DescriptorType);
  check_base(m, selector, d);
  if (!m.ok()) return;
  d.low |= u64{2} << 40;
  m.keeps_tr = m.quirk(Quirk::BochsLtr) || unicorn;
  if (m.keeps_tr) set_segment(m, insn::kTr, unicorn ? static_cast<u16>(m.v[insn::TrSelector]) : selector, d);
  m.write_system(descriptor_address(m, selector) + 4, 4, d.low >> 32);
  set_segment(m, insn::kTr, selector, d);
}

void sldt(Machine& m, const Instruction& i) {
  if (umip_allows(m)) write_rm(m, i, i.is_memory() ? 2 : i.operand_bytes, m.v[insn::LdtrSelector]);
}

void str(Machine& m, const Instruction& i) {
  if (umip_allows(m)) write_rm(m, i, i.is_memory() ? 2 : i.operand_bytes, m.v[insn::TrSelector]);
}

}  // namespace diffvisor::x86
