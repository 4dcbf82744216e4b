// SPDX-License-Identifier: Apache-2.0
// One case: its instructions one by one, and what is reported of them.
#include <algorithm>

#include "harness/arch/insn/schema.h"
#include "oracles/unicorn/cpu_state.h"
#include "oracles/unicorn/engine.h"
#include "oracles/unicorn/linear_map.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u64 kMostRepeats = 4096;
constexpr unsigned kMostInstruction = 15;
// Not canonical, and on page 0 where only 32 bits count.
constexpr u64 kNowhere = (u64{1} << 60) + 1;
constexpr std::size_t kRcx = at::kRegs + 8, kDr6 = at::kDr + 48, kCr2 = at::kCr + 16;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

bool has_trap_flag(const Context& c) { return c.get<u64>(at::kEflags) >> rflags::TF & 1; }

// What the count register of a string instruction holds of RCX.
u64 count_mask_of(const Opcode& o, const Context& c) {
  const CodeSize size = code_size(c);
  if (size == CodeSize::k64) return o.address_size ? 0xffffffff : ~u64{0};
  return (size == CodeSize::k32) != o.address_size ? 0xffffffff : 0xffff;
}

// POPF and IRET load TF, so that afterwards it is not ours.
bool loads_trap_flag(const Opcode& o) { return o.is(Opcode::kOneByte, 0x9d) || o.is(Opcode::kOneByte, 0xcf); }

// Linear, but not cut to 32 bits: Unicorn's translator does not either.
u64 behind(const Opcode& o, const Context& c) { return cs_base(c) + c.get<u64>(at::kEip) + o.length; }

bool is_canonical(u64 linear, const u64* v) {
  const unsigned sign = v[Cr4] >> cr4::LA57 & 1 ? 56 : 47;
  const auto upper = static_cast<std::int64_t>(linear) >> sign;
  return upper == 0 || upper == -1;
}

void define(WireResult& r, unsigned slot, u64 value) {
  r.record[slot] = value;
  r.defined[slot / 64] |= bit(slot % 64);
}

}  // namespace

// ---- one instruction

Engine::Plan Engine::plan_repeat(const Opcode& o) const {
  Plan plan{true, behind(o, now_), 0};
  const u64 mask = count_mask_of(o, now_);
  if ((now_.get<u64>(kRcx) & mask) > kMostRepeats) plan.count_mask = mask;
  return plan;
}

Engine::Plan Engine::plan_step(const Opcode& o, bool rep_one) const {
  // Unicorn, too, puts the trap off by one instruction there.
  if (o.loads_ss()) return {true, behind(o, now_) + (o.byte == 0x8e ? o.operands : 0), 0};
  const bool pause = o.rep && o.is(Opcode::kOneByte, 0x90);  // loses the trap
  if (pause) return {true, behind(o, now_), 0};
  if (has_trap_flag(now_)) return {};
  if (o.is_string() && (o.rep || o.repne) && !rep_one) return plan_repeat(o);
  if (o.is(Opcode::kOneByte, 0x9c)) return {true, behind(o, now_), 0};
  if (o.is(Opcode::k0f, 0x07)) return {true, sysret_target(o, now_), 0};
  return {};
}

void Engine::note_code(u64 linear) {
  const u64 begin = linear & ~(kCodeBytes - 1);
  if (ram_behind(linear) && std::find(code_.begin(), code_.begin() + codes_, begin) == code_.begin() + codes_)
    code_[codes_++] = begin;
}

void Engine::emulate(const Plan& plan) {
  const u64 flags = now_.get<u64>(at::kEflags), rcx = now_.get<u64>(kRcx);
  if (!plan.until_set) now_.put(at::kEflags, flags | bit(rflags::TF));
  if (plan.count_mask != 0) now_.put(kRcx, (rcx & ~plan.count_mask) | (kMostRepeats + 1));
  events_ = {};
  now_.put(at::kOldException, std::int32_t{-1});
  now_.restore_to(uc_);
  now_.put(at::kEflags, flags);
  now_.put(kRcx, rcx);
  const u64 fcw = now_.get<std::uint16_t>(at::kFpuc), mxcsr = now_.get<u32>(at::kMxcsr);
  if (fcw != kFreshFcw) uc_reg_write(uc_, UC_X86_REG_FPCW, &fcw);
  if (mxcsr != kFreshMxcsr) uc_reg_write(uc_, UC_X86_REG_MXCSR, &mxcsr);
  // "No end" is the end 0, and that is an address where code may lie.
  const bool at_zero = cs_base(now_) + now_.get<u64>(at::kEip) == 0;
  uc_emu_start(uc_, now_.get<u64>(at::kEip), plan.until_set ? plan.until : at_zero ? kNowhere : 0, 0, 0);
  after_.save_from(uc_);
}

