// SPDX-License-Identifier: Apache-2.0
// Known divergences of a domain whose subject is behaviour: which of an executor's deltas explain a difference.
#pragma once

#include <vector>

#include "harness/compare/judge.h"

namespace diffvisor::compare {

// `seen` differs from `reference`. CannotJudge entries whose condition holds make the case incomparable; else the masks
// and variants whose conditions hold must, together, give exactly what was seen. `decided` are those that were needed.
Verdict judge_deltas(const Behaviour& behaviour, const std::vector<Known>& entries, const Case& c,
                     const Observation& seen, const Observation& reference);

// The entry that says the case kills the executor; null if there is none.
const Known* behaviour_death(const Behaviour& behaviour, const std::vector<Known>& entries, const Case& c);

}  // namespace diffvisor::compare
