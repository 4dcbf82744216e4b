// SPDX-License-Identifier: Apache-2.0
// The CPU between cases: start, hooks, and how nothing of one case is left for the next.
#include "oracles/unicorn/engine.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/insn/schema.h"
#include "harness/base/check.h"
#include "oracles/unicorn/cpu_state.h"
#include "oracles/unicorn/layout_proof.h"
#include "oracles/unicorn/linear_map.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

// Beyond every physical address a page table can name, and not canonical: no case gets there.
constexpr u64 kServicePage = bit(60);
constexpr u32 kRecycleAfter = 50000;               // cases; translations leave memory behind
constexpr std::size_t kPagingEnd = at::kEfer + 8;  // enough of a context to run a flush

// Bits that this library keeps and passes on to the translator, and does not use.
constexpr unsigned kEpochShift = 27;
constexpr u32 kLastEpoch = 31;

Engine& engine_of(void* self) { return *static_cast<Engine*>(self); }

template <class Function>
void* callback(Function* f) {
  return reinterpret_cast<void*>(f);
}

Result<void> check(uc_err e, const char* what) {
  if (e == UC_ERR_OK) return {};
  return fail(ErrorCode::Environment, "unicorn", fmt::format("{}: {}", what, uc_strerror(e)));
}

// 64-bit mode, usually at CPL 3, with every feature but POPCNT.
void set_proof_case(WireCase& c, bool supervisor) {
  c = {};
  c.v[CapMaxphyaddr] = 40;
  c.v[CapFeatures] = (bit(feature::kCount) - 1) & ~bit(feature::POPCNT);
  c.v[ModeOf] = kLong64;
  golden(c.v);
  if (!supervisor) {
    c.v[SsAttr] |= 0x60;
    c.v[CsAttr] |= 0x60;
  }
  c.v[Cr4] |= bit(cr4::PKE) | bit(cr4::OSXSAVE);
  c.v[Cr8] = 9;
  c.v[Ftw] = 0x5a;
  c.v[Fsw] = 0x2800;
  c.v[Pkru] = 0x12340;
  c.v[Xcr0] = 3;
  c.v[Rax] = kSelData;
  settle(c.v);
}

}  // namespace

// ---- hooks

void Engine::on_interrupt(uc_engine* uc, u32 vector, void* self) {
  Engine& e = engine_of(self);
  uc_emu_stop(uc);
  if (e.events_.intr) return;
  e.events_.intr = true;
  e.events_.vector = vector;
  if (vector == kDB) return;
  e.after_.set_size(at::kExceptionIsInt + 4);
  e.after_.save_from(uc);
  e.after_.set_size(at::kEnd);
  e.events_.error_code = e.after_.get<u32>(at::kErrorCode);
  e.events_.is_int = e.after_.get<u32>(at::kExceptionIsInt) != 0;
  e.events_.cr2 = e.after_.get<u64>(at::kCr + 16);
}

bool Engine::on_invalid_opcode(uc_engine*, void* self) {
  engine_of(self).events_.invalid_opcode = true;
  return false;
}

bool Engine::on_invalid_memory(uc_engine*, uc_mem_type, u64, int, std::int64_t, void* self) {
  engine_of(self).events_.top_page = true;
  return false;
}

void Engine::on_access(uc_engine*, uc_mem_type type, u64 address, int size, std::int64_t, void* self) {
  Accesses& a = engine_of(self).accesses_;
  if (type == UC_MEM_WRITE) {
    a.note_store(address, static_cast<unsigned>(size));
  } else {
    a.note(address, static_cast<unsigned>(size));
  }
}

u32 Engine::on_in(uc_engine* uc, u32 port, int size, void* self) {
  Events& e = engine_of(self).events_;
  if (!e.port) e.port_word = (port & 0xffff) | static_cast<u64>(size) << 16 | bit(24);
  e.port = true;
  uc_emu_stop(uc);
  return 0;
}

void Engine::on_out(uc_engine* uc, u32 port, int size, u32 value, void* self) {
  Events& e = engine_of(self).events_;
  if (!e.port) {
    e.port_word = (port & 0xffff) | static_cast<u64>(size) << 16;
    e.port_value = size == 4 ? value : value & ((1u << 8 * size) - 1);
  }
  e.port = true;
  uc_emu_stop(uc);
}

u64 Engine::on_no_memory_read(uc_engine* uc, u64, unsigned, void* self) {
  engine_of(self).events_.no_memory = true;
  uc_emu_stop(uc);
  return 0;
}

void Engine::on_no_memory_write(uc_engine* uc, u64, unsigned, u64, void* self) {
  engine_of(self).events_.no_memory = true;
  uc_emu_stop(uc);
}

// ---- start

