// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/delivery.h"

#include "models/x86/events/promotion.h"
#include "models/x86/events/task_switch.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;
namespace fl = insn::rflags;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

// What the handler returns to.
struct Interrupted {
  u64 ss, sp, flags, cs, rip;
};

u32 idt_error(const Event& e) { return e.vector * 8u + 2; }

void enter_flags(Machine& m, bool masks_interrupts) {
  u64& f = m.v[insn::Rflags];
  f &= ~(bit(fl::TF) | bit(fl::NT) | bit(fl::RF) | bit(fl::VM));
  if (masks_interrupts) f &= ~bit(fl::IF);
}

// ---- real-address mode, and virtual-8086 mode's own table

void enter_real_handler(Machine& m, u64 table, u8 vector, u64 flags) {
  m.push(flags & 0xffff, 2);
  m.push(m.v[insn::CsSelector], 2);
  m.push(m.next_rip, 2);
  const u64 pointer = m.read_system((table + 4u * vector) & 0xffffffff, 4);
  if (!m.ok()) return;
  if ((pointer & 0xffff) > m.v[insn::CsLimit]) return m.general_protection(Cause::BranchTarget);
  set_real_segment(m, insn::kCs, static_cast<u16>(pointer >> 16));
  m.next_rip = pointer & 0xffff;
}

// Bochs takes the RPL that a far transfer has put into CS for CPL 3.
bool bochs_aligns_real_stack(const Machine& m) {
  const bool checks = m.cr0(insn::cr0::AM) && m.flag(fl::AC) && (m.v[insn::CsSelector] & 3) == 3;
  return m.quirk(Quirk::BochsRealStack) && checks && (m.stack_pointer() & 1) != 0;
}

void deliver_real(Machine& m, const Event& e) {
  if (bochs_aligns_real_stack(m)) return m.cannot_judge("endless_delivery");
  if (e.vector * 4u + 3 > m.v[insn::IdtrLimit]) return m.general_protection(Cause::SelectorLimit);
  m.next_rip = e.return_rip;
  enter_real_handler(m, m.v[insn::IdtrBase], e.vector, e.flags);
  m.v[insn::Rflags] &= ~(bit(fl::IF) | bit(fl::TF) | bit(fl::AC) | bit(fl::RF));
}

// ---- gates

bool is_gate(const Machine& m, const Descriptor& d) {
  if (d.is_system(kInterruptGate32) || d.is_system(kTrapGate32)) return true;
  if (m.long_mode()) return false;
  return d.is_system(kTaskGate) || d.is_system(kInterruptGate16) || d.is_system(kTrapGate16);
}

Descriptor read_gate(Machine& m, const Event& e) {
  const unsigned size = m.long_mode() ? 16 : 8;
  Descriptor d;
  if (e.vector * size + size - 1 > m.v[insn::IdtrLimit]) {
    m.raise(insn::kGP, idt_error(e), Cause::SelectorLimit);
    return d;
  }
  const u64 address = m.v[insn::IdtrBase] + e.vector * size;
  d.low = m.read_system(m.long_mode() ? address : address & 0xffffffff, 8);
  if (size == 16) d.high = m.read_system(address + 8, 8);
  const bool second_type = (d.high >> 40 & 0x1f) != 0 && m.quirk(Quirk::BochsGateType);
  d.high &= 0xffffffff;
  if (!m.ok()) return d;
  if (!is_gate(m, d) || second_type) {
    m.raise(insn::kGP, idt_error(e), Cause::DescriptorType);
  } else if (e.checks_gate_dpl() && d.dpl() < m.cpl()) {
    m.raise(insn::kGP, idt_error(e), Cause::DescriptorPrivilege);
  } else if (!d.present()) {
    m.raise(insn::kNP, idt_error(e), Cause::DescriptorAbsent);
  }
  return d;
}

// The handler's code segment, checked.
Descriptor read_target(Machine& m, const Descriptor& gate) {
  const u16 selector = gate.gate_selector();
  const u32 error = selector_error(selector);
  if (is_null(selector)) {
    m.raise(insn::kGP, 0, Cause::GateTarget);
    return {};
  }
  const Descriptor cs = fetch_descriptor(m, selector);
  if (!m.ok()) return cs;
  const bool mode = !m.long_mode() || (cs.wide() && !cs.big());
  if (!cs.is_code() || cs.dpl() > m.cpl() || !mode) {
    m.raise(insn::kGP, error, Cause::GateTarget);
  } else if (!cs.present()) {
    m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  }
  return cs;
}

