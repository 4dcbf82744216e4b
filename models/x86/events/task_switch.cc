// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/task_switch.h"

#include "models/x86/events/delivery.h"
#include "models/x86/paging/walk.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;
namespace fl = insn::rflags;

constexpr u64 kFlagsLoaded = insn::rflags::kDefined;
constexpr u64 bit(unsigned n) { return u64{1} << n; }

// Offsets in a TSS of one width. General registers and selectors lie at even distances.
struct Layout {
  unsigned bytes;  // of a register
  unsigned cr3, rip, flags, registers, segments, ldt, trap;
  unsigned segment_count, slot;  // slot: distance of selectors
  u64 least_limit;
};
constexpr Layout kLayout32 = {4, 0x1c, 0x20, 0x24, 0x28, 0x48, 0x60, 0x64, 6, 4, 0x67};
constexpr Layout kLayout16 = {2, 0, 0x0e, 0x10, 0x12, 0x22, 0x2a, 0, 4, 2, 0x2b};
const Layout& layout_of(u64 type) { return (type & 8) != 0 ? kLayout32 : kLayout16; }

struct NewTask {
  u64 cr3 = 0, rip = 0, flags = 0, trap = 0;
  std::array<u64, 8> registers{};
  std::array<u16, 6> segments{};  // ES CS SS DS FS GS
  u16 ldt = 0;
};

NewTask read_task(Machine& m, u64 base, const Layout& l) {
  NewTask t;
  const auto get = [&](unsigned offset, unsigned bytes) { return m.read_system((base + offset) & 0xffffffff, bytes); };
  if (l.cr3 != 0) t.cr3 = get(l.cr3, 4);
  t.rip = get(l.rip, l.bytes);
  t.flags = get(l.flags, l.bytes);
  // What a 16-bit task state does not hold reads as ones (80286).
  for (unsigned i = 0; i < 8; ++i)
    t.registers[i] = get(l.registers + l.bytes * i, l.bytes) | (l.bytes == 2 ? 0xffff0000 : 0);
  for (unsigned i = 0; i < l.segment_count; ++i) t.segments[i] = static_cast<u16>(get(l.segments + l.slot * i, 2));
  t.ldt = static_cast<u16>(get(l.ldt, 2));
  if (l.trap != 0) t.trap = get(l.trap, 2);
  return t;
}

void save_old(Machine& m, u64 rip, u64 flags) {
  const Layout& l = layout_of(m.v[insn::TrAttr]);
  const auto put = [&](unsigned offset, unsigned bytes, u64 value) {
    m.write_system((m.v[insn::TrBase] + offset) & 0xffffffff, bytes, value);
  };
  put(l.rip, l.bytes, rip);
  put(l.flags, l.bytes, flags);
  for (unsigned i = 0; i < 8; ++i) put(l.registers + l.bytes * i, l.bytes, m.reg(i));
  for (unsigned i = 0; i < l.segment_count; ++i) put(l.segments + l.slot * i, 2, m.v[insn::selector_of(i)]);
}

void set_busy(Machine& m, u16 selector, bool busy) {
  const bool dword = m.quirk(Quirk::UnicornAccessed);
  const u64 address = descriptor_address(m, selector) + (dword ? 4 : 5), bit = dword ? 0x200 : 2;
  const u64 now = m.read_system(address, dword ? 4 : 1);
  m.write_system(address, dword ? 4 : 1, busy ? now | bit : now & ~bit);
}

