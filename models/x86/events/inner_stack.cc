// SPDX-License-Identifier: Apache-2.0
// Stacks of inner privilege levels, from the task-state segment: SDM 3A 5.8.5, 7.2.1, 7.7.
#include "models/x86/events/delivery.h"

namespace diffvisor::x86 {
namespace {

// A TSS field, or #TS(TR).
u64 task_field(Machine& m, u64 offset, unsigned bytes, u64 last) {
  if (last > m.v[insn::TrLimit]) {
    m.raise(insn::kTS, selector_error(m.v[insn::TrSelector]), Cause::TaskState);
    return 0;
  }
  const u64 address = m.v[insn::TrBase] + offset;
  return m.read_system(m.long_mode() ? address : address & 0xffffffff, bytes);
}

void check_stack(Machine& m, const InnerStack& s, unsigned level) {
  const u32 error = selector_error(s.selector);
  if (rpl_of(s.selector) != level || s.d.dpl() != level || !s.d.is_writable_data())
    return m.raise(insn::kTS, error, Cause::StackSwitch);
  if (!s.d.present()) m.raise(insn::kSS_, error, Cause::StackSwitch);
}

}  // namespace

InnerStack inner_stack(Machine& m, unsigned level) {
  InnerStack s;
  const bool wide = (m.v[insn::TrAttr] & 8) != 0;
  const u64 at = wide ? 4 + 8 * level : 2 + 4 * level;
  const bool selector_first = m.quirk(Quirk::BochsInnerStack);
  const u64 last = at + (!wide ? 3 : selector_first || m.quirk(Quirk::UnicornTask) ? 7 : 5);
  const auto selector = [&] { return static_cast<u16>(task_field(m, at + (wide ? 4 : 2), 2, last)); };
  if (selector_first) s.selector = selector();
  s.pointer = task_field(m, at, wide ? 4 : 2, last);
  if (!selector_first) s.selector = selector();
  if (!m.ok()) return s;
  if (is_null(s.selector)) {
    m.raise(insn::kTS, 0, Cause::StackSwitch);
    return s;
  }
  s.d = fetch_descriptor(m, s.selector, insn::kTS);
  if (m.ok()) check_stack(m, s, level);
  return s;
}

void set_inner_stack(Machine& m, const InnerStack& s) {
  Descriptor d = s.d;
  d.low |= kAccessedBit;
  set_segment(m, insn::kSs, s.selector, d);
  if (!m.ok()) return;
  const bool keeps_upper = (m.quirk(Quirk::BochsInnerStack) || m.quirk(Quirk::UnicornFar)) && !d.big();
  m.v[insn::Rsp] = keeps_upper ? (m.v[insn::Rsp] & ~u64{0xffff}) | (s.pointer & 0xffff) : s.pointer;
}

u64 inner_stack_64(Machine& m, unsigned level, unsigned ist) {
  const u64 at = ist != 0 ? 0x1c + 8 * ist : 4 + 8 * level;
  const u64 pointer = task_field(m, at, 8, at + 7);
  const u32 error = m.quirk(Quirk::BochsRspError) ? selector_error(m.v[insn::SsSelector]) : 0;
  if (m.ok() && !m.is_canonical(pointer)) m.raise(insn::kSS_, error, Cause::StackSwitch);
  return pointer;
}

}  // namespace diffvisor::x86
