// SPDX-License-Identifier: Apache-2.0
// What RET far and IRET share: returning to a code segment, perhaps of an outer level.
#pragma once

#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {

// Bochs reads a frame from its far end and lets offsets run past a 16-bit stack pointer: `at` bytes into it. Past 4 GiB
// they are #SS, but for a word that crosses a page, and outside long mode for IRET.
u64 read_frame(Machine& m, u64 at, unsigned bytes, bool wraps = false);

// The code segment a far return names, checked against CPL and the selector's RPL.
Descriptor return_code_segment(Machine& m, u16 selector);
// What a return to an outer level has popped; `code` is what return_code_segment gave.
struct OutwardReturn {
  u16 cs = 0;
  Descriptor code;
  u64 rip = 0;
  u16 ss = 0;
  u64 sp = 0;
  u64 old_sp = 0;  // RSP before the frame was popped: a 16-bit stack keeps its upper bits
  unsigned absent_vector = insn::kSS_;
};
// Its stack segment, checked: of an outer level, or of 64-bit mode.
Descriptor outer_stack_segment(Machine& m, const OutwardReturn& r);
// Loads SS:RSP and CS:RIP and empties the data segments that the outer level may not see.
void return_outward(Machine& m, const OutwardReturn& r);
void set_return_code(Machine& m, u16 selector, Descriptor d, u64 rip);

}  // namespace diffvisor::x86
