// SPDX-License-Identifier: Apache-2.0
// Descriptors as they lie in memory (SDM 3A 3.4.5, 3.5, 6.11) and segment registers with their hidden parts.
#pragma once

#include "models/x86/machine.h"

namespace diffvisor::x86 {

// System descriptor types (SDM 3A 3.5). The 64-bit ones have the numbers of the 32-bit ones.
enum SystemType : unsigned {
  kTss16 = 1,
  kLdt = 2,
  kTss16Busy = 3,
  kCallGate16 = 4,
  kTaskGate = 5,
  kInterruptGate16 = 6,
  kTrapGate16 = 7,
  kTss32 = 9,
  kTss32Busy = 11,
  kCallGate32 = 12,
  kInterruptGate32 = 14,
  kTrapGate32 = 15
};

inline constexpr u64 kAccessedBit = u64{1} << 40;

struct Descriptor {
  u64 low = 0, high = 0;  // `high`: second half of a 16-byte descriptor

  u64 attributes() const { return low >> 40 & 0xf0ff; }
  unsigned type() const { return static_cast<unsigned>(low >> 40 & 0xf); }
  bool is_segment() const { return (low >> 44 & 1) != 0; }
  unsigned dpl() const { return static_cast<unsigned>(low >> 45 & 3); }
  bool present() const { return (low >> 47 & 1) != 0; }
  bool accessed() const { return (low >> 40 & 1) != 0; }
  bool wide() const { return (low >> 53 & 1) != 0; }  // L
  bool big() const { return (low >> 54 & 1) != 0; }   // D/B
  u64 base() const { return (low >> 16 & 0xffffff) | (low >> 56) << 24 | high << 32; }
  u64 limit() const;

  bool is_code() const { return is_segment() && (type() & 8) != 0; }
  bool is_conforming() const { return is_code() && (type() & 4) != 0; }
  bool is_writable_data() const { return is_segment() && (type() & 0xa) == 2; }
  bool is_readable() const { return is_segment() && ((type() & 8) == 0 || (type() & 2) != 0); }
  bool is_system(unsigned t) const { return !is_segment() && type() == t; }

  u16 gate_selector() const { return static_cast<u16>(low >> 16); }
  // 16-bit gates have no bits above 15.
  u64 gate_offset() const {
    return type() < kCallGate32 ? low & 0xffff : (low & 0xffff) | (low >> 48) << 16 | high << 32;
  }
};

constexpr bool is_null(u64 selector) { return (selector & 0xfffc) == 0; }
constexpr unsigned rpl_of(u64 selector) { return static_cast<unsigned>(selector & 3); }
constexpr u32 selector_error(u64 selector) { return static_cast<u32>(selector & 0xfffc); }

// Whether the selector's table holds so many bytes (8 or 16) for it.
bool in_table(const Machine& m, u16 selector, unsigned bytes);
u64 descriptor_address(const Machine& m, u16 selector);
// Reads what `selector` names; beyond the table: `vector`(selector). Look at ok() or at what comes back as absent.
Descriptor fetch_descriptor(Machine& m, u16 selector, unsigned vector = insn::kGP, unsigned bytes = 8);
// The same without a fault for the table's end: LAR, LSL, VERR, VERW.
bool try_descriptor(Machine& m, u16 selector, unsigned bytes, Descriptor& out);

// Sets the accessed bit in memory if it is clear.
void mark_accessed(Machine& m, u16 selector, Descriptor& d);
void set_segment(Machine& m, insn::Segment s, u16 selector, const Descriptor& d);
// A null selector; SS keeps the privilege level in its DPL.
void set_null_segment(Machine& m, insn::Segment s, u16 selector);
// Real-address and virtual-8086 mode.
void set_real_segment(Machine& m, insn::Segment s, u16 selector);
void set_cpl(Machine& m, unsigned cpl);

// Whether offset .. offset + bytes - 1 lies within the segment as far as its limit says (access.cc).
bool limit_allows(const Machine& m, insn::Segment s, u64 offset, unsigned bytes);
// Whether they run over the end of a segment of 4 GiB, which the manual leaves to the processor (SDM 3A 5.3;
// access.cc).
bool ends_beyond_4_gib(const Machine& m, insn::Segment s, u64 offset, unsigned bytes);
// #AC for a misaligned access of user code (access.cc).
void check_alignment(Machine& m, u64 address, unsigned bytes, Access a);
// Whether `rip` is inside a code segment about to be loaded.
bool offset_fits(const Machine& m, const Descriptor& code, u64 rip);
// Whether `bytes` can be pushed in pieces of `size`, as far as the limit of SS says; true, and a limit of the model,
// where the manual leaves it open.
bool stack_has_room(Machine& m, unsigned bytes, unsigned size);

}  // namespace diffvisor::x86