bool goes_inward(const Machine& m, const Descriptor& cs) { return !cs.is_conforming() && cs.dpl() < m.cpl(); }

void load_code(Machine& m, const Descriptor& gate, Descriptor cs) {
  mark_accessed(m, gate.gate_selector(), cs);
  set_segment(m, insn::kCs, with_rpl(gate.gate_selector(), m.cpl()), cs);
  if (m.ok()) m.next_rip = gate.gate_offset();
}

// ---- 32-bit and 16-bit gates

void null_data_segments(Machine& m) {
  for (const Segment s : {insn::kGs, insn::kFs, insn::kDs, insn::kEs}) set_null_segment(m, s, 0);
}

void push_frame(Machine& m, const Event& e, const Interrupted& old, unsigned size, bool with_stack) {
  if (with_stack) {
    m.push(old.ss, size);
    m.push(old.sp, size);
  }
  m.push(old.flags, size);
  m.push(old.cs, size);
  m.push(old.rip, size);
  if (e.has_error) m.push(e.error_code, size);
}

// The new stack's registers; SS:ESP as they were are in `old`.
void switch_stack(Machine& m, InnerStack& s, unsigned bytes, unsigned size) {
  if (!m.ok()) return;
  set_inner_stack(m, s);
  if (m.ok() && !m.quirk(Quirk::BochsDelivery) && !stack_has_room(m, bytes, size))
    m.raise(insn::kSS_, selector_error(s.selector), Cause::StackSwitch);
}

void check_target_limit(Machine& m, u64 offset, const Descriptor& cs) {
  if (m.ok() && offset > cs.limit()) m.general_protection(Cause::BranchTarget);
}

void deliver_inward(Machine& m, const Event& e, const Descriptor& gate, const Descriptor& cs, const Interrupted& old,
                    unsigned size) {
  const bool from_virtual = m.virtual_8086();
  InnerStack s = inner_stack(m, cs.dpl());
  const std::array<u64, 4> data = {m.v[insn::GsSelector], m.v[insn::FsSelector], m.v[insn::DsSelector],
                                   m.v[insn::EsSelector]};
  const unsigned words = 5 + (e.has_error ? 1 : 0) + (from_virtual ? 4 : 0);
  m.set_flag(fl::VM, false);
  if (m.quirk(Quirk::BochsDelivery)) check_target_limit(m, gate.gate_offset(), cs);
  switch_stack(m, s, words * size, size);
  check_target_limit(m, gate.gate_offset(), cs);
  if (from_virtual) {
    for (const u64 selector : data) m.push(selector, size);
    null_data_segments(m);
  }
  push_frame(m, e, old, size, true);
  if (m.fault.vector == insn::kSS_ && m.fault.cause == Cause::SegmentLimit)
    m.fault.error_code = selector_error(s.selector) | m.external;
  mark_accessed(m, s.selector, s.d);
}

void deliver_through_gate(Machine& m, const Event& e, const Descriptor& gate) {
  const Descriptor cs = read_target(m, gate);
  if (!m.ok()) return;
  const Interrupted old = {m.v[insn::SsSelector], m.v[insn::Rsp], e.flags, m.v[insn::CsSelector], e.return_rip};
  const unsigned size = gate.type() >= kInterruptGate32 ? 4 : 2;
  const bool inward = goes_inward(m, cs);
  if (m.virtual_8086() && (!inward || cs.dpl() != 0))
    return m.raise(insn::kGP, selector_error(gate.gate_selector()), Cause::GateTarget);
  if (inward) {
    deliver_inward(m, e, gate, cs, old, size);
  } else {
    const bool has_room = m.quirk(Quirk::BochsDelivery) || stack_has_room(m, (e.has_error ? 4u : 3u) * size, size);
    if (!has_room) return m.raise(insn::kSS_, 0, Cause::SegmentLimit);
    check_target_limit(m, gate.gate_offset(), cs);
    push_frame(m, e, old, size, false);
  }
  load_code(m, gate, cs);
  enter_flags(m, (gate.type() & 1) == 0);
}

