// SPDX-License-Identifier: Apache-2.0
// Known divergences of a domain whose subject is behaviour: which of an executor's deltas explain a difference.
#pragma once

#include <vector>

#include "harness/compare/judge.h"

namespace diffvisor::compare {

// What an executor is known to do otherwise.
struct BehaviourDeltas {
  const Behaviour& behaviour;
  const std::vector<Known>& entries;
  const std::vector<std::string>& variants;  // that the reference has anyway: the defect to be found
};

// `seen` differs from `reference`. CannotJudge entries whose condition holds make the case incomparable; else the masks
// and variants whose conditions hold, or one or two of them, must give exactly what was seen; then those whose
// conditions hold of what these give, and so on. `decided` are those that were needed. Where they lead to something
// that a CannotJudge entry names, the case is incomparable too.
Verdict judge_deltas(const BehaviourDeltas& deltas, const Case& c, const Observation& seen,
                     const Observation& reference);

// The reference as it is, or with what fires of the entries, whichever is nearest to `seen`: what is known must not
// name what is new. Bits that an entry ignores are as seen.
Observation nearest(const BehaviourDeltas& deltas, const Case& c, const Observation& seen,
                    const Observation& reference);

// Entries fire and, together, lead to what was seen, whether or not the reference says it too.
bool is_as_known(const BehaviourDeltas& deltas, const Case& c, const Observation& seen, const Observation& reference);

// The entry that says the case kills the executor; null if there is none.
const Known* behaviour_death(const Behaviour& behaviour, const std::vector<Known>& entries, const Case& c);

}  // namespace diffvisor::compare
