// SPDX-License-Identifier: Apache-2.0
// Two implementations of the counter device, made independently so that comparing them means something.
#pragma once

#include <memory>

#include "harness/run/executor.h"

namespace diffvisor::counter {

// Exact signed arithmetic, brought back into range afterwards.
std::unique_ptr<Executor> make_counter_a();

enum class Defect : std::uint8_t {
  None,
  LateBorrow,  // a sub right after a load does not set the overflow flag
};

// A register and a carry line, as hardware would do it. The planted defect is the worked example's finding.
std::unique_ptr<Executor> make_counter_b(Defect defect = Defect::LateBorrow);

}  // namespace diffvisor::counter
