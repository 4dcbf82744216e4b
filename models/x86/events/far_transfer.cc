// SPDX-License-Identifier: Apache-2.0
// SDM 2 CALL and JMP, the far forms.
#include <utility>

#include "models/x86/events/bochs_call.h"
#include "models/x86/events/delivery.h"
#include "models/x86/events/task_switch.h"
#include "models/x86/system/rm_operand.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

void far_real(Machine& m, const Far& f) {
  const bool checks_room = f.call && !m.quirk(Quirk::BochsFarCall);
  if (checks_room && !stack_has_room(m, 2 * f.bytes, f.bytes)) return m.raise(insn::kSS_, 0, Cause::SegmentLimit);
  if (f.offset > m.v[insn::CsLimit]) return m.general_protection(Cause::BranchTarget);
  if (f.call) {
    m.push(m.v[insn::CsSelector], f.bytes);
    m.push(m.next_rip, f.bytes);
  }
  set_real_segment(m, insn::kCs, f.selector);
  if (m.ok()) m.next_rip = f.offset;
}

bool both_sizes(const Machine& m, const Descriptor& d) { return m.long_mode() && d.wide() && d.big(); }

void enter_code(Machine& m, u16 selector, Descriptor d, u64 rip) {
  mark_accessed(m, selector, d);
  set_segment(m, insn::kCs, with_rpl(selector, m.cpl()), d);
  if (m.ok()) m.next_rip = m.code64() ? rip : rip & 0xffffffff;
}

// In 64-bit mode a stack has no limit.
bool has_room(Machine& m, unsigned bytes, unsigned size) { return m.code64() || stack_has_room(m, bytes, size); }

void far_to_code(Machine& m, const Far& f, const Descriptor& d) {
  const u32 error = selector_error(f.selector);
  const bool level = d.is_conforming() ? d.dpl() <= m.cpl() : rpl_of(f.selector) <= m.cpl() && d.dpl() == m.cpl();
  if (both_sizes(m, d) && !m.quirk(Quirk::UnicornFar)) return m.raise(insn::kGP, error, Cause::DescriptorType);
  if (!level) return m.raise(insn::kGP, error, Cause::DescriptorPrivilege);
  if (!d.present()) return m.raise(insn::kNP, error, Cause::DescriptorAbsent);
  if (f.call && m.quirk(Quirk::BochsFarCall)) {
    bochs_call_code(m, f, d);
    return enter_code(m, f.selector, d, f.offset);
  }
  if (f.call && !has_room(m, 2 * f.bytes, f.bytes)) return m.raise(insn::kSS_, 0, Cause::SegmentLimit);
  if (!offset_fits(m, d, f.offset)) return m.general_protection(Cause::BranchTarget);
  if (f.call) {
    m.push(m.v[insn::CsSelector], f.bytes);
    m.push(m.next_rip, f.bytes);
  }
  // Unicorn holds 64-bit code, too, to its limit.
  const bool limited = f.call && f.bytes != 8 && m.quirk(Quirk::UnicornFar);
  if (m.ok() && limited && f.offset > d.limit()) return m.raise(insn::kGP, error, Cause::DescriptorType);
  enter_code(m, f.selector, d, f.offset);
}

bool gate_privilege(Machine& m, u16 selector, const Descriptor& d) {
  if (d.dpl() < m.cpl() || d.dpl() < rpl_of(selector)) {
    m.raise(insn::kGP, selector_error(selector), Cause::DescriptorPrivilege);
  } else if (!d.present()) {
    m.raise(insn::kNP, selector_error(selector), Cause::DescriptorAbsent);
  }
  return m.ok();
}

Descriptor gate_target(Machine& m, const Descriptor& gate, bool call) {
  m.narrow_stack = false;
  const u16 selector = gate.gate_selector();
  if (is_null(selector)) {
    m.general_protection(Cause::GateTarget);
    return {};
  }
  const Descriptor d = fetch_descriptor(m, selector);
  if (!m.ok()) return d;
  const bool level = d.is_conforming() || call ? d.dpl() <= m.cpl() : d.dpl() == m.cpl();
  const bool mode = !m.long_mode() || (d.wide() && !d.big());
  if (!d.is_code() || !level || !mode) {
    m.raise(insn::kGP, selector_error(selector), Cause::GateTarget);
  } else if (!d.present()) {
    const bool as_unicorn = !call && m.quirk(Quirk::UnicornFar);
    m.raise(as_unicorn ? insn::kGP : insn::kNP, selector_error(selector), Cause::DescriptorAbsent);
  }
  return d;
}

void push_return(Machine& m, u64 cs, u64 rip, unsigned size) {
  m.push(cs, size);
  m.push(rip, size);
}

