// SPDX-License-Identifier: Apache-2.0
// From a campaign's finding to the stored form: everything a reader needs, as text.
#pragma once

#include "harness/triage/record.h"

namespace diffvisor::triage {

// The campaign that found it.
struct Surroundings {
  const compare::Judge* judge = nullptr;
  std::vector<ExecutorInfo> executors;     // in the judge's order
  std::vector<rules::RuleBits> confirmed;  // by executor: rules it has confirmed so far
  compare::FirstDivergence first;          // of the finding's smallest case
  std::string origin_id;                   // digest of what makes the campaign what it is
  Origin origin;                           // without count, first_index and first_case
};

Record describe(const Finding& finding, const Surroundings& from);

}  // namespace diffvisor::triage