Engine::Step Engine::judge_interrupt(const Opcode& o, const Plan& plan) {
  if (events_.vector == kDB && o.is(Opcode::kOneByte, 0xcd) && o.modrm == kDB) return {0, Limit::IntN};
  if (events_.is_int) {
    const bool own = o.is(Opcode::kOneByte, 0xcc) || o.is(Opcode::kOneByte, 0xce);
    if (!own) return {0, Limit::IntN};
    after_.put(at::kEip, now_.get<u64>(at::kEip));
    return {make_outcome(OutcomeKind::Exception, events_.vector)};
  }
  const bool is_next = plan.until_set && after_.get<u64>(at::kEip) != now_.get<u64>(at::kEip);
  const bool is_step = events_.vector == kDB && !has_trap_flag(now_);
  if (is_next || is_step) return {make_outcome(OutcomeKind::Done), limit_done(o, now_, after_)};
  const bool trap = events_.vector == kDB;
  const Limit limit = trap            ? limit_done(o, now_, after_)
                      : saved_task(o) ? Limit::TaskSwitch
                                      : limit_faulted(o, now_, after_);
  return {make_outcome(OutcomeKind::Exception, events_.vector), limit};
}

// A far transfer has stored where a TSS keeps the flags, which show our single-step flag.
bool Engine::saved_task(const Opcode& o) const {
  const bool far = o.map == Opcode::kOneByte && (o.byte == 0x9a || o.byte == 0xea || o.byte == 0xff || o.byte == 0xcf);
  if (!far) return false;
  const u64 task = now_.get<SegmentCache>(at::kTr).base;
  const auto is_flags = [task](u64 store) {
    return store == ((task + 0x24) & ~u64{7}) || store == ((task + 0x10) & ~u64{7});
  };
  return std::any_of(accesses_.stores().begin(), accesses_.stores().end(), is_flags);
}

// It stopped without an exception: at the address it was given, or halted.
Engine::Step Engine::judge_stop(const Opcode& o, const Plan& plan) {
  if (plan.until_set) return {make_outcome(OutcomeKind::Done), limit_done(o, now_, after_)};
  if (o.is(Opcode::kOneByte, 0xf4)) return {make_outcome(OutcomeKind::Halt)};
  if (const Limit limit = limit_done(o, now_, after_); limit != Limit::None) return {0, limit};
  return {0, Limit::StopUnknown};
}

// False if it would have gone on beyond the most repetitions.
bool Engine::restore_count(const Plan& plan) {
  if (plan.count_mask == 0) return true;
  const u64 left = after_.get<u64>(kRcx) & plan.count_mask, done = kMostRepeats + 1 - left;
  const u64 real = (now_.get<u64>(kRcx) - done) & plan.count_mask;
  after_.put(kRcx, (after_.get<u64>(kRcx) & ~plan.count_mask) | real);
  return left != 0;
}

Engine::Step Engine::judge(const Opcode& o, const Plan& plan) {
  if (events_.top_page) return {0, Limit::TopPage};
  if (events_.no_memory) return {0, Limit::NoMemory};
  const bool ended = restore_count(plan);
  if (events_.port) return {make_outcome(OutcomeKind::PortAccess)};
  if (events_.invalid_opcode && o.is(Opcode::k0f, 0x33)) return {0, Limit::Rdpmc};
  if (events_.invalid_opcode && o.is(Opcode::kOneByte, 0xcd)) return {0, Limit::IntN};
  if (events_.invalid_opcode) return {make_outcome(OutcomeKind::Exception, kUD)};
  if (!ended) return {0, Limit::RepTooLong};
  return events_.intr ? judge_interrupt(o, plan) : judge_stop(o, plan);
}

