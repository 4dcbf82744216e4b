// SPDX-License-Identifier: Apache-2.0
// Every single step from a case towards golden, listed without knowledge of how the minimiser goes about it. For tests
// and measurements of it.
#pragma once

#include <optional>
#include <vector>

#include "harness/minimise/minimise.h"

namespace diffvisor::minimise {

// Not normalised; some are no smaller than c.
std::vector<Case> single_steps(const Case& c, const Options& options);

// The first single step that is smaller than c and shows the bucket; nothing if c is minimal.
std::optional<Case> smaller_by_one_step(const Case& c, const Predicate& shows, const Options& options);

}  // namespace diffvisor::minimise