void deliver_task(Machine& m, const Event& e, const Descriptor& gate) {
  switch_through_gate(m, gate, TaskReason::Event, e.return_rip, e.flags);
  if (e.has_error && m.ok()) m.push(e.error_code, (m.v[insn::TrAttr] & 8) != 0 ? 4 : 2);
}

void deliver_protected(Machine& m, const Event& e) {
  const Descriptor gate = read_gate(m, e);
  if (!m.ok()) return;
  if (gate.is_system(kTaskGate)) return deliver_task(m, e, gate);
  deliver_through_gate(m, e, gate);
}

// ---- long mode

void deliver_long(Machine& m, const Event& e) {
  const Descriptor gate = read_gate(m, e);
  const Descriptor cs = m.ok() ? read_target(m, gate) : Descriptor{};
  if (!m.ok()) return;
  const Interrupted old = {m.v[insn::SsSelector], m.v[insn::Rsp], e.flags, m.v[insn::CsSelector], e.return_rip};
  const bool inward = goes_inward(m, cs);
  const unsigned level = inward ? cs.dpl() : m.cpl();
  const auto ist = static_cast<unsigned>(gate.low >> 32 & 7);
  u64 stack = m.v[insn::Rsp];
  const bool switches = inward || ist != 0;
  if (switches) stack = inner_stack_64(m, level, ist);
  // Of the present stack it is the first push that counts.
  const u64 checked = switches ? stack : (stack & ~u64{0xf}) - 8;
  if (m.ok() && !m.is_canonical(checked)) m.raise(insn::kSS_, 0, Cause::NonCanonical);
  const bool target_fits = m.is_canonical(gate.gate_offset());
  if (!target_fits && !m.quirk(Quirk::BochsDelivery)) m.general_protection(Cause::BranchTarget);
  if (!m.ok()) return;
  set_cpl(m, level);
  if (inward) set_null_segment(m, insn::kSs, static_cast<u16>(level));
  // The pushes are those of 64-bit mode.
  m.v[insn::CsAttr] = cs.attributes();
  m.v[insn::Rsp] = stack & ~u64{0xf};
  if (m.quirk(Quirk::BochsDelivery)) set_cpl(m, cs.dpl());
  push_frame(m, e, old, 8, true);
  set_cpl(m, level);
  if (!target_fits) m.general_protection(Cause::BranchTarget);
  load_code(m, gate, cs);
  enter_flags(m, (gate.type() & 1) == 0);
}

// ---- exceptions

// RF of the image: SDM 3B 17.3.1.1. For #DB every implementation leaves it alone, general detect included.
bool sets_rf(const Machine& m, const Fault& f) {
  if (f.trap || f.soft) return false;
  if (f.vector == insn::kDF) return m.quirk(Quirk::BochsDfRf);
  if (f.vector != insn::kDB) return true;
  const bool general_detect = (f.payload >> 13 & 1) != 0;
  return m.quirk(Quirk::RfOnDb) || (general_detect && m.quirk(Quirk::DrDbSetsRf));
}

Event event_of(const Machine& m, const Fault& f) {
  Event e;
  e.vector = f.vector;
  if (f.soft) e.source = f.vector == insn::kDB ? Source::Int1 : Source::SoftException;
  e.has_error = insn::has_error_code(f.vector) && !m.real_mode();
  e.error_code = f.error_code;
  e.return_rip = f.soft ? m.next_rip : m.v[insn::Rip];
  // An instruction that has completed has cleared it.
  const bool cleared = f.soft || m.quirk(Quirk::BochsFetchRf);
  const u64 flags = cleared ? m.v[insn::Rflags] & ~bit(fl::RF) : m.v[insn::Rflags];
  e.flags = flags | (sets_rf(m, f) ? bit(fl::RF) : 0);
  return e;
}

// CR2, DR6 and DR7 of the exception, which stay changed even if its delivery fails.
void take_payload(Machine& m, const Fault& f) {
  if (f.vector == insn::kPF) m.v[insn::Cr2] = f.payload;
  if (f.vector != insn::kDB || f.soft) return;
  constexpr u64 kDr6Ones = 0xffff0ff0;
  const u64 kept = m.quirk(Quirk::BochsDr6) ? ~u64{0x900f} : ~u64{0x100f};
  m.v[insn::Dr6] = (m.v[insn::Dr6] & kept) | kDr6Ones | (f.payload & 0xe00f);
  if (!m.quirk(Quirk::DrGdNotCleared)) m.v[insn::Dr7] &= ~bit(13);
}

