// SPDX-License-Identifier: Apache-2.0
// Command InsnStep: one instruction, or a few, from a whole CPU state. An entry with blocking by MOV SS under
// NMI-window exiting (SDM 3C 26.2, 27.7.1) runs exactly one instruction, unless that one blocks interrupts itself: then
// a CPUID behind it ends the step, and the blocking can be read.
#include "oracles/agent/insn_step.h"

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/vmx/fields.h"
#include "oracles/agent/insn_step_status.h"

namespace diffvisor::agent {
namespace {

using namespace insn;
using namespace step;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

enum ExitReason : u32 {
  kExceptionExit = 0,
  kTripleFaultExit = 2,
  kNmiWindowExit = 8,
  kCpuidExit = 10,
  kHltExit = 12,
  kDrAccessExit = 29,
  kIoExit = 30,
  kEptViolationExit = 48,
  kEptMisconfigurationExit = 49,
};
constexpr u32 kEntryFailure = u32{1} << 31;
constexpr u32 kBlockedByMovSs = 2;
constexpr unsigned kMostIterations = 4096;
constexpr unsigned kLongest = 15;      // bytes of an instruction
constexpr u8 kFence[] = {0x0f, 0xa2};  // CPUID leaves the guest in every mode and at every CPL

bool launched;

void enter_guest() {
  if (enter_step(launched) != 0) panic("VM entry with invalid controls");
  launched = true;
}

// ---- one case on its way

struct Run {
  const WireCase& c;
  WireResult& r;
  u64 rip;                           // of the step
  u64 shadow;                        // before the step
  u64 start_linear = 0, linear = 0;  // where the case's code and the step's are
  unsigned address_bytes = 0;        // of the step, without prefix
  u64 steps = 0;                     // completed
  bool done = false;                 // `r` says how
  bool state_is_saved = false;
  bool shadow_is_known = true;  // all steps were of the case's code bytes
};

void fail(Run& run, StepStatus status) {
  run.r.status = static_cast<u32>(status);
  run.done = true;
}

void fail(Run& run, StepStatus status, u32 reason) {
  fail(run, status);
  run.r.record[0] = reason;
  run.r.record[1] = vmread(kQualification);
}

void define(WireResult& r, unsigned slot) { r.defined[slot / 64] |= bit(slot % 64); }
void define(WireResult& r, unsigned slot, u64 value) {
  r.record[slot] = value;
  define(r, slot);
}

template <unsigned kFirst, unsigned kEnd>
void define_range(WireResult& r) {
  constexpr auto kBelow = [](unsigned slot, unsigned w) {
    return slot >= 64 * (w + 1) ? ~u64{0} : slot <= 64 * w ? 0 : bit(slot % 64) - 1;
  };
#pragma GCC unroll 4
  for (unsigned w = 0; w < 4; ++w) r.defined[w] |= kBelow(kEnd, w) & ~kBelow(kFirst, w);
}

void end(Run& run, OutcomeKind kind, u32 number = 0) {
  run.r.outcome = make_outcome(kind, number);
  run.done = true;
}

// ---- the code of a step

// Offset of the step's first byte in the case's code, or what is too large.
u64 code_offset(const Run& run) { return run.linear - run.start_linear; }
bool is_in_code(const Run& run) { return code_offset(run) < run.c.code_bytes; }

unsigned address_bytes() {
  const u64 cs = vmread(kGuestCsAr);
  if ((cs & bit(attr::L)) != 0 && (vmread(kGuestEfer) & bit(efer::LMA)) != 0) return 8;
  return (cs & bit(attr::DB)) != 0 ? 4 : 2;
}

u64 linear_rip(unsigned address_bytes) {
  const u64 linear = vmread(kGuestCsBase) + vmread(kGuestRip);
  return address_bytes == 8 ? linear : linear & 0xffffffff;
}

void look_where_it_is(Run& run) {
  run.address_bytes = address_bytes();
  run.linear = linear_rip(run.address_bytes);
}

// The bytes of a step: the case's own, or those that the guest's tables lead to, up to the end of their page.
struct Code {
  u64 address = kNowhere;  // guest-physical
  const u8* first = nullptr;
  unsigned bytes = 0;
  bool is_whole = false;  // whatever instruction it is, all of it is here
};

Code code_of(const Run& run) {
  if (is_in_code(run)) {
    const u64 from = code_offset(run);
    return {run.c.v[CodeAddress] + from, run.c.code + from, static_cast<unsigned>(kMostCode - from), true};
  }
  const u64 address = physical_of(run.linear);
  if (address >= insn::kRamEnd) return {};
  const auto bytes = static_cast<unsigned>(insn::kPage - address % insn::kPage);
  return {address, ram(address), bytes, bytes >= kLongest};
}

Decoded shape_of(const Run& run, const Code& code) { return decode_shape(code.first, code.bytes, run.address_bytes); }

// ---- controls that differ from step to step; each is written when it changes

u64 window_controls, plain_controls, controls_now, bitmap_now;  // as the VMCS begins: 0

void set_controls(u64 controls) {
  if (controls != controls_now) vmwrite(kProcessorControls, controls);
  controls_now = controls;
}

void set_bitmap(bool deliver) {
  const u64 bitmap = deliver ? 0 : 0xffffffff;
  if (bitmap != bitmap_now) vmwrite(kExceptionBitmap, bitmap);
  bitmap_now = bitmap;
}

// ---- the end of a step

void complete(Run& run, u64 shadow) {
  ++run.steps;
  run.shadow = shadow;
  run.rip = vmread(kGuestRip);
}

void end_with_exception(Run& run) {
  const u32 vector = static_cast<u32>(vmread(kIntrInfo)) & 0xff;
  // The real CR0.NE is 1.
  if (vector == kMF && (run.c.v[Cr0] & bit(cr0::NE)) == 0) return fail(run, StepStatus::NeHidden);
  if (has_error_code(vector)) define(run.r, kErrorCode, vmread(kIntrError));
  if (vector == kPF || vector == kDB) define(run.r, kPayload, vmread(kQualification));
  end(run, OutcomeKind::Exception, vector);
}

// SDM 3C table 28-5.
struct Port {
  u64 qualification;
  bool in() const { return (qualification & bit(3)) != 0; }
  bool string() const { return (qualification & bit(4)) != 0; }
  bool repeated() const { return (qualification & bit(5)) != 0; }
  u64 bytes() const { return (qualification & 7) + 1; }
};

void end_with_port_access(Run& run, Port p) {
  define(run.r, kPort, (p.qualification >> 16 & 0xffff) | p.bytes() << 16 | u64{p.in()} << 24 | u64{p.string()} << 25);
  if (!p.in()) define(run.r, kPortValue, step_registers[0] & (bit(static_cast<unsigned>(8 * p.bytes())) - 1));
  end(run, OutcomeKind::PortAccess);
}

void end_with_halt(Run& run) {
  vmwrite(kGuestRip, vmread(kGuestRip) + vmread(kInstructionLength));
  end(run, OutcomeKind::Halt);
}

void port_access(Run& run, Port p);

void finish(Run& run, u32 reason) {
  if ((reason & kEntryFailure) != 0) return fail(run, StepStatus::EntryFailed, reason);
  switch (reason) {
    case kExceptionExit:
      return end_with_exception(run);
    case kTripleFaultExit:
      return end(run, OutcomeKind::TripleFault);
    case kHltExit:
      return end_with_halt(run);
    case kIoExit:
      return port_access(run, Port{vmread(kQualification)});
    case kEptViolationExit:
      return fail(run, StepStatus::NoMemory);
    case kEptMisconfigurationExit:
      panic("EPT misconfiguration");
    default:
      return fail(run, StepStatus::Intercepted, reason);
  }
}

// ---- instruction breakpoints (SDM 3B 18.3.1.1): a fault before the instruction, which blocking by MOV SS suppresses

constexpr u64 kBreakpointBits = 0xf;

// Those of DR0 to DR3 that are enabled for execution and name `linear`.
u64 matching_breakpoints(u64 dr7, u64 linear) {
  u64 matching = 0;
  const u64 dr[] = {read_dr0(), read_dr1(), read_dr2(), read_dr3()};
  for (unsigned i = 0; i < 4; ++i) {
    const bool enabled = (dr7 >> 2 * i & 3) != 0, execution = (dr7 >> (16 + 4 * i) & 3) == 0;
    if (enabled && execution && dr[i] == linear) matching |= bit(i);
  }
  return matching;
}

// Bochs reports the breakpoint of the following instruction at the end of this one.
bool is_next_breakpoint(const Run& run, u32 reason) {
  if (reason != kExceptionExit || (run.c.v[Dr7] & 0xff) == 0) return false;
  const u64 rip = vmread(kGuestRip);
  if ((vmread(kIntrInfo) & 0xff) != kDB || rip == run.rip) return false;
  const u64 seen = vmread(kQualification);
  return (seen & ~matching_breakpoints(vmread(kGuestDr7), linear_rip(address_bytes()))) == 0;
}

// ---- steps

u32 enter(const Run& run, u64 controls, u64 interruptibility) {
  for (;;) {
    constexpr u64 kMovDr = bit(vmx::proc::MOVDR);
    set_controls(debug_addresses_are_loaded() ? controls : controls | kMovDr);
    vmwrite(kInterruptibility, interruptibility);
    enter_guest();
    const u32 reason = static_cast<u32>(vmread(kReason));
    if (reason != kDrAccessExit) return reason;
    load_debug_addresses(run.c);
  }
}

u32 enter_blocked(const Run& run) { return enter(run, window_controls, kBlockedByMovSs); }

void ordinary_step(Run& run, bool code_is_known) {
  const u32 reason = enter_blocked(run);
  if (reason != kNmiWindowExit && !is_next_breakpoint(run, reason)) return finish(run, reason);
  if (!code_is_known) {
    if (vmread(kGuestRip) == run.rip) return fail(run, StepStatus::CodeElsewhere);
    run.shadow_is_known = false;
  }
  complete(run, 0);
}

// Other code for the time of a step.
class OtherCode {
 public:
  OtherCode(u8* at, u8 first, u8 second) : at_(at), old_{at[0], at[1]} { put(first, second); }
  ~OtherCode() { put(old_[0], old_[1]); }
  OtherCode(const OtherCode&) = delete;
  OtherCode& operator=(const OtherCode&) = delete;

