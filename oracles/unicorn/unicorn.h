// SPDX-License-Identifier: Apache-2.0
// Unicorn 2.0.1 as an executor of x86_insn cases, in child processes that may die of them.
#pragma once

#include <memory>
#include <string>

#include "harness/base/result.h"
#include "harness/run/executor.h"

namespace diffvisor::unicorn {

struct UnicornOptions {
  unsigned jobs = 1;  // processes; batch b goes to process b mod jobs
};

// Any profile but the 80286: features and vendor are taken from each case. An error, one line, where the library is
// missing or is another than the one that is understood.
Result<std::unique_ptr<Executor>> make_unicorn(const UnicornOptions& options = {});

}  // namespace diffvisor::unicorn
