// SPDX-License-Identifier: Apache-2.0
// Walks a tree at run time: for edited rows, explanations and the cold path. Same leaves as the compiled survey.
#pragma once

#include <array>
#include <span>

#include "harness/rules/leaf.h"
#include "harness/rules/rule.h"

namespace diffvisor::rules {

bool holds(const Expr& e, const std::uint64_t* v, std::span<const FreeCondition> functions);

// Makes the tree true or false; like compiled repair, of two branches of which one is enough the later field gives way.
bool make(const Expr& e, std::uint64_t* v, const Locks& locks, bool want, Rng& rng,
          std::span<const FreeCondition> functions);

// Bits whose value can change the tree's: one mask per slot, OR-ed into `out`. Widths named by leaves are not counted.
void add_bits_read(const Expr& e, Locks& out);

}  // namespace diffvisor::rules