// The stack of the caller, to read parameters from after SS is the inner one.
class OldStack {
 public:
  explicit OldStack(const Machine& m)
      : pointer_(m.v[insn::Rsp]), mask_(m.stack_address_bytes() == 4 ? ~u32{0} : 0xffff) {
    for (unsigned n = 0; n < kSlots.size(); ++n) saved_[n] = m.v[kSlots[n]];
  }
  u64 selector() const { return saved_[0]; }
  u64 pointer() const { return pointer_; }
  u64 read(Machine& m, u64 at, unsigned bytes) {
    exchange(m);
    const u64 value = m.read(insn::kSs, (pointer_ + at) & mask_, bytes);
    exchange(m);
    return value;
  }

 private:
  static constexpr std::array<unsigned, 4> kSlots = {insn::SsSelector, insn::SsBase, insn::SsLimit, insn::SsAttr};
  void exchange(Machine& m) {
    for (unsigned n = 0; n < kSlots.size(); ++n) std::swap(saved_[n], m.v[kSlots[n]]);
  }
  u64 pointer_, mask_;
  std::array<u64, 4> saved_;
};

// To an inner level outside long mode: SS:ESP, parameters and CS:EIP go to the new stack.
void call_inward(Machine& m, const Descriptor& gate, const Descriptor& d) {
  if (m.quirk(Quirk::BochsFarCall)) return bochs_call_inward(m, gate, d);
  const unsigned size = gate.type() == kCallGate32 ? 4 : 2;
  const auto count = static_cast<unsigned>(gate.low >> 32 & 0x1f);
  InnerStack s = inner_stack(m, d.dpl());
  if (!m.ok()) return;
  OldStack old(m);
  set_inner_stack(m, s);
  if (!stack_has_room(m, (4 + count) * size, size))
    return m.raise(insn::kSS_, selector_error(s.selector), Cause::StackSwitch);
  if (gate.gate_offset() > d.limit()) return m.general_protection(Cause::BranchTarget);
  m.push(old.selector(), size);
  m.push(old.pointer(), size);
  for (unsigned i = count; i-- > 0 && m.ok();) m.push(old.read(m, u64{i} * size, size), size);
  push_return(m, m.v[insn::CsSelector], m.next_rip, size);
  mark_accessed(m, s.selector, s.d);
}

void call_inward_64(Machine& m, const Descriptor& gate, const Descriptor& d) {
  const u64 old_ss = m.v[insn::SsSelector], old_sp = m.v[insn::Rsp], old_cs = m.v[insn::CsSelector];
  const u64 stack = inner_stack_64(m, d.dpl(), 0);
  const bool target_fits = m.is_canonical(gate.gate_offset());
  const bool pushes_first = m.quirk(Quirk::BochsFarCall);
  if (!target_fits && !pushes_first) m.general_protection(Cause::BranchTarget);
  if (!m.ok()) return;
  set_cpl(m, d.dpl());
  set_null_segment(m, insn::kSs, static_cast<u16>(d.dpl()));
  // The pushes are the new segment's: 64-bit.
  m.v[insn::CsAttr] = d.attributes();
  m.v[insn::Rsp] = stack;
  m.push(old_ss, 8);
  m.push(old_sp, 8);
  push_return(m, old_cs, m.next_rip, 8);
  if (!target_fits) m.general_protection(Cause::BranchTarget);
}

// Unicorn cuts the pointer to what the stack segment has outside 64-bit mode, though it has pushed to a 64-bit stack.
void cut_stack_pointer(Machine& m, u64 before) {
  const u64 a = m.v[insn::SsAttr];
  const bool usable = (a >> insn::attr::UNUSABLE & 1) == 0;
  if (usable && (a >> insn::attr::L & 1) != 0) return;
  const bool big = usable && (a >> insn::attr::DB & 1) != 0;
  u64& sp = m.v[insn::Rsp];
  sp = big ? sp & 0xffffffff : (before & ~u64{0xffff}) | (sp & 0xffff);
}

void call_same_level(Machine& m, const Descriptor& gate, const Descriptor& d) {
  const unsigned size = m.long_mode() ? 8 : gate.type() == kCallGate32 ? 4 : 2;
  const bool pushes_first = m.quirk(Quirk::BochsFarCall);
  const bool has_room = m.long_mode() || pushes_first || stack_has_room(m, 2 * size, size);
  const bool target_fits = offset_fits(m, d, gate.gate_offset());
  if (!has_room) return m.raise(insn::kSS_, 0, Cause::SegmentLimit);
  if (!target_fits && !pushes_first) return m.general_protection(Cause::BranchTarget);
  const u64 old_cs = m.v[insn::CsSelector];
  const u64 old_sp = m.v[insn::Rsp];
  if (m.long_mode()) m.v[insn::CsAttr] = d.attributes();
  push_return(m, old_cs, m.next_rip, size);
  if (m.ok() && m.long_mode() && m.quirk(Quirk::UnicornFar)) cut_stack_pointer(m, old_sp);
  if (!target_fits) m.general_protection(Cause::BranchTarget);
}