 private:
  void put(u8 first, u8 second) {
    at_[0] = first;
    at_[1] = second;
  }
  u8* at_;
  u8 old_[2];
};

// MOV SS blocks nothing when it is blocked itself, so it has to start without.
u32 enter_before_ss_load(const Run& run) { return enter(run, plain_controls, run.shadow); }

// With paging the next page may be any other.
bool can_be_fenced(u64 behind) {
  if (behind + sizeof kFence > insn::kRamEnd) return false;
  const bool same_page = (behind - 1) / insn::kPage == (behind + sizeof kFence - 1) / insn::kPage;
  return same_page || (vmread(kGuestCr0) & bit(cr0::PG)) == 0;
}

void blocking_step(Run& run, const Code& code, const Decoded& d) {
  const u64 behind = code.address + d.length;
  if (!can_be_fenced(behind)) return fail(run, StepStatus::ShadowUnknown);
  const bool loads_ss = d.shape == Shape::LoadsSs, deliver = run.c.v[Deliver] != 0;
  // A fault of the fence is not the step's.
  set_bitmap(false);
  u32 reason;
  {
    const OtherCode fence(ram(behind), kFence[0], kFence[1]);
    reason = loads_ss ? enter_before_ss_load(run) : enter_blocked(run);
  }
  const u64 rip = vmread(kGuestRip);
  const bool behind_it = rip == run.rip + d.length;
  if (reason == kCpuidExit && behind_it) return complete(run, vmread(kInterruptibility) & 3);
  if (reason == kNmiWindowExit) return complete(run, 0);
  if (deliver && reason == kExceptionExit && !behind_it) {
    set_bitmap(true);
    return ordinary_step(run, true);
  }
  if (reason == kExceptionExit && behind_it && (vmread(kIntrInfo) & 0xff) != kDB)
    return fail(run, StepStatus::ShadowUnknown);
  finish(run, reason);
}

// ---- REP

// A page fault on the instruction itself.
bool is_fault_of_fetch(const Run& run, u32 reason) {
  return reason == kExceptionExit && (vmread(kIntrInfo) & 0xff) == kPF &&
         vmread(kQualification) - run.linear < kLongest;
}

bool can_trap() { return (vmread(kGuestRflags) & bit(rflags::TF)) != 0 || (vmread(kGuestDr7) & 0xff) != 0; }

// The guest will fetch the bytes of `code`: no earlier step has written over them, no table leads elsewhere.
bool is_fetched(const Run& run, const Code& code, unsigned bytes) {
  const u64 last = bytes - 1;
  if (physical_of(run.linear) != code.address || physical_of(run.linear + last) != code.address + last) return false;
  for (unsigned i = 0; i < bytes; ++i)
    if (ram(code.address)[i] != code.first[i]) return false;
  return true;
}

// RIP does not wrap before the end of a fence.
bool has_room_behind(const Run& run, unsigned length) {
  const u64 most = ~u64{0} >> (64 - 8 * run.address_bytes);
  return run.rip <= most && most - run.rip >= length + sizeof kFence;
}

// CMPS and SCAS end by ZF too: when the last REP prefix does not want it.
bool is_ended_by_zf(const Code& code, const Decoded& d) {
  const u8 opcode = code.first[d.opcode_at] & 0xfe;
  if (opcode != 0xa6 && opcode != 0xae) return false;
  unsigned i = d.opcode_at - 1;
  while ((code.first[i] & 0xfe) != 0xf2) --i;
  return ((vmread(kGuestRflags) & bit(rflags::ZF)) != 0) == (code.first[i] == 0xf2);
}

// How many of the `count` iterations can be run up to a fence; 0 if it is not worth it. All else would run on and on.
u64 iterations_at_one_go(const Run& run, const Code& code, const Decoded& d, u64 count) {
  constexpr u64 kWorthwhile = 16;
  const u64 most = count < kMostIterations ? count : kMostIterations - 1;
  const bool port = code.first[d.opcode_at] < 0xa4;
  if (most < kWorthwhile || port || run.c.v[RepOne] != 0 || can_trap()) return 0;
  if (!has_room_behind(run, d.length) || !can_be_fenced(code.address + d.length)) return 0;
  if (!is_fetched(run, code, d.length)) return 0;
  return keeps_to_its_data(code.first, d, run.address_bytes, run.linear, most) ? most : 0;
}

// Says how many it has done. What stopped it, unless the instruction is complete, will stop the next iteration too.
u64 repeat_to_fence(Run& run, const Code& code, const Decoded& d) {
  const u64 mask = count_mask(d), count = step_registers[1] & mask;
  const u64 wanted = iterations_at_one_go(run, code, d, count);
  if (wanted == 0) return 0;
  step_registers[1] ^= count ^ wanted;
  set_bitmap(false);
  {
    const OtherCode fence(ram(code.address + d.length), kFence[0], kFence[1]);
    enter(run, plain_controls, kBlockedByMovSs);
  }
  set_bitmap(run.c.v[Deliver] != 0);
  const u64 left = step_registers[1] & mask;
  step_registers[1] ^= left ^ (left + count - wanted);
  if (vmread(kGuestRip) == run.rip) return wanted - left;
  if (left == 0 && wanted != count && !is_ended_by_zf(code, d)) {
    vmwrite(kGuestRip, run.rip);
  } else {
    complete(run, 0);
  }
  return wanted - left;
}

// The instruction's bytes at the beginning, to see whether an iteration writes over them.
class CodeBytes {
 public:
  CodeBytes(const Code& code, unsigned length) : now_(ram(code.address)), length_(length) {
    for (unsigned i = 0; i < length_; ++i) before_[i] = now_[i];
  }
  bool changed() const {
    for (unsigned i = 0; i < length_; ++i)
      if (now_[i] != before_[i]) return true;
    return false;
  }

