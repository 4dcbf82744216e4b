// SPDX-License-Identifier: Apache-2.0
// One instruction from fetch to commit: SDM 3A 6.5 to 6.9 for what comes in which order.
#pragma once

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

inline constexpr unsigned kMostIterations = 4096;

// Carries out the instruction at CS:RIP; `one_iteration`: of REP no more than one. Afterwards the machine is ok and
// RIP where execution goes on, or it has a fault (registers as Outcome::Exception wants them), an end, or a limit.
// next_rip is behind the instruction if it was decoded.
void step(Machine& m, bool one_iteration);

// Whether what an earlier instruction left undefined decides what this machine's last instruction did.
struct Carried {
  u64 flags = 0;  // undefined status flags that no instruction has written since
};
// Updates `carried` for the step that was just made; false: it depended on an undefined value.
bool carry_undefined(const Machine& m, Carried& carried);

}  // namespace diffvisor::x86
