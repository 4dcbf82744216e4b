// SPDX-License-Identifier: Apache-2.0
// A finding as its campaign knows it: one bucket with its smallest case, what each executor said, and the explanation.
// record.h is the form that is stored and merged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/case/text.h"
#include "harness/compare/explain.h"

namespace diffvisor::triage {

struct Said {
  std::string executor;
  std::string version;
  std::string outcome;  // outcome text, or why there is none
  Trust trust = Trust::Recorded;
  compare::VerdictKind verdict = compare::VerdictKind::Incomparable;
  std::vector<RecordValue> record = {};  // what of its record differs from the reference's, as far as it fits a line
};

struct Finding {
  std::string bucket;
  compare::Explanation explanation;
  std::string executor;           // the one that differs from the reference
  std::vector<std::string> with;  // all that differ and say the same, when they are several
  Case smallest;
  Case about;  // of the smallest case what the divergence is about, without what only makes it possible
  std::vector<Said> said;
  std::uint64_t first_index = 0;  // campaign index of the first case
  std::string first_case;         // digest of that case, before minimising
  std::uint64_t count = 0;        // cases that fell into the bucket
  std::uint64_t seed = 0;
  bool order_dependent = false;  // did not repeat alone or after another neighbour: quarantined, never a divergence
};

}  // namespace diffvisor::triage