// With its second half, whose type has to be 0.
Descriptor whole_gate(Machine& m, const Far& f) {
  Descriptor d = fetch_descriptor(m, f.selector, insn::kGP, 16);
  if (m.ok() && (d.high >> 40 & 0x1f) != 0) m.raise(insn::kGP, selector_error(f.selector), Cause::DescriptorType);
  d.high &= 0xffffffff;
  return d;
}

// Unicorn goes to the level of conforming code, which SS does not show.
void call_conforming_as_unicorn(Machine& m, const Descriptor& d) {
  if (d.dpl() != m.cpl() && m.v[insn::ExtraSteps] != 0) return m.cannot_judge("cpl_hidden");
  u64& cs = m.v[insn::CsSelector];
  cs = with_rpl(static_cast<u16>(cs), d.dpl());
}

void far_through_call_gate(Machine& m, const Far& f, Descriptor gate) {
  if (!gate_privilege(m, f.selector, gate)) return;
  if (m.long_mode()) gate = whole_gate(m, f);
  const Descriptor d = gate_target(m, gate, f.call);
  if (!m.ok()) return;
  const bool inward = !d.is_conforming() && d.dpl() < m.cpl();
  if (!f.call) {
    if (!offset_fits(m, d, gate.gate_offset())) return m.general_protection(Cause::BranchTarget);
  } else if (!inward) {
    call_same_level(m, gate, d);
  } else if (m.long_mode()) {
    call_inward_64(m, gate, d);
  } else {
    call_inward(m, gate, d);
  }
  const bool wide = m.quirk(Quirk::UnicornFar) && gate.type() < kCallGate32;
  enter_code(m, gate.gate_selector(), d, gate.gate_offset() | (wide ? (gate.low >> 48) << 16 : 0));
  if (m.ok() && f.call && d.is_conforming() && m.quirk(Quirk::UnicornFar)) call_conforming_as_unicorn(m, d);
}

void far_to_system(Machine& m, const Far& f, const Descriptor& d) {
  const TaskReason why = f.call ? TaskReason::Call : TaskReason::Jump;
  const bool task = d.type() == kTss16 || d.type() == kTss32;
  const bool in_ldt = (f.selector & 4) != 0 && !m.quirk(Quirk::UnicornTask);
  if (d.type() == kCallGate32 || (d.type() == kCallGate16 && !m.long_mode())) return far_through_call_gate(m, f, d);
  if (m.long_mode() || !(task || d.type() == kTaskGate) || (task && in_ldt))
    return m.raise(insn::kGP, selector_error(f.selector), Cause::DescriptorType);
  if (!gate_privilege(m, f.selector, d)) return;
  if (task) return switch_task(m, f.selector, d, why, m.next_rip, m.v[insn::Rflags]);
  switch_through_gate(m, d, why, m.next_rip, m.v[insn::Rflags]);
}

void far_protected(Machine& m, const Far& f) {
  if (is_null(f.selector)) return m.general_protection(Cause::SelectorNull);
  const Descriptor d = fetch_descriptor(m, f.selector);
  if (m.kvm() && !d.is_segment()) m.end(insn::OutcomeKind::Unhandleable);
  if (!m.ok()) return;
  if (d.is_code()) return far_to_code(m, f, d);
  if (d.is_segment()) return m.raise(insn::kGP, selector_error(f.selector), Cause::DescriptorType);
  far_to_system(m, f, d);
}

void far(Machine& m, const Far& f) {
  if (!m.ok()) return;
  if (m.protected_mode()) return far_protected(m, f);
  far_real(m, f);
}

Far from_immediate(const Instruction& i, bool call) {
  const u64 mask = i.operand_bytes == 2 ? 0xffff : 0xffffffff;
  return {static_cast<u16>(i.immediate2), i.immediate & mask, i.operand_bytes, call};
}

// AMD CPUs have no pointers with 64-bit offsets (APM 3 CALL, JMP).
unsigned pointer_bytes(const Machine& m, const Instruction& i) {
  return i.operand_bytes == 8 && m.v[insn::CapVendor] == insn::kAmd ? 4 : i.operand_bytes;
}

Far from_memory(Machine& m, const Instruction& i, bool call) {
  Far f = {0, 0, pointer_bytes(m, i), call};
  f.offset = m.read(i.segment, effective_offset(m, i), f.bytes);
  f.selector = static_cast<u16>(m.read(i.segment, offset_behind(m, i, f.bytes), 2));
  m.in_far_frame = true;
  return f;
}

}  // namespace

void call_far(Machine& m, const Instruction& i) { far(m, from_immediate(i, true)); }
void jmp_far(Machine& m, const Instruction& i) { far(m, from_immediate(i, false)); }
void call_far_memory(Machine& m, const Instruction& i) { far(m, from_memory(m, i, true)); }
void jmp_far_memory(Machine& m, const Instruction& i) { far(m, from_memory(m, i, false)); }

}  // namespace diffvisor::x86
