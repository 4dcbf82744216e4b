// SPDX-License-Identifier: Apache-2.0
#include "models/x86/emulator/step.h"

#include <algorithm>

#include "models/x86/decoder/decode.h"
#include "models/x86/decoder/form.h"
#include "models/x86/decoder/opcode_table.h"
#include "models/x86/decoder/summary.h"
#include "models/x86/emulator/checks.h"
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/kvm.h"
#include "models/x86/emulator/operands.h"
#include "models/x86/emulator/unicorn.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace rflags = insn::rflags;
using insn::OutcomeKind;

constexpr u64 kSingleStep = 1 << 14;  // DR6.BS

// The state a fault goes back to.
class Snapshot {
 public:
  explicit Snapshot(const Machine& m) {
    std::copy_n(m.v.begin() + insn::kFirstState, insn::kStateWords, saved_.begin());
    exponents_ = m.st_exponent;
  }
  void restore(Machine& m) {
    if (m.keeps_tr)
      for (const unsigned slot : {insn::TrSelector, insn::TrBase, insn::TrLimit, insn::TrAttr})
        saved_[slot - insn::kFirstState] = m.v[slot];
    std::copy_n(saved_.begin(), insn::kStateWords, m.v.begin() + insn::kFirstState);
    m.st_exponent = exponents_;
  }
  // Progress of a repeated instruction. Status flags go back to before it (SDM 2B "REP").
  void keep_progress(const Machine& m) {
    for (const unsigned slot : {insn::Rax, insn::Rcx, insn::Rsi, insn::Rdi})
      saved_[slot - insn::kFirstState] = m.v[slot];
    if (m.quirk(Quirk::BochsRepFlags) || m.quirk(Quirk::UnicornFaultFlags))
      saved_[insn::Rflags - insn::kFirstState] = m.v[insn::Rflags];
  }

 private:
  std::array<u64, insn::kStateWords> saved_;
  std::array<u16, 8> exponents_;
};

// ---- breakpoints (SDM 3B 17.2)

struct Breakpoint {
  bool enabled, executes, plain;
};
Breakpoint breakpoint(u64 dr7, unsigned n) {
  const u64 control = dr7 >> (16 + 4 * n) & 15;
  return {(dr7 >> 2 * n & 3) != 0, (control & 3) == 0, control >> 2 == 0};
}

// An instruction breakpoint at RIP; data and I/O breakpoints are not modelled.
void check_breakpoints(Machine& m) {
  const u64 dr7 = m.v[insn::Dr7], rip = m.v[insn::Rip];
  if ((dr7 & 0xff) == 0) return;
  const u64 linear = m.code64() ? rip : (m.v[insn::CsBase] + rip) & 0xffffffff;
  u64 hit = 0;
  for (unsigned n = 0; n < 4; ++n) {
    const Breakpoint b = breakpoint(dr7, n);
    if (!b.enabled) continue;
    if (!b.executes || !b.plain) return m.cannot_judge("data_breakpoint");
    if (m.v[insn::Dr0 + n] == linear) hit |= u64{1} << n;
  }
  if (hit != 0 && !m.flag(rflags::RF) && m.v[insn::Shadow] != 2) m.raise_debug(hit, Cause::Breakpoint, false);
}

// SDM 3B 21.3.2: a virtual interrupt that becomes pending is #GP; when, depends on how it came to that.
void check_virtual_interrupt(Machine& m) {
  const bool virtual_mode = m.virtual_8086() && m.cr4(insn::cr4::VME);
  const bool watched = virtual_mode || (m.cr4(insn::cr4::PVI) && m.cpl() == 3);  // of virtual-8086 mode CPL 3, too
  if (watched && m.flag(rflags::VIF) && m.flag(rflags::VIP)) m.cannot_judge("virtual_interrupt_pending");
}

// ---- fetch and decode

