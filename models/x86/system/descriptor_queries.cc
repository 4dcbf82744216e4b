// SPDX-License-Identifier: Apache-2.0
// Looking at descriptors without loading them: SDM 2 LAR, LSL, VERR/VERW, ARPL.
#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/rm_operand.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;

bool visible(const Machine& m, u16 selector, const Descriptor& d) {
  return d.is_conforming() || (m.cpl() <= d.dpl() && rpl_of(selector) <= d.dpl());
}

bool has_rights(const Machine& m, const Descriptor& d) {
  if (d.is_segment()) return true;
  switch (d.type()) {
    case kLdt:
    case kTss32:
    case kTss32Busy:
    case kCallGate32:
      return true;
    case kTss16:
    case kTss16Busy:
    case kCallGate16:
    case kTaskGate:
      return !m.long_mode() || m.quirk(Quirk::UnicornLar);
    default:
      return false;
  }
}

bool has_limit(const Machine& m, const Descriptor& d) {
  if (d.is_segment()) return true;
  return has_rights(m, d) && d.type() != kCallGate16 && d.type() != kCallGate32 && d.type() != kTaskGate;
}

bool second_half_fits(Machine& m, u16 selector, const Descriptor& d) {
  const bool wide = m.code64() || (m.long_mode() && d.type() == kCallGate32);
  if (!m.quirk(Quirk::BochsWideQuery) || d.is_segment() || !wide) return true;
  Descriptor whole;
  return try_descriptor(m, selector, 16, whole) && (whole.high >> 40 & 0x1f) == 0;
}

using Test = bool (*)(const Machine&, const Descriptor&);

// Reads the descriptor that the source names; ZF says whether it may be looked at.
bool look(Machine& m, u16 selector, Test test, Descriptor& d) {
  if (!m.ok()) return false;
  const bool found = !is_null(selector) && try_descriptor(m, selector, 8, d) && test(m, d) &&
                     second_half_fits(m, selector, d) && visible(m, selector, d);
  m.set_flag(fl::ZF, found);
  return found && m.ok();
}

void query(Machine& m, const Instruction& i, Test test, u64 (*result)(const Descriptor&)) {
  const auto selector = static_cast<u16>(read_rm(m, i, 2));
  Descriptor d;
  if (look(m, selector, test, d)) write_reg(m, i, i.reg(), i.operand_bytes, result(d));
}

void verify(Machine& m, const Instruction& i, Test test) {
  const auto selector = static_cast<u16>(read_rm(m, i, 2));
  Descriptor d;
  look(m, selector, test, d);
}

}  // namespace

void lar(Machine& m, const Instruction& i) {
  query(m, i, has_rights, [](const Descriptor& d) { return d.low >> 32 & 0xf0ff00; });
  if (m.flag(fl::ZF) && i.operand_bytes > 2) leave_register_undefined(m, i.reg(), 0xf0000);
}

void lsl(Machine& m, const Instruction& i) {
  query(m, i, has_limit, [](const Descriptor& d) { return d.limit(); });
}

void verr(Machine& m, const Instruction& i) {
  verify(m, i, [](const Machine&, const Descriptor& d) { return d.is_readable(); });
}

void verw(Machine& m, const Instruction& i) {
  verify(m, i, [](const Machine&, const Descriptor& d) { return d.is_writable_data(); });
}

// CPUs write, and check for it, only when RPL changes.
void arpl(Machine& m, const Instruction& i) {
  const u64 mine = m.reg(i.reg()) & 3;
  const bool for_write = m.quirk(Quirk::BochsArpl) && i.is_memory();
  const u64 selector = for_write ? m.read_for_write(i.segment, effective_offset(m, i), 2) : read_rm(m, i, 2);
  if (!m.ok()) return;
  const bool raised = (selector & 3) < mine;
  m.set_flag(fl::ZF, raised);
  if (raised) write_rm(m, i, 2, (selector & ~u64{3}) | mine);
}

}  // namespace diffvisor::x86
