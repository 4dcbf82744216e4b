// SPDX-License-Identifier: Apache-2.0
// The memory operand of the instruction: which registers and which displacement make its address, and how to aim it.
#pragma once

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

inline constexpr unsigned kNone = 0xff, kRipBase = 0xfe;

struct MemoryOperand {
  bool exists = false;
  unsigned segment = insn::kDs;
  unsigned address_bytes = 0;
  unsigned base = kNone, index = kNone, scale = 1;
  u64 displacement = 0;
  unsigned displacement_offset = 0, displacement_bytes = 0;
};

MemoryOperand memory_operand(const Builder& b);
// The last segment prefix that counts, or `usual`.
unsigned segment_of(const Builder& b, unsigned usual);
u64 linear_of(const Builder& b, const MemoryOperand& m);
// Changes base, index, displacement or a segment base so that the operand lies there, where possible.
void aim(Builder& b, const MemoryOperand& m, u64 linear);
// Bytes that the instruction accesses there, about.
unsigned operand_bytes_of(const Code& code);
// Draws an address for the operand and aims; b.operand_linear is where it got to.
void aim_somewhere(Builder& b, const MemoryOperand& m);
// Registers that implicitly address memory: strings, XLAT, MASKMOVQ.
void aim_register(Builder& b, unsigned number, unsigned segment, unsigned bytes);

}  // namespace diffvisor::x86_insn
