// SPDX-License-Identifier: Apache-2.0
// The host's own CPU as an executor of x86_insn.
#pragma once

#include <memory>

#include "harness/base/result.h"
#include "harness/run/executor.h"

namespace diffvisor::native {

struct NativeOptions {
  unsigned jobs = 1;  // child processes; batch b goes to process b mod jobs
};

// An error says why this machine cannot do it.
Result<std::unique_ptr<Executor>> make_native(const NativeOptions& options = {});

}  // namespace diffvisor::native