void load_registers(Machine& m, const NewTask& t, const Layout& l, TaskReason why) {
  m.v[insn::Cr0] |= bit(insn::cr0::TS);
  m.v[insn::Dr7] &= ~u64{0x155};
  if (l.cr3 != 0 && m.cr0(insn::cr0::PG)) {
    m.v[insn::Cr3] = t.cr3;
    if (pae_paging(m) && !read_pdptes(m, t.cr3, m.pdpte)) m.cannot_judge("task_switch_pdptes");
  }
  for (unsigned i = 0; i < 8; ++i) m.reg(i) = t.registers[i];
  m.v[insn::Rflags] = (t.flags & kFlagsLoaded) | 2;
  if (why == TaskReason::Call || why == TaskReason::Event) m.set_flag(fl::NT, true);
  m.next_rip = t.rip;
  // Until their descriptors have been looked at, all segments are empty.
  for (unsigned s = insn::kEs; s <= insn::kGs; ++s) {
    m.v[insn::selector_of(s)] = t.segments[s];
    m.v[insn::attr_of(s)] = bit(insn::attr::UNUSABLE);
  }
  set_cpl(m, rpl_of(t.segments[insn::kCs]));
}

void load_ldt(Machine& m, u16 selector) {
  m.v[insn::LdtrSelector] = selector;
  m.v[insn::LdtrAttr] = bit(insn::attr::UNUSABLE);
  m.v[insn::LdtrBase] = m.v[insn::LdtrLimit] = 0;
  if (is_null(selector)) return;
  const u32 error = selector_error(selector);
  if ((selector & 4) != 0) return m.raise(insn::kTS, error, Cause::TaskState);
  const Descriptor d = fetch_descriptor(m, selector, insn::kTS);
  if (!d.is_system(kLdt) || !d.present()) return m.raise(insn::kTS, error, Cause::TaskState);
  set_segment(m, insn::kLdtr, selector, d);
}

void load_stack(Machine& m, u16 selector, unsigned cpl) {
  const u32 error = selector_error(selector);
  if (is_null(selector)) return m.raise(insn::kTS, error, Cause::TaskState);
  Descriptor d = fetch_descriptor(m, selector, insn::kTS);
  if (!d.is_writable_data() || d.dpl() != cpl || rpl_of(selector) != cpl)
    return m.raise(insn::kTS, error, Cause::TaskState);
  if (!d.present()) return m.raise(insn::kSS_, error, Cause::DescriptorAbsent);
  mark_accessed(m, selector, d);
  set_segment(m, insn::kSs, selector, d);
}

void load_code(Machine& m, u16 selector) {
  const u32 error = selector_error(selector);
  if (is_null(selector)) return m.raise(insn::kTS, error, Cause::TaskState);
  Descriptor d = fetch_descriptor(m, selector, insn::kTS);
  const bool level = d.is_conforming() ? d.dpl() <= rpl_of(selector) : d.dpl() == rpl_of(selector);
  if (!d.is_code() || !level) return m.raise(insn::kTS, error, Cause::TaskState);
  if (!d.present()) return m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  mark_accessed(m, selector, d);
  set_segment(m, insn::kCs, selector, d);
}

void load_data(Machine& m, Segment s, u16 selector) {
  if (is_null(selector)) return set_null_segment(m, s, selector);
  const u32 error = selector_error(selector);
  Descriptor d = fetch_descriptor(m, selector, insn::kTS);
  const bool level = d.is_conforming() || (rpl_of(selector) <= d.dpl() && m.cpl() <= d.dpl());
  if (!d.is_readable() || !level) return m.raise(insn::kTS, error, Cause::TaskState);
  if (!d.present()) return m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  mark_accessed(m, selector, d);
  set_segment(m, s, selector, d);
}

void load_segments(Machine& m, const NewTask& t) {
  load_ldt(m, t.ldt);
  if (m.virtual_8086()) {
    for (unsigned s = insn::kEs; s <= insn::kGs; ++s) set_real_segment(m, static_cast<Segment>(s), t.segments[s]);
    return;
  }
  load_stack(m, t.segments[insn::kSs], rpl_of(t.segments[insn::kCs]));
  load_code(m, t.segments[insn::kCs]);
  for (const Segment s : {insn::kDs, insn::kEs, insn::kFs, insn::kGs}) load_data(m, s, t.segments[s]);
}

