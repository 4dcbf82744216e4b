// SPDX-License-Identifier: Apache-2.0
// Loading SS, DS, ES, FS and GS: SDM 2 MOV, POP, LDS.
#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;

void load_null(Machine& m, Segment s, u16 selector) {
  // Only 64-bit code below CPL 3 runs on a null stack segment.
  if (s == insn::kSs && !(m.code64() && m.cpl() != 3 && rpl_of(selector) == m.cpl()))
    return m.general_protection(Cause::SelectorNull);
  set_null_segment(m, s, selector);
  if (s == insn::kSs && m.quirk(Quirk::UnicornNullSs)) set_cpl(m, 0);
}

void check_stack(Machine& m, u16 selector, const Descriptor& d) {
  const u32 error = selector_error(selector);
  if (rpl_of(selector) != m.cpl()) return m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  if (!d.is_writable_data()) return m.raise(insn::kGP, error, Cause::DescriptorType);
  if (d.dpl() != m.cpl()) return m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  if (!d.present()) m.raise(insn::kSS_, error, Cause::DescriptorAbsent);
}

void check_data(Machine& m, u16 selector, const Descriptor& d) {
  const u32 error = selector_error(selector);
  if (!d.is_readable()) return m.raise(insn::kGP, error, Cause::DescriptorType);
  if (!d.is_conforming() && (rpl_of(selector) > d.dpl() || m.cpl() > d.dpl()))
    return m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  if (!d.present()) m.raise(insn::kNP, error, Cause::DescriptorAbsent);
}

}  // namespace

void Machine::load_real_segment(Segment s, u16 selector) { set_real_segment(*this, s, selector); }

void Machine::load_segment(Segment s, u16 selector) {
  if (!ok()) return;
  if (!protected_mode()) return load_real_segment(s, selector);
  if (is_null(selector)) return load_null(*this, s, selector);
  Descriptor d = fetch_descriptor(*this, selector);
  if (!ok()) return;
  if (s == insn::kSs) {
    check_stack(*this, selector, d);
  } else {
    check_data(*this, selector, d);
  }
  mark_accessed(*this, selector, d);
  set_segment(*this, s, selector, d);
}

}  // namespace diffvisor::x86
