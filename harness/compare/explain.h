// SPDX-License-Identifier: Apache-2.0
// Counterfactual explanation: the smallest set of row edits with which the reference would have said what the executor
// said. It is both the bucket and the sentence.
#pragma once

#include <string>
#include <vector>

#include "harness/compare/judge.h"

namespace diffvisor::compare {

enum class Difference : std::uint8_t {
  Accepts,  // the executor lets pass what these rules forbid
  Outcome,  // it sees the defect, and reports it differently
  Rejects,  // it refuses what the reference allows
  Dies,
  Behaves,  // no legality is at stake: the first record field that differs
};

struct Explanation {
  Difference difference = Difference::Accepts;
  std::vector<rules::RowEdit> edits;  // Rejects: empty, no row of ours says it
  std::string subject, detail;        // Behaves: what it is about, and how that differs
  bool shared = false;     // Behaves: an exception that other subjects may have too, so that the simplest one will do
  bool by_access = false;  // Behaves: of accesses alone, so that it may be the address or the check
  std::string bucket;      // [a-z._]
  std::string sentence;
};

// `executor` names the one that differs. For Rejects the fields in which the case, or `about` if there is one, differs
// from golden name the bucket, so minimise first and explain again.
Explanation explain(const Judge& judge, std::string_view executor, const Case& c, const Reading& r,
                    const Observation& seen, const Observation* reference = nullptr, const Case* about = nullptr);

// The same of what is new about the judge's executor of this index, without what is known of it. `names` may be those
// of several that say the same.
Explanation explain_new(const Judge& judge, std::size_t executor, std::string_view names, const Case& c,
                        const Reading& r, const Observation& seen, const Observation* reference);

}  // namespace diffvisor::compare