// Takes out of the state after what running it here put in.
void Engine::clean_state(const Opcode& o, const Plan& plan, OutcomeKind kind) {
  const bool trap = kind == OutcomeKind::Exception && events_.intr && events_.vector == kDB;
  const bool done = kind == OutcomeKind::Done || trap;
  if (!plan.until_set && !has_trap_flag(now_) && !(done && loads_trap_flag(o)))
    after_.put(at::kEflags, after_.get<u64>(at::kEflags) & ~bit(rflags::TF));
  if (!done || plan.until_set) after_.put(kCr2, now_.get<u64>(kCr2));
  // The stop behind it ended the blocking; a further instruction must see it.
  constexpr u32 kBlocked = 1u << hflag::INHIBIT_IRQ;
  if (done && o.loads_ss())
    after_.put(at::kHflags, after_.get<u32>(at::kHflags) | (~now_.get<u32>(at::kHflags) & kBlocked));
  const bool writes_dr6 = done && o.is(Opcode::k0f, 0x23) && (o.reg() & 5) == 4;
  if (writes_dr6) {
    const u64 value = now_.get<u64>(at::kRegs + 8 * o.rm_register());
    constexpr u64 kStepped = bit(14) | 0xf;  // what a single step writes over
    after_.put(kDr6, (after_.get<u64>(kDr6) & ~kStepped) | (value & kStepped));
  } else {
    after_.put(kDr6, now_.get<u64>(kDr6));
  }
}

Engine::Step Engine::run_step(const WireCase& c) {
  const u64 pc = linear_pc(now_);
  std::array<std::uint8_t, kMostInstruction> bytes;
  const std::size_t n = ram_.read_code(pc, bytes);
  opcode_ = scan_opcode(std::span(bytes).first(n), code_size(now_));
  if (const Limit limit = limit_before(opcode_, c.v, now_); limit != Limit::None) return {0, limit};
  const Plan plan = plan_step(opcode_, c.v[RepOne] != 0);
  last_pc_ = pc;
  note_code(pc);
  accesses_.note_page(pc);
  accesses_.note_page(pc + kMostInstruction - 1);
  ran_to_address_ = plan.until_set;
  if (plan.until_set) {
    fetched_for_stop_ |= (plan.until ^ pc) >= kPage;
    note_code(plan.until);
    accesses_.note_page(plan.until);
  }
  emulate(plan);
  const Step step = judge(opcode_, plan);
  clean_state(opcode_, plan, kind_of(step.outcome));
  paging_changed_ |= paging_of(now_) != paging_of(after_);
  return step;
}

// ---- a case

Engine::Step Engine::run_steps(const WireCase& c) {
  steps_ = 0;
  fetched_for_stop_ = false;
  paging_changed_ = false;
  for (;;) {
    const Step step = run_step(c);
    if (step.limit != Limit::None || kind_of(step.outcome) != OutcomeKind::Done) return step;
    if (++steps_ > c.v[ExtraSteps]) return step;
    now_ = after_;
  }
}

// Whether everything the case touched was what the page tables say.
Limit Engine::limit_of_pages(const WireCase& c, const Step& last) const {
  const Paging paging{c.v[Cr0], c.v[Cr3], c.v[Cr4], c.v[Efer]};
  if (accesses_.overflow() || (hooks_lost() && opcode_.is_string())) return Limit::ManyPages;
  if (!ram_.walks_known() && (c.v[ExtraSteps] != 0 || opcode_.is_string())) return Limit::Remapped;
  // A write that faults where reading is allowed may have read before.
  const bool page_fault = last.outcome == make_outcome(OutcomeKind::Exception, kPF) && (events_.error_code & 3) != 3;
  for (const u64 page : accesses_.pages()) {
    if (is_long(c.v[ModeOf]) && !is_canonical(page, c.v)) continue;  // faults before paging
    const auto place = ram_.place_of(paging, page);
    if (place == GuestRam::Place::NoTable) return Limit::NoMemory;
    if (page_fault && ((page ^ events_.cr2) & ~(kPage - 1)) == 0) continue;  // only its tables were touched
    if (place == GuestRam::Place::NoMemory) return Limit::NoMemory;
    if (place == GuestRam::Place::Elsewhere) return Limit::Remapped;
  }
  return Limit::None;
}

