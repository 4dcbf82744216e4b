// SPDX-License-Identifier: Apache-2.0
// What a case is about: which instructions are drawn, and what is done to the state beyond what every case gets.
#pragma once

#include <span>
#include <string_view>

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

struct Scenario {
  std::string_view name;
  unsigned weight;
  void (*encode)(Builder& b);  // the instruction; CPL, paging, control registers and flags are chosen
  void (*after)(Builder& b);   // when operands are aimed; may be null
};

std::span<const Scenario> scenarios();
const Scenario& draw_scenario(Rng& rng);

}  // namespace diffvisor::x86_insn
