// SPDX-License-Identifier: Apache-2.0
// Scenarios of several instructions, where the first leaves a state that only another one shows.
#pragma once

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

// Blocking by MOV SS and by STI, the trap of POPF.
void draw_pair(Builder& b);
void after_pair(Builder& b);
// A far transfer to code of another width right behind it, then a system register.
void draw_onward(Builder& b);
void after_onward(Builder& b);

}  // namespace diffvisor::x86_insn
