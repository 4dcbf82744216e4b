// SPDX-License-Identifier: Apache-2.0
#include "harness/run/executor.h"

#include <algorithm>

namespace diffvisor {

bool has_fixed_profile(std::span<Executor* const> executors) {
  return std::ranges::any_of(executors, [](const Executor* e) { return e->info().trust == Trust::Independent; });
}

Result<Observation> run_one(Executor& executor, const Case& c) {
  Observation seen;
  executor.submit({&c, 1}, {&seen, 1});
  if (auto done = executor.collect(); !done) return tl::unexpected(done.error());
  return seen;
}

std::string_view trust_name(Trust t) {
  switch (t) {
    case Trust::Reference:
      return "reference";
    case Trust::Independent:
      return "independent";
    case Trust::Transcription:
      return "transcription";
    case Trust::Recorded:
      return "recorded";
  }
  return {};
}

}  // namespace diffvisor
