// SPDX-License-Identifier: Apache-2.0
// CHECK states what must never be false in our own code; it is active in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace diffvisor {
[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "diffvisor: internal error: %s (%s:%d)\n", what, file, line);
  std::abort();
}
}  // namespace diffvisor

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::diffvisor::check_failed(#condition, __FILE__, __LINE__))