 private:
  const u8* now_;
  unsigned length_;
  u8 before_[kLongest];
};

// Bochs 2.7 leaves after each iteration when anything is pending, and the next entry fetches the instruction anew: from
// an iteration on that takes its page away or writes over it, that happens here alone.
void repeated_step(Run& run, const Code& code, const Decoded& d) {
  const bool one = run.c.v[RepOne] != 0;
  const u64 steps = run.steps, done = repeat_to_fence(run, code, d);
  if (run.steps != steps) return;
  const CodeBytes bytes(code, d.length);
  for (u64 i = done; i < kMostIterations; ++i) {
    if (i != 0 && bytes.changed()) return fail(run, StepStatus::CodeElsewhere);
    const u32 reason = enter_blocked(run);
    if (i != 0 && is_fault_of_fetch(run, reason)) return fail(run, StepStatus::CodeElsewhere);
    if (reason != kNmiWindowExit && !is_next_breakpoint(run, reason)) return finish(run, reason);
    if (one || vmread(kGuestRip) != run.rip) return complete(run, 0);
  }
  fail(run, StepStatus::RepTooLong);
}

// ---- INS and OUTS: the exit comes before their count and their memory are looked at

u64 repetitions() {
  const u64 address_size = vmread(kInstructionInfo) >> 7 & 7, count = step_registers[1];
  return address_size == 0 ? count & 0xffff : address_size == 1 ? count & 0xffffffff : count;
}

// 66 in front of an opcode, out of the way for the time of a step: a null segment prefix of 64-bit mode.
class NoOperandPrefix {
 public:
  explicit NoOperandPrefix(u8* code, unsigned prefixes) : code_(code), prefixes_(prefixes) { swap(0x66, 0x3e); }
  ~NoOperandPrefix() { swap(0x3e, 0x66); }
  NoOperandPrefix(const NoOperandPrefix&) = delete;
  NoOperandPrefix& operator=(const NoOperandPrefix&) = delete;

