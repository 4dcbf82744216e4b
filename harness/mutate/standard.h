// SPDX-License-Identifier: Apache-2.0
// The mutation mix that campaigns and fuzzing engines start from.
#pragma once

#include <vector>

#include "harness/mutate/mutator.h"

namespace diffvisor::mutate {

struct Options {
  bool context = true;          // change how the case is started; golden is followed
  bool profiles = false;        // move to another profile; off where a batch is of one profile
  bool capabilities = false;    // deviate from the named profile
  std::vector<Weighted> extra;  // rule-driven and domain-specific mutators; the rest of the mix weighs about 100
};

// A few edits of whatever the schema has, and of nothing else.
Mutator standard_mutator(const Schema& schema, const Options& options = {});

// Mixes the case with the other one: fields by group or one by one, areas, operations.
Mutator standard_crossover(const Schema& schema, const Options& options = {});

}  // namespace diffvisor::mutate