// An instruction that leaves RAM or stores to the page its code is in may be started again in its middle, and after
// that Unicorn calls no hooks.
bool Engine::hooks_lost() const {
  if (events_.no_memory) return true;
  const auto is_code = [this](u64 linear) {
    const auto ram = ram_behind(linear), code = ram_behind(last_pc_);
    return ram && code && ((*ram ^ *code) & ~(kPage - 1)) == 0;
  };
  return std::any_of(accesses_.stores().begin(), accesses_.stores().end(), is_code);
}

void Engine::report_memory(const WireCase& c, WireResult& out) {
  const Paging before{c.v[Cr0], c.v[Cr3], c.v[Cr4], c.v[Efer]};
  const auto changes = ram_.find_changes(accesses_, before, paging_changed_ || hooks_lost());
  define(out, kMemoryCount, changes.size());
  define(out, kMemoryDigest, memory_digest(changes.data(), changes.size()));
  for (unsigned i = 0; i < kMemoryShown; ++i) {
    define(out, kMemoryAddress + i, i < changes.size() ? changes[i].address : ~u64{0});
    define(out, kMemoryValue + i, i < changes.size() ? changes[i].value : ~u64{0});
  }
}

void Engine::report(const WireCase& c, const Step& last, WireResult& out) {
  const OutcomeKind kind = kind_of(last.outcome);
  const bool port = kind == OutcomeKind::PortAccess;
  out.outcome = last.outcome;
  read_state(port ? now_ : after_, c.v, out.record);
  out.defined[0] = ~u64{0};
  out.defined[1] |= bit(kStateWords - 64) - 1;
  static_assert(kStateWords > 64 && kStateWords < 128);
  constexpr unsigned kShadowAt = Shadow - kFirstState;
  if (opcode_.is(Opcode::kOneByte, 0xfb)) out.record[kShadowAt] = std::min<u64>(out.record[kShadowAt], 1);
  if (kind != OutcomeKind::Done || ran_to_address_) out.defined[kShadowAt / 64] &= ~bit(kShadowAt % 64);
  // INS stores a zero first, to see whether it may.
  if (fetched_for_stop_ || (port && opcode_.is_string()))
    for (unsigned slot = kMemoryCount; slot < kMemoryValue + kMemoryShown; ++slot)
      out.defined[slot / 64] &= ~bit(slot % 64);
  if (kind == OutcomeKind::Exception || kind == OutcomeKind::Halt) out.record[Rflags - kFirstState] &= ~bit(rflags::RF);
  define(out, kSteps, steps_);
  if (kind == OutcomeKind::Exception) {
    const unsigned vector = number_of(last.outcome);
    if (has_error_code(vector)) define(out, kErrorCode, events_.error_code);
    if (vector == kPF) define(out, kPayload, events_.cr2);
    if (vector == kDB) define(out, kPayload, bit(14));
  }
  if (port) {
    const bool string = opcode_.is_string();
    define(out, kPort, events_.port_word | (string ? bit(25) : 0));
    if (!string && (events_.port_word & bit(24)) == 0) define(out, kPortValue, events_.port_value);
  }
}

void Engine::run(const WireCase& c, WireResult& out) {
  for (u64& word : out.defined) word = 0;
  const bool other_cpu = c.v[CapGeneration] == k80286 || c.v[CapVendor] == kAmd;
  const Limit refused = other_cpu ? Limit::Profile : c.v[Deliver] != 0 ? Limit::Delivery : Limit::None;
  out.status = static_cast<u32>(refused);
  if (refused != Limit::None) return;
  recycle();
  prepare(c);
  const Step last = run_steps(c);
  softmmu_ = is_paged(c) || paging_changed_ ? Softmmu::Translated : Softmmu::Physical;
  report_memory(c, out);
  const Limit limit = last.limit != Limit::None ? last.limit : limit_of_pages(c, last);
  out.status = static_cast<u32>(limit);
  if (limit == Limit::None) {
    report(c, last, out);
  } else {
    for (u64& word : out.defined) word = 0;
  }
  if (steps_ > 1 || c.v[ExtraSteps] != 0) now_ = fresh_;
  ram_.unload();
}

}  // namespace diffvisor::unicorn
