// SPDX-License-Identifier: Apache-2.0
// Small changes to what the hardware reads behind an instruction's back: paging entries, descriptors, gates, task
// states, segment limits.
#pragma once

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

enum class Harm : u8 { Little, Any };  // Little: bits that do not make the access fault

// One bit or field of an entry on the walk of `linear`, mostly of the page itself.
void disturb_paging(Builder& b, u64 linear, Harm harm);
// The limit, type or presence of the segment an operand is reached through.
void disturb_segment(Builder& b, unsigned segment, u64 linear, unsigned bytes);
// A data breakpoint on the operand or one on the instruction.
void set_breakpoint(Builder& b);

}  // namespace diffvisor::x86_insn