Promotion promote_here(const Machine& m, unsigned first, unsigned second, bool made_df) {
  if (made_df && m.quirk(Quirk::DfInjectedStale)) return Promotion::Shutdown;
  const Promotion p = promote(first, second);
  if (first != insn::kPF) return p;
  if (p == Promotion::Serial && m.quirk(Quirk::DfOnBenign)) return Promotion::DoubleFault;
  if (p == Promotion::DoubleFault && second != insn::kPF && m.quirk(Quirk::PfThenDe)) return Promotion::Serial;
  return p;
}

// The registers that an attempt to deliver changes and that its failure brings back.
struct Before {
  std::array<u64, insn::kSlots> v;
  u64 next_rip;
};

void restore(Machine& m, const Before& b) {
  if (m.committed) {
    m.v[insn::Rip] = m.next_rip;
    return;
  }
  m.v = b.v;
  m.next_rip = b.next_rip;
}

Fault double_fault() {
  Fault f;
  f.raised = true;
  f.vector = insn::kDF;
  f.cause = Cause::Delivery;
  return f;
}

}  // namespace

void deliver(Machine& m, const Event& e) {
  m.external = e.source == Source::Exception || e.source == Source::Int1 ? 1 : 0;
  if (m.real_mode()) {
    deliver_real(m, e);
  } else if (m.long_mode()) {
    deliver_long(m, e);
  } else {
    deliver_protected(m, e);
  }
  m.external = 0;
}

void deliver_interrupt(Machine& m, u8 vector) {
  Event e;
  e.vector = vector;
  e.source = Source::Interrupt;
  e.return_rip = m.next_rip;
  e.flags = m.v[insn::Rflags];
  deliver(m, e);
}

// More only where #AC is delivered to a misaligned stack at the level that it comes from, for ever.
constexpr unsigned kMostDeliveries = 8;

void deliver_fault(Machine& m, const Fault& f) {
  Fault now = f;
  bool made_df = false;
  for (unsigned round = 0;; ++round) {
    if (round == kMostDeliveries) {
      m.fault = {};
      return m.cannot_judge("endless_delivery");
    }
    m.fault = {};
    m.committed = false;
    take_payload(m, now);
    const Before before = {m.v, m.next_rip};
    deliver(m, event_of(m, now));
    if (!m.fault.raised) break;
    const Fault next = m.fault;
    if (m.second_vector == kNoVector) m.second_vector = next.vector;
    restore(m, before);
    // The address of a page fault stays in CR2 whatever becomes of the fault.
    if (next.vector == insn::kPF) m.v[insn::Cr2] = next.payload;
    const Promotion p = promote_here(m, now.vector, next.vector, made_df);
    made_df = p == Promotion::DoubleFault;
    if (p == Promotion::Shutdown) {
      m.fault = {};
      return m.end(insn::OutcomeKind::TripleFault);
    }
    now = made_df ? double_fault() : next;
  }
  m.v[insn::Rip] = m.next_rip;
  m.v[insn::Shadow] = 0;
}

bool redirect_virtual_interrupt(Machine& m, u8 vector) {
  if (!m.cr4(insn::cr4::VME)) return false;
  const u64 tss = m.v[insn::TrBase];
  const u64 limit = m.v[insn::TrLimit];
  const auto at = [tss](u64 offset) { return (tss + offset) & 0xffffffff; };
  if (limit < 103) return m.general_protection(Cause::TaskState), true;
  const u64 byte = m.read_system(at(102), 2) - 32 + vector / 8u;
  if (m.ok() && byte > limit) m.general_protection(Cause::TaskState);
  const u64 map = m.read_system(at(byte), 1);
  if (!m.ok()) return true;
  if ((map >> (vector & 7) & 1) != 0) return false;
  u64 flags = m.v[insn::Rflags];
  const bool virtual_if = m.iopl() != 3;
  if (virtual_if) {
    flags |= bit(fl::IOPL) | bit(fl::IOPL + 1);
    flags = m.flag(fl::VIF) ? flags | bit(fl::IF) : flags & ~bit(fl::IF);
  }
  enter_real_handler(m, 0, vector, flags);
  m.set_flag(virtual_if ? fl::VIF : fl::IF, false);
  m.set_flag(fl::TF, false);
  return true;
}

}  // namespace diffvisor::x86
