// SPDX-License-Identifier: Apache-2.0
// Proof that the library keeps its state where context.h says: values written through its API are found there.
#pragma once

#include <cstddef>
#include <span>

#include "harness/base/result.h"

namespace diffvisor::unicorn {

struct Probe {
  const char* name;
  int reg;  // of the API, or -1: `msr`
  unsigned msr;
  std::size_t offset;
  unsigned bytes;
};

std::span<const Probe> layout_probes();
Result<void> prove_layout(std::span<const Probe> probes);

}  // namespace diffvisor::unicorn