void refuse(Machine& m, DecodeStatus status, const Instruction& i, const Fault& fetch_fault) {
  switch (status) {
    case DecodeStatus::Ok:
      return;
    case DecodeStatus::NeedsMore:
      if (m.ok()) m.fault = fetch_fault;
      return;
    case DecodeStatus::TooLong:
      return m.general_protection(Cause::InstructionLength);
    case DecodeStatus::Undefined:
      return m.kvm() ? kvm_refuse(m, status, i) : m.undefined_opcode(Cause::Opcode);
    case DecodeStatus::WrongWidth:
      return m.kvm() ? kvm_refuse(m, status, i) : m.undefined_opcode(Cause::ModeOfOpcode);
  }
}

// A page at a time: a fetch sets accessed bits, so nothing is fetched that the instruction does not need.
void fetch_and_decode(Machine& m, Instruction& i) {
  std::array<u8, kLongestInstruction> bytes;
  const std::span<u8> all = bytes;
  std::size_t n = 0;
  Fault fetch_fault;
  DecodeStatus status = DecodeStatus::NeedsMore;
  while (status == DecodeStatus::NeedsMore && !fetch_fault.raised) {
    if (n != 0 && m.quirk(Quirk::UnicornUndefinedFirst)) unicorn_refuse(m, all, n);
    n += m.fetch(m.v[insn::Rip] + n, all.subspan(n), fetch_fault);
    if (!m.ok()) return;
    if (!fetch_fault.raised) status = decode(decode_mode(m), all.first(n), i);
  }
  if (status != DecodeStatus::NeedsMore) {
    if (m.decoded == 0) m.decoded = pack(summary_of(i, status == DecodeStatus::Ok));
    m.last_opcode = static_cast<u16>(i.map << 8 | i.opcode);
  }
  refuse(m, status, i, fetch_fault);
}

Handler handler_of(const Machine& m, const Instruction& i) {
  return m.quirks.any() ? unicorn_handler(m, i) : i.row->handler;
}

// ---- REP (SDM 2B)

u64 count_mask(const Machine& m, const Instruction& i) {
  return m.quirk(Quirk::RepRcxMask) ? ~u64{0} : mask_of(i.address_bytes);
}

// With a 32-bit address size CPUs disagree on the upper halves of the registers while no iteration is complete.
bool upper_halves_matter(const Machine& m, const Instruction& i) {
  return m.code64() && i.address_bytes == 4 && (m.v[insn::Rcx] | m.v[insn::Rsi] | m.v[insn::Rdi]) >> 32 != 0;
}

bool goes_on(const Machine& m, const Instruction& i) {
  if ((m.v[insn::Rcx] & count_mask(m, i)) == 0) return false;
  return !i.row->has(kStopsOnZf) || m.flag(rflags::ZF) == (i.rep == Rep::Repe);
}

void count_down(Machine& m, const Instruction& i) {
  set_register(m, i, 1, m.quirk(Quirk::RepRcxMask) ? 8 : i.address_bytes, m.v[insn::Rcx] - 1);
}

void single_step(Machine& m) { m.raise_debug(kSingleStep, Cause::SingleStep, true); }

void repeat(Machine& m, const Instruction& i, Snapshot& before, bool stepping, bool one_iteration) {
  if ((m.v[insn::Rcx] & count_mask(m, i)) == 0) {
    if (m.quirk(Quirk::BochsRepIo)) check_port(m, i);
    if (!m.ok()) return;
    m.upper_halves_open = upper_halves_matter(m, i);
    if (stepping) single_step(m);
    return;
  }
  for (unsigned n = 0; n < kMostIterations; ++n) {
    const bool open = n == 0 && upper_halves_matter(m, i);
    handler_of(m, i)(m, i);
    if (!m.ok()) {
      m.upper_halves_open = open && m.fault.raised;
      return;
    }
    count_down(m, i);
    const bool more = goes_on(m, i);
    if (more && (stepping || one_iteration)) {
      m.next_rip = m.v[insn::Rip];
      m.rep_goes_on = true;
      if (m.quirk(Quirk::UnicornShadow) && m.v[insn::Shadow] != 0) m.new_shadow = 2;
      if (i.row->has(kStopsOnZf)) leave_undefined(m, Undefined::RepeatedCompare);
    }
    if (stepping) single_step(m);
    if (!more || stepping || one_iteration) return;
    before.keep_progress(m);
  }
  m.cannot_judge("rep_too_long");
}

// ---- after the instruction

