// SPDX-License-Identifier: Apache-2.0
// Stands in for unicorn_executor.cc where libunicorn-dev was not there at build time.
#include "oracles/unicorn/unicorn.h"

namespace diffvisor::unicorn {

Result<std::unique_ptr<Executor>> make_unicorn(const UnicornOptions&) {
  return fail(ErrorCode::Environment, "unicorn", "this program was built without libunicorn-dev");
}

}  // namespace diffvisor::unicorn
