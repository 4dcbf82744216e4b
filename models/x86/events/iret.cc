// SPDX-License-Identifier: Apache-2.0
// SDM 2 IRET/IRETD/IRETQ.
#include "models/x86/events/far_return.h"
#include "models/x86/events/task_switch.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;
namespace fl = insn::rflags;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 kIoplBits = 3 << fl::IOPL;
constexpr u64 kVirtual = bit(fl::VM) | bit(fl::VIF) | bit(fl::VIP);

void assign_flags(Machine& m, u64 value, u64 mask) {
  m.v[insn::Rflags] = (m.v[insn::Rflags] & ~mask) | (value & mask & fl::kDefined) | 2;
}

struct Frame {
  u64 rip;
  u16 cs;
  u64 flags;
};

Frame pop_frame(Machine& m, unsigned bytes) {
  Frame f{};
  f.rip = m.pop(bytes);
  f.cs = static_cast<u16>(m.pop(bytes));
  f.flags = m.pop(bytes);
  return f;
}

// Flags of the image that this operand size has.
u64 image_mask(unsigned bytes) { return bytes == 2 ? 0xffff : 0xffffffff; }

void iret_real(Machine& m, unsigned bytes) {
  const Frame f = pop_frame(m, bytes);
  if (!m.ok()) return;
  if (f.rip > m.v[insn::CsLimit]) return m.general_protection(Cause::BranchTarget);
  set_real_segment(m, insn::kCs, f.cs);
  m.next_rip = f.rip;
  assign_flags(m, f.flags, image_mask(bytes) & ~kVirtual);
}

void iret_virtual(Machine& m, unsigned bytes) {
  if (m.iopl() != 3 && !(m.cr4(insn::cr4::VME) && bytes == 2)) return m.general_protection(Cause::VirtualMode);
  const Frame f = pop_frame(m, bytes);
  if (!m.ok()) return;
  const bool interrupts = (f.flags & bit(fl::IF)) != 0;
  const bool by_vme = m.iopl() != 3;
  if (by_vme && ((f.flags & bit(fl::TF)) != 0 || (interrupts && m.flag(fl::VIP))))
    return m.general_protection(Cause::VirtualMode);
  if (f.rip > m.v[insn::CsLimit] && !m.quirk(Quirk::BochsIretVirtual)) return m.general_protection(Cause::BranchTarget);
  set_real_segment(m, insn::kCs, f.cs);
  m.next_rip = f.rip;
  assign_flags(m, f.flags, image_mask(bytes) & ~kVirtual & ~kIoplBits & ~(by_vme ? bit(fl::IF) : 0));
  if (by_vme) m.set_flag(fl::VIF, interrupts);
}

void return_to_task(Machine& m) {
  const u64 flags = m.v[insn::Rflags];
  const auto link = static_cast<u16>(m.read_system(m.v[insn::TrBase], 2));
  const u32 error = selector_error(link);
  if (!m.ok()) return;
  if ((link & 4) != 0 || is_null(link)) return m.raise(insn::kTS, error, Cause::TaskState);
  const Descriptor d = fetch_descriptor(m, link, insn::kTS);
  if (!d.is_system(kTss32Busy) && !d.is_system(kTss16Busy)) return m.raise(insn::kTS, error, Cause::TaskState);
  switch_task(m, link, d, TaskReason::Iret, m.next_rip, flags);
}

void return_to_virtual(Machine& m, const Frame& f) {
  u64 at = 8;
  const auto next = [&] { return m.quirk(Quirk::BochsFrame) ? read_frame(m, at += 4, 4, true) : m.pop(4); };
  const u64 sp = next();
  std::array<u16, 5> selectors{};
  for (u16& s : selectors) s = static_cast<u16>(next());
  const bool truncates = m.quirk(Quirk::BochsIretVirtual);
  if (m.ok() && f.rip > 0xffff && !truncates) m.general_protection(Cause::BranchTarget);
  if (!m.ok()) return;
  m.v[insn::Rflags] = (f.flags & fl::kDefined) | 2;
  constexpr Segment kOrder[] = {insn::kSs, insn::kEs, insn::kDs, insn::kFs, insn::kGs};
  for (unsigned i = 0; i < 5; ++i) set_real_segment(m, kOrder[i], selectors[i]);
  set_real_segment(m, insn::kCs, f.cs);
  m.v[insn::Rsp] = sp;
  m.next_rip = f.rip & 0xffff;
}