 private:
  void swap(u8 from, u8 to) {
    for (unsigned i = 0; i < prefixes_; ++i) {
      const bool mine = to == 0x66 ? (was_ >> i & 1) != 0 : code_[i] == from;
      if (!mine) continue;
      code_[i] = to;
      was_ |= 1u << i;
    }
  }
  u8* code_;
  unsigned prefixes_, was_ = 0;
};

// STOS and LODS touch the same memory in the same way, without REX.W: no port takes 8 bytes.
u32 enter_substitute(const Run& run, const Decoded& d) {
  u8* const opcode = ram(run.c.v[CodeAddress] + code_offset(run) + d.opcode_at);
  const u8 substitute = static_cast<u8>((opcode[0] < 0x6e ? 0xaa : 0xac) | (opcode[0] & 1));
  const bool wide = run.address_bytes == 8 && d.opcode_at != 0 && (opcode[-1] & 0xf8) == 0x48;
  if (!wide) {
    const OtherCode other(opcode, substitute, opcode[1]);
    return enter_blocked(run);
  }
  const NoOperandPrefix four_bytes(opcode - d.opcode_at, d.opcode_at);
  const OtherCode other(opcode - 1, static_cast<u8>(opcode[-1] & ~8), substitute);
  return enter_blocked(run);
}

void string_access(Run& run, Port p) {
  if (!is_in_code(run)) return fail(run, StepStatus::CodeElsewhere);
  const Decoded d = shape_of(run, code_of(run));
  save_state(run.c, run.r);
  reload_fpu();
  run.state_is_saved = true;
  set_bitmap(false);
  const u32 reason = enter_substitute(run, d);
  if (reason == kNmiWindowExit || (reason == kExceptionExit && (vmread(kIntrInfo) & 0xff) == kDB))
    return end_with_port_access(run, p);
  if (reason == kIoExit) return fail(run, StepStatus::CodeElsewhere);
  if (reason != kExceptionExit || run.c.v[Deliver] == 0) return finish(run, reason);
  set_bitmap(true);
  run.state_is_saved = false;
  if (const u32 delivery = enter_substitute(run, d); delivery != kNmiWindowExit) return finish(run, delivery);
  complete(run, 0);
}

void port_access(Run& run, Port p) {
  if (!p.string()) return end_with_port_access(run, p);
  if (!p.repeated() || repetitions() != 0) return string_access(run, p);
  constexpr u64 kUnconditionalIo = bit(vmx::proc::UNCONDIO);
  if (const u32 reason = enter(run, window_controls & ~kUnconditionalIo, kBlockedByMovSs); reason != kNmiWindowExit)
    return finish(run, reason);
  complete(run, 0);
}

// An entry that is not blocked takes the breakpoint before it leaves for the NMI window.
bool stops_at_breakpoint(Run& run) {
  if ((run.c.v[Dr7] & 0xff) == 0 || (run.shadow & kBlockedByMovSs) != 0) return false;
  const u32 reason = enter(run, window_controls, 0);
  if (reason == kNmiWindowExit && vmread(kGuestRip) == run.rip) return false;
  if (reason == kNmiWindowExit) {
    complete(run, 0);
  } else {
    finish(run, reason);
  }
  return true;
}

void one_step(Run& run) {
  set_bitmap(run.c.v[Deliver] != 0);
  if (stops_at_breakpoint(run)) return;
  const Code code = code_of(run);
  const Decoded d = shape_of(run, code);
  switch (d.shape) {
    case Shape::Ordinary:
      return ordinary_step(run, code.is_whole);
    case Shape::Repeated:
      return repeated_step(run, code, d);
    case Shape::LoadsSs:
      if ((run.shadow & kBlockedByMovSs) != 0) return ordinary_step(run, true);
      return blocking_step(run, code, d);
    case Shape::Sti:
      // A trap behind it that is delivered ends the blocking.
      if (run.c.v[Deliver] != 0 && (vmread(kGuestRflags) & bit(rflags::TF)) != 0) return ordinary_step(run, true);
      return blocking_step(run, code, d);
  }
}

// An entry finds CPL in SS, Bochs in CS: they are not the same between leaving real mode and loading CS.
bool hides_cpl() {
  if ((vmread(kGuestCr0) & bit(cr0::PE)) == 0 || (vmread(kGuestRflags) & bit(rflags::VM)) != 0) return false;
  return (vmread(kGuestCsSelector) & 3) != (vmread(kGuestSsAr) >> attr::DPL & 3);
}

void run_steps(Run& run) {
  look_where_it_is(run);
  run.start_linear = run.linear;
  one_step(run);
  while (!run.done && run.steps <= run.c.v[ExtraSteps]) {
    look_where_it_is(run);
    if (hides_cpl()) return fail(run, StepStatus::CplHidden);
    one_step(run);
  }
  if (!run.done) end(run, OutcomeKind::Done);
}

// ---- records

void define_record(const Run& run) {
  WireResult& r = run.r;
  constexpr unsigned kRflagsAt = Rflags - kFirstState, kShadowAt = Shadow - kFirstState;
  define(r, kSteps, run.steps);
  const OutcomeKind kind = kind_of(r.outcome);
  if (kind == OutcomeKind::TripleFault) return;
  define_range<0, kStateWords>(r);
  const bool probed = kind == OutcomeKind::PortAccess && (r.record[kPort] & bit(25)) != 0;
  if (!probed) define_range<kMemoryCount, kMemoryAddress + 2 * kMemoryShown>(r);
  r.record[kShadowAt] = run.shadow;
  if (kind != OutcomeKind::Done || !run.shadow_is_known) r.defined[kShadowAt / 64] &= ~bit(kShadowAt % 64);
  if (kind == OutcomeKind::Exception || kind == OutcomeKind::Halt) r.record[kRflagsAt] &= ~bit(rflags::RF);
  // A fetch has cleared it by then.
  if (kind == OutcomeKind::PortAccess && run.steps == 0) r.record[kRflagsAt] |= run.c.v[Rflags] & bit(rflags::RF);
}

StepStatus status_of(Loaded l) { return l == Loaded::NoMemory ? StepStatus::NoMemory : StepStatus::PdpteReserved; }

void run_case(const WireCase& c, WireResult& r) {
  r.status = static_cast<u32>(StepStatus::Ran);
  for (u64& word : r.defined) word = 0;
  write_memory(c);
  if (const Loaded l = load_state(c); l != Loaded::Ok) {
    r.status = static_cast<u32>(status_of(l));
    return collect_changes(r);
  }
  Run run{c, r, c.v[Rip], c.v[Shadow]};
  run_steps(run);
  if (r.status != static_cast<u32>(StepStatus::Ran)) {
    WireResult unused;
    save_state(c, unused);
    return collect_changes(unused);
  }
  if (!run.state_is_saved) save_state(c, r);
  collect_changes(r);
  define_record(run);
}

bool prepare() {
  if (!enter_vmx_operation()) return false;
  if (window_controls != 0) return true;
  using namespace vmx;
  build_memory();
  build_vmcs();
  plain_controls =
      allowed_control(1, 1u << proc::HLT | 1u << proc::MWAIT | 1u << proc::RDPMC | 1u << proc::RDTSC |
                             1u << proc::UNCONDIO | 1u << proc::MSRBM | 1u << proc::MONITOR | 1u << proc::SECONDARY);
  window_controls = plain_controls | 1u << proc::NMIWIN;
  return true;
}

}  // namespace

Answer run_insn_step(const void* input, void* output, u32 count, volatile u32* cursor) {
  if (!prepare()) return Answer::NoVmx;
  const WireCase* cases = static_cast<const WireCase*>(input) + 1;
  WireResult* results = static_cast<WireResult*>(output);
  begin_batch();
  for (u32 i = 0; i < count; ++i) {
    *cursor = i;
    run_case(cases[i], results[i]);
  }
  end_batch();
  return Answer::Done;
}

}  // namespace diffvisor::agent