// Everything that must be reachable before the switch begins.
bool reachable(Machine& m, u64 base, const Layout& l, TaskReason why) {
  const Layout& old = layout_of(m.v[insn::TrAttr]);
  if (m.v[insn::TrLimit] < old.least_limit) m.raise(insn::kTS, selector_error(m.v[insn::TrSelector]), Cause::TaskState);
  m.can_write_system((m.v[insn::TrBase] + old.rip) & 0xffffffff, 1);
  m.can_write_system((m.v[insn::TrBase] + old.least_limit) & 0xffffffff, 1);
  m.read_system(base, 1);
  m.read_system((base + l.least_limit) & 0xffffffff, 1);
  if (why == TaskReason::Call || why == TaskReason::Event) m.can_write_system(base, 2);
  return m.ok();
}

// Unicorn reads the new task first, then writes both ends of the old one what it reads there.
bool unicorn_reachable(Machine& m, u64 base, const Layout& l) {
  read_task(m, base, l);
  const u64 last = m.v[insn::TrBase] + layout_of(m.v[insn::TrAttr]).least_limit;
  for (const u64 end : {m.v[insn::TrBase], last}) m.read_system(end & 0xffffffff, 1);
  for (const u64 end : {m.v[insn::TrBase], last}) m.can_write_system(end & 0xffffffff, 1);
  return m.ok();
}

}  // namespace

void switch_task(Machine& m, u16 selector, Descriptor d, TaskReason why, u64 rip, u64 flags) {
  const u32 error = selector_error(selector);
  const Layout& l = layout_of(d.type());
  if (!d.present()) return m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  const bool unicorn = m.quirk(Quirk::UnicornTask) && ((d.limit() >> 31 & 1) != 0 || (selector & 4) != 0);
  if (d.limit() < l.least_limit || unicorn) return m.raise(insn::kTS, error, Cause::TaskState);
  const auto old = static_cast<u16>(m.v[insn::TrSelector]);
  if (!(m.quirk(Quirk::UnicornTask) ? unicorn_reachable(m, d.base(), l) : reachable(m, d.base(), l, why))) return;
  const bool leaves = why == TaskReason::Jump || why == TaskReason::Iret;
  if (leaves) set_busy(m, old, false);
  save_old(m, rip, why == TaskReason::Iret ? flags & ~bit(fl::NT) : flags);
  const NewTask t = read_task(m, d.base(), l);
  if (!leaves) m.write_system(d.base(), 2, old);
  if (why != TaskReason::Iret) set_busy(m, selector, true);
  if (!m.ok()) return;
  m.committed = true;
  d.low |= u64{2} << 40;
  set_segment(m, insn::kTr, selector, d);
  load_registers(m, t, l, why);
  load_segments(m, t);
  if (m.fault.raised && m.quirk(Quirk::TsFaultLost)) m.fault = {};
  if (m.fault.raised) m.fault.cause = Cause::TaskState;
  if (m.ok() && m.next_rip > m.v[insn::CsLimit]) m.general_protection(Cause::BranchTarget);
  if ((t.trap & 1) != 0) m.raise_debug(bit(15), Cause::TaskState, true);
}

void switch_through_gate(Machine& m, const Descriptor& gate, TaskReason why, u64 rip, u64 flags) {
  const u16 selector = gate.gate_selector();
  const u32 error = selector_error(selector);
  if ((selector & 4) != 0)
    return m.raise(m.quirk(Quirk::UnicornTask) ? insn::kTS : insn::kGP, error, Cause::GateTarget);
  const Descriptor d = fetch_descriptor(m, selector);
  if (!d.is_system(kTss16) && !d.is_system(kTss32)) return m.raise(insn::kGP, error, Cause::GateTarget);
  switch_task(m, selector, d, why, rip, flags);
}

}  // namespace diffvisor::x86
