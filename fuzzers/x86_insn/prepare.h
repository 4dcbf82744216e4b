// SPDX-License-Identifier: Apache-2.0
// State in which an instruction gets past its first check: what each opcode reads implicitly, set to what it wants or
// to the edge of it.
#pragma once

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

// Registers and immediates, before the memory operand is aimed, since aiming may need to change some again.
void choose_inputs(Builder& b);
void choose_system_inputs(Builder& b);
// What MOV to CR (22H) or DR (23H) `number` may write: near what the register holds, or at an edge.
u64 system_value(Builder& b, u8 move, unsigned number);
// Memory that the instruction reads: its operand and the stack.
void fill_memory(Builder& b);
void fill_system_memory(Builder& b);

// An offset in CS to go to: mostly code, sometimes a limit or an address that is not canonical.
u64 choose_target(Builder& b);
// Value of `bytes` bytes at SS:RSP + plus.
void poke_stack(Builder& b, u64 plus, unsigned bytes, u64 value);
// Gate `vector` of the IDT or IVT, its target and the task state it needs, changed now and then.
void disturb_delivery(Builder& b, unsigned vector);
// The gate's handler runs at the level and on the stack of what it interrupts, with its alignment checks.
void keep_level(Builder& b, unsigned vector);
// Stack pointers of inner levels in the task state, or its limit.
void disturb_stacks(Builder& b);
// Changes the descriptor that a selector names: type, DPL, P, limit, base, flags; or its table's limit.
void disturb_descriptor(Builder& b, u64 selector);

}  // namespace diffvisor::x86_insn
