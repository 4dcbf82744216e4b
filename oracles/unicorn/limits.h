// SPDX-License-Identifier: Apache-2.0
// Which cases Unicorn cannot be asked, and why.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "harness/arch/insn/fields.h"
#include "oracles/unicorn/context.h"
#include "oracles/unicorn/opcode.h"

namespace diffvisor::unicorn {

enum class Limit : std::uint32_t {
  None,
#define LIMIT(constant, reason, when, bytes, why) constant,
#include "oracles/unicorn/limits.def"
#undef LIMIT
};

struct LimitRow {
  std::string_view reason, bytes, why;
};
// Index: Limit - 1.
std::span<const LimitRow> limit_rows();

// What would end the process or never come back. `v` is the case, `now` the state before this step.
Limit limit_before(const Opcode& o, const std::uint64_t* v, const Context& now);
// A fault of the incoming task.
Limit limit_faulted(const Opcode& o, const Context& before, const Context& after);
// Where SYSRET goes on: it is run up to there.
std::uint64_t sysret_target(const Opcode& o, const Context& now);
// What completed but says nothing.
Limit limit_done(const Opcode& o, const Context& before, const Context& after);

}  // namespace diffvisor::unicorn
