// SPDX-License-Identifier: Apache-2.0
// CALL far as Bochs 2.7 does it: it pushes first and looks at the target then (known divergence bochs_far_call).
#pragma once

#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {

struct Far {
  u16 selector = 0;
  u64 offset = 0;
  unsigned bytes = 0;  // operand size
  bool call = false;
};

// The pushes and checks; the caller enters the code segment.
void bochs_call_code(Machine& m, const Far& f, const Descriptor& d);
void bochs_call_inward(Machine& m, const Descriptor& gate, const Descriptor& d);

}  // namespace diffvisor::x86