Result<std::unique_ptr<Engine>> Engine::open() {
  if (auto proof = prove_layout(layout_probes()); !proof) return tl::unexpected<Error>(proof.error());
  std::unique_ptr<View> view = View::make();
  if (!view) return fail(ErrorCode::Environment, "unicorn", "no shared memory");
  std::unique_ptr<Engine> engine(new Engine(std::move(view)));
  engine->service_page_ = {static_cast<std::uint8_t*>(std::aligned_alloc(kPage, kPage)), &std::free};
  std::memset(engine->service_page_.get(), 0xf4, kPage);
  static constexpr std::uint8_t kMovToCr4[] = {0x0f, 0x22, 0xe0};
  std::memcpy(engine->service_page_.get(), kMovToCr4, sizeof kMovToCr4);
  if (auto done = engine->open_cpu(); !done) return tl::unexpected<Error>(done.error());
  if (auto done = engine->prove_behaviour(); !done) return tl::unexpected<Error>(done.error());
  return engine;
}

// What no register of the API shows: hflags, error codes, the kind of an exception, CR8, features.
Result<void> Engine::prove_behaviour() {
  struct Proof {
    const char* name;
    std::vector<std::uint8_t> code;
    Outcome outcome;
    unsigned record;
    u64 value;
    bool supervisor = false;
  };
  const auto exception = [](unsigned vector) { return make_outcome(OutcomeKind::Exception, vector); };
  const Outcome done = make_outcome(OutcomeKind::Done);
  const Proof proofs[] = {
      {"the CPL", {0xfa}, exception(kGP), kErrorCode, 0},
      {"error codes", {0x8e, 0xd0}, exception(kGP), kErrorCode, kSelData},
      {"page faults", {0x8b, 0x04, 0x25, 0x00, 0x00, 0x06, 0x00}, exception(kPF), kPayload, window(kAbsent)},
      {"the kind of an exception", {0xcc}, exception(kBP), Rip - kFirstState, kCode},
      {"CR8", {0x44, 0x0f, 0x20, 0xc1}, done, Rcx - kFirstState, 9, true},
      {"FTW", {0x90}, done, Ftw - kFirstState, 0x5a},
      {"TOP", {0xd9, 0xf7}, done, Fsw - kFirstState, 0x3000},
      {"PKRU", {0x0f, 0x01, 0xee}, done, Rax - kFirstState, 0x12340},
      {"XCR0", {0x0f, 0x01, 0xd0}, done, Rax - kFirstState, 3},
      {"features", {0xf3, 0x0f, 0xb8, 0xc2}, exception(kUD), Rip - kFirstState, kCode},
  };
  auto c = std::make_unique<WireCase>();
  auto r = std::make_unique<WireResult>();
  for (const Proof& p : proofs) {
    set_proof_case(*c, p.supervisor);
    c->code_bytes = static_cast<u32>(p.code.size());
    std::copy(p.code.begin(), p.code.end(), c->code);
    run(*c, *r);
    if (r->status != 0 || r->outcome != p.outcome || r->record[p.record] != p.value)
      return fail(ErrorCode::Environment, "unicorn", fmt::format("this build keeps {} elsewhere than 2.0.1", p.name));
    if (after_.get<u32>(at::kHflags) >> kEpochShift != epoch_)
      return fail(ErrorCode::Environment, "unicorn", "this build uses more bits of hflags than 2.0.1");
  }
  return {};
}

Engine::~Engine() { close_cpu(); }

void Engine::close_cpu() {
  if (uc_ != nullptr) uc_close(uc_);
  uc_ = nullptr;
}

// Every linear address must belong to some region, or Unicorn fails the access before it asks the page tables. What is
// not RAM is a device that says so, but for the last page, which cannot be part of one.
Result<void> Engine::map_memory() {
  u64 end = 0;
  const auto map = [&](u64 begin, std::uint8_t* host, u64 bytes) -> Result<void> {
    if (const u64 hole = begin - end; hole != 0) {
      const uc_err e = uc_mmio_map(uc_, end, hole, &on_no_memory_read, this, &on_no_memory_write, this);
      if (auto done = check(e, "uc_mmio_map"); !done) return done;
      if (auto done = check(uc_mem_protect(uc_, end, hole, UC_PROT_ALL), "uc_mem_protect"); !done) return done;
    }
    end = begin + bytes;
    return bytes == 0 ? Result<void>() : check(uc_mem_map_ptr(uc_, begin, bytes, UC_PROT_ALL, host), "uc_mem_map_ptr");
  };
  bool service = false;
  for (const u64 base : view_bases()) {
    if (base > kServicePage && !std::exchange(service, true))
      if (auto done = map(kServicePage, service_page_.get(), kPage); !done) return done;
    if (auto done = map(base, view_->bytes(), kViewBytes); !done) return done;
  }
  return map(0 - kPage, nullptr, 0);
}

