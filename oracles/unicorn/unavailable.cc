// SPDX-License-Identifier: Apache-2.0
// Stands in for unicorn_executor.cc and program.cc where libunicorn-dev was not there at build time.
#include "oracles/unicorn/program.h"
#include "oracles/unicorn/unicorn.h"
#include "oracles/unicorn/usual_loop.h"

namespace diffvisor::unicorn {
namespace {

tl::unexpected<Error> unavailable() {
  return fail(ErrorCode::Environment, "unicorn", "this program was built without libunicorn-dev");
}

}  // namespace

Result<std::unique_ptr<Executor>> make_unicorn(const UnicornOptions&) { return unavailable(); }

Result<std::string> program_of(const ProgramRequest&) { return unavailable(); }

double usual_loop_seconds(UsualLoop) { return 0; }

}  // namespace diffvisor::unicorn
