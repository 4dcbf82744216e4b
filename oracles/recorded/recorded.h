// SPDX-License-Identifier: Apache-2.0
// The recorded oracle: what an executor was seen to say, as stored with a case. It answers when the emulator is absent.
#pragma once

#include "harness/base/result.h"
#include "harness/case/text.h"
#include "harness/run/domain.h"

namespace diffvisor::recorded {

// The stored words as an observation: an outcome of the domain, "incomparable(reason)" or "died(how)". Words that the
// domain does not know are an error. The reason texts live as long as the program.
Result<Observation> observation_of(const Expectation& expectation, const Domain& domain);

}  // namespace diffvisor::recorded