// RFLAGS.TF at the start makes a trap at the end, but for the instructions that clear it on their way to a handler
// (SDM 3B 17.3.1.4) and those that load SS (SDM 3A 6.8.3).
void trap_if_stepping(Machine& m, const Instruction& i) {
  if (m.quirk(Quirk::UnicornPause) && i.row->handler == &xchg_or_nop && i.rep == Rep::Repe) return;
  if (m.new_shadow == 2 || i.row->handler == &int_n) return;
  if (i.row->handler == &syscall && !m.flag(rflags::TF)) return m.cannot_judge("syscall_under_tf");
  single_step(m);
}

void execute(Machine& m, const Instruction& i, Snapshot& before, bool one_iteration) {
  const bool stepping = m.flag(rflags::TF);
  m.had_rf = m.flag(rflags::RF);
  if (!unicorn_keeps_rf(m, i, stepping || one_iteration)) m.set_flag(rflags::RF, false);
  if (m.repeated) return repeat(m, i, before, stepping, one_iteration);
  handler_of(m, i)(m, i);
  if (stepping && m.has_ended && insn::kind_of(m.ended) == OutcomeKind::Halt) {
    m.has_ended = false;
    m.cannot_judge("halt_under_tf");
  }
  if (stepping && m.ok()) trap_if_stepping(m, i);
  if (stepping && m.fault.vector == insn::kDB && m.quirk(Quirk::BochsStep)) m.fault.payload |= kSingleStep;
}

bool is_undone(const Machine& m) {
  if (m.committed) return false;
  if (m.has_ended)
    return insn::kind_of(m.ended) != OutcomeKind::Halt && insn::kind_of(m.ended) != OutcomeKind::TripleFault;
  return m.fault.raised && !m.fault.trap;
}

}  // namespace

void step(Machine& m, bool one_iteration) {
  m.undefined_flags = 0;
  m.undefined_register = {};
  m.upper_halves_open = false;
  m.new_shadow = 0;
  m.rep_goes_on = m.committed = m.in_far_frame = m.narrow_stack = m.keeps_tr = m.flags_survive = false;
  m.override_base = insn::kSegments;
  m.walked.start_instruction();
  m.row = nullptr;
  m.repeated = false;
  m.next_rip = m.v[insn::Rip];
  check_breakpoints(m);
  check_virtual_interrupt(m);
  Instruction i;
  if (m.ok()) fetch_and_decode(m, i);
  if (!m.ok()) return;
  m.row = i.row;
  m.repeated = i.row->has(kString) && i.rep != Rep::None;
  m.last_reg = static_cast<u8>(i.reg());
  if (m.form == 0) m.form = form_of(i);
  m.next_rip += i.length;
  if (!m.code64()) m.next_rip &= 0xffffffff;
  if (m.quirks.any()) unicorn_check(m, i);
  m.quirk(Quirk::KvmCheckOrder) ? kvm_check(m, i) : check_instruction(m, i);
  if (!m.ok()) return;
  if (m.quirks.any()) unicorn_begin(m, i);
  Snapshot before(m);
  execute(m, i, before, one_iteration);
  if (is_undone(m)) {
    const u64 flags = m.v[insn::Rflags];
    before.restore(m);
    if (m.flags_survive) {
      m.v[insn::Rflags] = flags;
      return;
    }
    if (!m.fault.raised || m.fault.vector != insn::kDE) m.undefined_flags = 0;
    m.undefined_register = {};
    return;
  }
  m.v[insn::Rip] = m.next_rip;
  // Unicorn: of instructions that block, the second ends it.
  const bool ends = m.quirk(Quirk::UnicornShadow) && !m.rep_goes_on && m.v[insn::Shadow] != 0;
  m.v[insn::Shadow] = ends ? 0 : m.new_shadow;
}

bool carry_undefined(const Machine& m, Carried& carried) {
  if (m.row == nullptr) return true;
  if (carried.flags != 0 && m.row->has(kReadsFlags)) return false;
  const bool undone = m.fault.raised && !m.fault.trap;
  if (m.row->has(kSetsFlags) && !undone) carried.flags = 0;
  carried.flags |= m.undefined_flags;
  return true;
}

}  // namespace diffvisor::x86
