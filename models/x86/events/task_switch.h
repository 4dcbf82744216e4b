// SPDX-License-Identifier: Apache-2.0
// Task switching: SDM 3A 7.3 (8.3 in later editions).
#pragma once

#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {

enum class TaskReason : u8 { Jump, Call, Event, Iret };

// `d` is the descriptor of the new TSS, its type and privilege already checked by who asks; `rip` and `flags` are what
// the old task resumes with. Sets next_rip.
void switch_task(Machine& m, u16 selector, Descriptor d, TaskReason why, u64 rip, u64 flags);

// A far CALL or JMP, or an interrupt, that names a task gate.
void switch_through_gate(Machine& m, const Descriptor& gate, TaskReason why, u64 rip, u64 flags);

}  // namespace diffvisor::x86