Frame read_frame_backwards(Machine& m, unsigned bytes) {
  const bool wraps = !m.long_mode();
  Frame f{};
  f.flags = read_frame(m, 2 * bytes, bytes, wraps);
  f.cs = static_cast<u16>(read_frame(m, bytes, bytes, wraps));
  f.rip = read_frame(m, 0, bytes, wraps);
  return f;
}

void pop_stack(Machine& m, unsigned bytes, OutwardReturn& r) {
  if (m.quirk(Quirk::BochsFrame)) {
    const bool legacy = !m.long_mode();
    r.ss = static_cast<u16>(read_frame(m, 4 * bytes, legacy ? 2 : bytes, legacy));
    if (legacy) outer_stack_segment(m, r);
    r.sp = read_frame(m, 3 * bytes, bytes, legacy);
  } else {
    r.sp = m.pop(bytes);
    r.ss = static_cast<u16>(m.pop(bytes));
  }
}

u64 protected_mask(const Machine& m, unsigned bytes) {
  u64 mask = image_mask(bytes) & ~(kIoplBits | bit(fl::IF) | kVirtual);
  if (m.cpl() <= m.iopl()) mask |= bit(fl::IF);
  if (m.cpl() == 0) mask |= kIoplBits | (bytes == 2 ? 0 : bit(fl::VIF) | bit(fl::VIP));
  return mask;
}

// Bochs takes this to be outside 64-bit mode.
void skip_frame(Machine& m, u64 top) {
  const u64 mask = (m.v[insn::SsAttr] >> insn::attr::DB & 1) != 0 ? 0xffffffff : 0xffff;
  m.v[insn::Rsp] = (m.v[insn::Rsp] & ~mask) | (top & mask);
  if (!m.code64()) m.v[insn::Rsp] &= 0xffffffff;
}

void iret_protected(Machine& m, unsigned bytes) {
  const bool pops_stack = m.code64() && (bytes == 8 || !m.quirk(Quirk::BochsIretStack));
  const bool backwards = m.quirk(Quirk::BochsFrame);
  const u64 frame = m.stack_pointer(), old_sp = m.v[insn::Rsp];
  const Frame f = backwards ? read_frame_backwards(m, bytes) : pop_frame(m, bytes);
  if (!m.ok()) return;
  const bool may_be_virtual = (!m.long_mode() && m.cpl() == 0) || m.quirk(Quirk::UnicornIretVirtual);
  if (bytes == 4 && may_be_virtual && (f.flags & bit(fl::VM)) != 0) return return_to_virtual(m, f);
  const u64 mask = protected_mask(m, bytes);
  const Descriptor d = return_code_segment(m, f.cs);
  if (rpl_of(f.cs) == m.cpl() && !pops_stack) {
    set_return_code(m, f.cs, d, f.rip);
    if (backwards && m.ok()) skip_frame(m, frame + 3 * bytes);
  } else {
    OutwardReturn r{f.cs, d, f.rip};
    r.old_sp = old_sp;
    if (m.quirk(Quirk::BochsIretAbsent)) r.absent_vector = insn::kNP;
    pop_stack(m, bytes, r);
    return_outward(m, r);
  }
  if (m.ok()) assign_flags(m, f.flags, mask);
}

}  // namespace

void iret(Machine& m, const Instruction& i) {
  if (m.real_mode()) return iret_real(m, i.operand_bytes);
  if (m.virtual_8086()) return iret_virtual(m, i.operand_bytes);
  if (!m.flag(fl::NT)) return iret_protected(m, i.operand_bytes);
  if (m.long_mode()) return m.general_protection(Cause::TaskState);
  return_to_task(m);
}

}  // namespace diffvisor::x86