Result<void> Engine::open_cpu() {
  if (auto done = check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc_), "uc_open"); !done) return done;
  if (auto done = map_memory(); !done) return done;
  add_hooks();
  const std::uint16_t fcw = kFreshFcw;
  const u32 mxcsr = kFreshMxcsr;
  uc_reg_write(uc_, UC_X86_REG_FPCW, &fcw);
  uc_reg_write(uc_, UC_X86_REG_MXCSR, &mxcsr);
  fresh_.save_from(uc_);
  if (fresh_.get<std::int32_t>(at::kOldException) != -1)
    return fail(ErrorCode::Environment, "unicorn", "this build keeps the exception in flight elsewhere than 2.0.1");
  fresh_.put(at::kCcOp, kCcOpEflags);
  fresh_.put(at::kA20Mask, ~u32{0});
  now_ = fresh_;
  service_ = fresh_;
  service_.set_size(kPagingEnd);
  service_.put(at::kCr, bit(cr0::PE) | bit(cr0::ET));
  service_.put(at::kEfer, bit(efer::LME) | bit(efer::LMA));
  service_.put(at::kEflags, u64{2} | bit(rflags::TF));
  service_.put(at::kHflags, u32{1u << hflag::PE | 1u << hflag::LMA | 1u << hflag::CS64 | 1u << hflag::CS32 |
                                1u << hflag::SS32 | 1u << hflag::SMAP});
  profile_[0] = profile_[1] = ~u64{0};
  softmmu_ = Softmmu::Nothing;
  codes_ = epoch_ = cases_ = 0;
  return {};
}

void Engine::add_hooks() {
  uc_hook h;
  uc_hook_add(uc_, &h, UC_HOOK_INTR, callback(&on_interrupt), this, 1, 0);
  uc_hook_add(uc_, &h, UC_HOOK_INSN_INVALID, callback(&on_invalid_opcode), this, 1, 0);
  uc_hook_add(uc_, &h, UC_HOOK_MEM_INVALID, callback(&on_invalid_memory), this, 1, 0);
  uc_hook_add(uc_, &h, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, callback(&on_access), this, 1, 0);
  uc_hook_add(uc_, &h, UC_HOOK_INSN, callback(&on_in), this, 1, 0, UC_X86_INS_IN);
  uc_hook_add(uc_, &h, UC_HOOK_INSN, callback(&on_out), this, 1, 0, UC_X86_INS_OUT);
}

// ---- between cases

// Without paging, in 64-bit mode, and with the softmmu index of SMAP, which few cases share. Single-stepped, so that
// not even the page of this is looked up afterwards.
void Engine::flush_softmmu() {
  flush_toggle_ = !flush_toggle_;
  service_.put(at::kCr + 32, flush_toggle_ ? bit(cr4::PGE) : 0);
  service_.put(at::kRegs, flush_toggle_ ? 0 : bit(cr4::PGE));
  service_.restore_to(uc_);
  uc_emu_start(uc_, kServicePage, 0, 0, 0);
  softmmu_ = Softmmu::Nothing;
}

void Engine::fit_softmmu(bool paged) {
  if (softmmu_ == Softmmu::Translated || (softmmu_ == Softmmu::Physical && paged)) flush_softmmu();
}

// Unicorn does not see that code was written by us. Addresses are looked up as the CPU's present state would, so that
// state is made one in which they are physical.
void Engine::drop_code() {
  fit_softmmu(false);
  service_.restore_to(uc_);
  for (; codes_ != 0; --codes_) uc_ctl_remove_cache(uc_, code_[codes_ - 1], code_[codes_ - 1] + kCodeBytes);
  softmmu_ = Softmmu::Physical;
}

// A translation of another epoch is never found: they are dropped some cases at a time.
void Engine::begin_epoch() {
  if (epoch_ == kLastEpoch || codes_ + kMostCodes > code_.size()) {
    drop_code();
    epoch_ = 0;
  }
  ++epoch_;
}

void Engine::adopt_profile(const u64* v) {
  if (profile_[0] == v[CapFeatures] && profile_[1] == v[CapVendor]) return;
  profile_[0] = v[CapFeatures];
  profile_[1] = v[CapVendor];
  Context whole = fresh_;
  whole.set_size(at::kFeaturesEnd);
  whole.save_from(uc_);
  load_features(v, whole);
  whole.restore_to(uc_);
}

void Engine::prepare(const WireCase& c) {
  begin_epoch();
  fit_softmmu(is_paged(c));
  adopt_profile(c.v);
  load_state(c.v, now_);
  now_.put(at::kHflags, now_.get<u32>(at::kHflags) | epoch_ << kEpochShift);
  ram_.load(c);
  accesses_.clear();
}

void Engine::recycle() {
  if (++cases_ < kRecycleAfter) return;
  close_cpu();
  CHECK(open_cpu().has_value());
}

}  // namespace diffvisor::unicorn
