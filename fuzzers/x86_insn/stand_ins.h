// SPDX-License-Identifier: Apache-2.0
// Variations of a case that show what its divergence is about: the beginning of what it does, plainer instructions in
// the same state, and its instruction in a state that lets it pass.
#pragma once

#include <vector>

#include "harness/case/case.h"

namespace diffvisor::x86_insn {

// Fewer steps, one iteration, no delivery; the shortest first.
std::vector<Case> beginnings(const Case& c);

// Of a single instruction: one that takes the same prefixes and operand but does less with them, the plainest first.
std::vector<Case> stand_ins(const Case& c);

// Of a single instruction: with the general registers it has, else golden; with none; without those that point to
// strings.
std::vector<Case> unchecked(const Case& c);

}  // namespace diffvisor::x86_insn
