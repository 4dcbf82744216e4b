// SPDX-License-Identifier: Apache-2.0
// SDM 2 RET and IRET, SDM 3A 5.8.6.
#include "models/x86/events/far_return.h"

#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;

void drop_inner_data(Machine& m, Segment s) {
  const u64 a = m.v[insn::attr_of(s)];
  const bool unusable = (a >> insn::attr::UNUSABLE & 1) != 0;
  const bool conforming = (a & 0xc) == 0xc;
  if (!unusable && (conforming || insn::dpl_of(a) >= m.cpl())) return;
  const bool loses_base = m.quirk(Quirk::UnicornBases) && !is_null(m.v[insn::selector_of(s)]);
  m.v[insn::selector_of(s)] = 0;
  m.v[insn::attr_of(s)] = u64{1} << insn::attr::UNUSABLE;
  m.v[insn::limit_of(s)] = 0;
  // The bases of FS and GS live on in 64-bit mode.
  if (s == insn::kDs || s == insn::kEs || !m.long_mode() || loses_base) m.v[insn::base_of(s)] = 0;
}

void load_stack(Machine& m, u16 selector, Descriptor& d) {
  if (is_null(selector)) {
    set_null_segment(m, insn::kSs, selector);
    if (!m.ok() || !m.quirk(Quirk::UnicornBases)) return;
    m.v[insn::SsLimit] = 0xffffffff;
    m.v[insn::SsAttr] = 0xc093;
    return;
  }
  mark_accessed(m, selector, d);
  set_segment(m, insn::kSs, selector, d);
}

bool moves_whole_rsp(const Machine& m) {
  return m.quirk(Quirk::UnicornFar) && (m.v[insn::SsAttr] >> insn::attr::L & 1) != 0;
}

void ret_far_real(Machine& m, const Instruction& i) {
  const u64 ip = m.pop(i.operand_bytes);
  const u64 cs = m.pop(i.operand_bytes);
  if (!m.ok()) return;
  if (ip > m.v[insn::CsLimit]) return m.general_protection(Cause::BranchTarget);
  m.set_stack_pointer(m.stack_pointer() + i.immediate);
  set_real_segment(m, insn::kCs, static_cast<u16>(cs));
  m.next_rip = ip;
}

}  // namespace

Descriptor outer_stack_segment(Machine& m, const OutwardReturn& r) {
  const unsigned level = rpl_of(r.cs);
  Descriptor d;
  if (is_null(r.ss)) {
    if (!m.long_mode() || !r.code.wide() || level == 3) m.general_protection(Cause::SelectorNull);
    return d;
  }
  const u32 error = selector_error(r.ss);
  d = fetch_descriptor(m, r.ss);
  if (!d.is_writable_data()) m.raise(insn::kGP, error, Cause::DescriptorType);
  if (rpl_of(r.ss) != level || d.dpl() != level) m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  if (!d.present()) m.raise(m.quirk(Quirk::UnicornFar) ? insn::kNP : r.absent_vector, error, Cause::DescriptorAbsent);
  return d;
}

Descriptor return_code_segment(Machine& m, u16 selector) {
  const u32 error = selector_error(selector);
  Descriptor d;
  if (is_null(selector)) {
    m.general_protection(Cause::SelectorNull);
    return d;
  }
  d = fetch_descriptor(m, selector);
  if (!m.ok()) return d;
  const unsigned rpl = rpl_of(selector);
  if (!d.is_code() || (m.long_mode() && d.wide() && d.big() && !m.quirk(Quirk::UnicornFar))) {
    m.raise(insn::kGP, error, Cause::DescriptorType);
  } else if (rpl < m.cpl() || (d.is_conforming() ? d.dpl() > rpl : d.dpl() != rpl)) {
    m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  } else if (!d.present()) {
    m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  }
  return d;
}

void set_return_code(Machine& m, u16 selector, Descriptor d, u64 rip) {
  if (m.ok() && !offset_fits(m, d, rip)) m.general_protection(Cause::BranchTarget);
  mark_accessed(m, selector, d);
  set_segment(m, insn::kCs, selector, d);
  if (m.ok()) m.next_rip = m.code64() ? rip : rip & 0xffffffff;
}

u64 read_frame(Machine& m, u64 at, unsigned bytes, bool wraps) {
  const u64 offset = m.stack_pointer() + at;
  if (m.code64()) return m.read(insn::kSs, offset, bytes);
  const bool splits = (m.v[insn::SsBase] + offset) % 0x1000 + bytes > 0x1000;
  if (offset >> 32 != 0 && !wraps && !splits) m.raise(insn::kSS_, 0, Cause::SegmentLimit);
  return m.read(insn::kSs, offset & 0xffffffff, bytes);
}

void return_outward(Machine& m, const OutwardReturn& r) {
  if (!m.ok()) return;
  Descriptor ss = outer_stack_segment(m, r);
  set_return_code(m, r.cs, r.code, r.rip);
  load_stack(m, r.ss, ss);
  if (!m.ok()) return;
  set_cpl(m, rpl_of(r.cs));
  m.narrow_stack = false;
  m.v[insn::Rsp] = r.old_sp;
  m.set_stack_pointer(r.sp);
  if (moves_whole_rsp(m)) m.v[insn::Rsp] = r.sp;
  for (const Segment s : {insn::kEs, insn::kFs, insn::kGs, insn::kDs}) drop_inner_data(m, s);
}

namespace {

void ret_far_backwards(Machine& m, unsigned bytes, u64 released) {
  OutwardReturn r;
  r.old_sp = m.v[insn::Rsp];
  r.cs = static_cast<u16>(read_frame(m, bytes, bytes));
  r.rip = read_frame(m, 0, bytes);
  r.code = m.ok() ? return_code_segment(m, r.cs) : Descriptor{};
  if (!m.ok()) return;
  if (rpl_of(r.cs) == m.cpl()) {
    set_return_code(m, r.cs, r.code, r.rip);
    if (m.ok()) m.set_stack_pointer(m.stack_pointer() + 2 * bytes + released);
    return;
  }
  r.ss = static_cast<u16>(read_frame(m, 3 * bytes + released, 2));
  r.sp = read_frame(m, 2 * bytes + released, bytes) + released;
  return_outward(m, r);
}

}  // namespace

void ret_far(Machine& m, const Instruction& i) {
  if (!m.protected_mode()) return ret_far_real(m, i);
  if (m.quirk(Quirk::BochsFrame)) return ret_far_backwards(m, i.operand_bytes, i.immediate);
  const u64 old_sp = m.v[insn::Rsp], rip = m.pop(i.operand_bytes);
  const auto cs = static_cast<u16>(m.pop(i.operand_bytes));
  if (m.kvm() && rpl_of(cs) > m.cpl()) m.end(insn::OutcomeKind::Unhandleable);
  const Descriptor d = m.ok() ? return_code_segment(m, cs) : Descriptor{};
  if (!m.ok()) return;
  const u64 released = i.immediate;
  m.set_stack_pointer(m.stack_pointer() + released);
  if (rpl_of(cs) == m.cpl()) return set_return_code(m, cs, d, rip);
  const u64 sp = m.pop(i.operand_bytes);
  const auto ss = static_cast<u16>(m.pop(i.operand_bytes));
  return_outward(m, {cs, d, rip, ss, sp, old_sp});
  if (!m.ok()) return;
  if (moves_whole_rsp(m)) {
    m.v[insn::Rsp] += released;
  } else {
    m.set_stack_pointer(m.stack_pointer() + released);
  }
}

}  // namespace diffvisor::x86
