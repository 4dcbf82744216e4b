// SPDX-License-Identifier: Apache-2.0
// The CPU around the instruction: privilege level, paging, control registers, flags, segments, where code and stack
// lie.
#pragma once

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

// What must be known before there are bytes: golden state of the mode, CPL, paging, control registers, segments.
void choose_environment(Builder& b);
// Most of what only the supervisor may do is tried as the supervisor: makes CPL 0 of another, so often.
void be_supervisor(Builder& b, unsigned percent);
// Without paging: what is short of long mode by CR0.PG, or by CR4.PAE too.
void prepare_long_mode(Builder& b);
// General registers, RSP and sometimes vector registers.
void choose_registers(Builder& b);
void choose_vector_state(Builder& b);
// CS:RIP and CODE_ADDRESS for code of b.code.length bytes.
void place_code(Builder& b);
// A linear address where `bytes` bytes are worth accessing.
u64 choose_linear(Builder& b, unsigned bytes);
// Makes segment `s` cover `linear` with an offset of `address_bytes`; moves the base if it has to. The offset.
u64 offset_in_segment(Builder& b, unsigned s, u64 linear, unsigned address_bytes);
// Selectors of the GDT and LDT, random RPL mostly as the CPL.
u64 choose_selector(Builder& b);
void set_base(Builder& b, unsigned s, u64 base);

}  // namespace diffvisor::x86_insn
