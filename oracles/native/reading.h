// SPDX-License-Identifier: Apache-2.0
// From a case to what the child loads, and from the signal that ended it to what the case came to.
#pragma once

#include "harness/run/observation.h"
#include "oracles/native/instruction.h"
#include "oracles/native/native_wire.h"

namespace diffvisor::native {

void encode(const Case& c, const Instruction& i, NativeCase& out);
Observation read(const Case& c, const Instruction& i, const NativeResult& r);

}  // namespace diffvisor::native
