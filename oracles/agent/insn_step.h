// SPDX-License-Identifier: Apache-2.0
// The parts of command InsnStep as they see each other. Freestanding.
#pragma once

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/wire.h"
#include "oracles/agent/agent.h"

namespace diffvisor::agent::step {

// VMCS fields (SDM 3D appendix B) that more than one part uses.
enum Encoding : u32 {
  kProcessorControls = 0x4002,
  kExceptionBitmap = 0x4004,
  kEntryControls = 0x4012,
  kReason = 0x4402,
  kIntrInfo = 0x4404,
  kIntrError = 0x4406,
  kInstructionLength = 0x440c,
  kInstructionInfo = 0x440e,
  kQualification = 0x6400,
  kGuestCsSelector = 0x802,
  kGuestCsAr = 0x4816,
  kGuestSsAr = 0x4818,
  kInterruptibility = 0x4824,
  kGuestEfer = 0x2806,
  kGuestPdpte0 = 0x280a,
  kGuestCr0 = 0x6800,
  kGuestCr3 = 0x6802,
  kGuestCr4 = 0x6804,
  kGuestEsBase = 0x6806,
  kGuestCsBase = 0x6808,
  kGuestDr7 = 0x681a,
  kGuestRip = 0x681e,
  kGuestRflags = 0x6820,
};

// ---- memory (insn_step_memory.cc)

void build_memory();
// Background, patches, code bytes.
void write_memory(const insn::WireCase& c);
// Fills kMemoryCount and what follows, and makes the memory the background again.
void collect_changes(insn::WireResult& r);
inline u8* ram(u64 address) { return at<u8>(kStepRam + address); }

// ---- state (insn_step_state.cc)

void build_vmcs();
// What the host changes about itself to load and save all of a guest's state; and back.
void begin_batch();
void end_batch();
enum class Loaded { Ok, NoMemory, Pdpte };
Loaded load_state(const insn::WireCase& c);
// All but the outcome-dependent slots, normalised as the record wants it.
void save_state(const insn::WireCase& c, insn::WireResult& r);
// DR0 to DR3: writing them costs Bochs a look through its whole TLB, so a case without breakpoints has them only once
// its guest asks for them.
bool debug_addresses_are_loaded();
void load_debug_addresses(const insn::WireCase& c);
// Copying the state away took registers of the guest: for one that goes on.
void reload_fpu();

inline u64 read_dr0() {
  u64 v;
  asm volatile("mov %%dr0, %0" : "=r"(v));
  return v;
}
inline u64 read_dr1() {
  u64 v;
  asm volatile("mov %%dr1, %0" : "=r"(v));
  return v;
}
inline u64 read_dr2() {
  u64 v;
  asm volatile("mov %%dr2, %0" : "=r"(v));
  return v;
}
inline u64 read_dr3() {
  u64 v;
  asm volatile("mov %%dr3, %0" : "=r"(v));
  return v;
}

// ---- code (insn_step_code.cc)

// Guest-physical address of a linear one as the guest's tables have it now, or kNowhere.
constexpr u64 kNowhere = ~u64{0};
u64 physical_of(u64 linear);
// The same, and adds the pages of RAM that the walk reads: bit i for page i.
u64 physical_of(u64 linear, u64& tables);

// ---- what an instruction is, as far as stepping over it depends on it (insn_step_shape.cc)

enum class Shape : u8 {
  Ordinary,
  Repeated,  // a string instruction with a REP prefix
  LoadsSs,   // MOV SS, POP SS
  Sti,
};
struct Decoded {
  Shape shape = Shape::Ordinary;
  // Of string instructions, STI and loads of SS only:
  unsigned opcode_at = 0;  // bytes of prefixes
  unsigned length = 0;
  unsigned address_bytes = 0;  // 2, 4 or 8
};
// `address_bytes` is what an address has without prefix.
Decoded decode_shape(const u8* code, unsigned bytes, unsigned address_bytes);

// ---- strings (insn_step_strings.cc)

constexpr u64 count_mask(const Decoded& d) { return ~u64{0} >> (64 - 8 * d.address_bytes); }
// Whether so many iterations of the string instruction `code`, which lies at `linear`, read nothing of its page and
// write to none that it or a translation of theirs is in: then they can be run at one go, with other code behind them.
bool keeps_to_its_data(const u8* code, const Decoded& d, unsigned mode_bytes, u64 linear, u64 iterations);

}  // namespace diffvisor::agent::step
