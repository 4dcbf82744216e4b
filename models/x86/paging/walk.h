// SPDX-License-Identifier: Apache-2.0
// Translation of linear addresses with an empty TLB: SDM 3A chapter 4.
#pragma once

#include "models/x86/machine.h"

namespace diffvisor::x86 {

// Whose rights count. Implicit: tables the CPU reads on its own account, supervisor whatever CPL, and AC does not help.
enum class Rights : u8 { Current, Implicit };

struct PageFault {
  bool raised = false;
  u32 error_code = 0;
  Cause cause = Cause::None;
};

enum class Bits : u8 { Update, Leave };  // accessed and dirty bits

// Guest-physical address of one byte, or `fault`, or a limit of `m`.
u64 walk(Machine& m, u64 linear, Access a, Rights rights, Bits bits, PageFault& fault);

// 1 to 8 bytes at a linear address that may cross a page; both pages are checked before anything is read or written.
u64 read_linear(Machine& m, u64 linear, unsigned bytes, Access a, Rights rights, Bits bits = Bits::Update);
void write_linear(Machine& m, u64 linear, unsigned bytes, u64 value, Rights rights);
// Whether an access of so many bytes (up to a page) would fault; changes nothing.
bool would_fault(Machine& m, u64 linear, unsigned bytes, Access a);

// What an access through a segment would find or raise, without a change to accessed and dirty bits (access.cc).
u64 peek(Machine& m, insn::Segment s, u64 offset, unsigned bytes, Access a);

// PAE page-directory pointers (SDM 3A 4.4.1): the four at `cr3`, or nothing if one of them has reserved bits set.
bool pae_paging(const Machine& m);
bool read_pdptes(Machine& m, u64 cr3, std::array<u64, 4>& out);

}  // namespace diffvisor::x86
