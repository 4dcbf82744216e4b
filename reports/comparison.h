// SPDX-License-Identifier: Apache-2.0
// What changed between two campaigns, or between two sets of campaigns: other tables, quirks, versions, or more cases.
#pragma once

#include <string>
#include <vector>

#include "reports/findings.h"

namespace diffvisor::reports {

enum class Change : std::uint8_t {
  New,        // only in the second
  Fixed,      // only in the first, though the second ran its first case
  NotRun,     // only in the first, and the second did not run its first case: nothing is known
  Blame,      // in both, with another suspect
  Flaky,      // depends on the order of cases, or differs between two runs of the very same campaign
  Unchanged,  // in both, and the same
};
std::string_view change_name(Change c);

struct BucketChange {
  Change change = Change::Unchanged;
  const triage::Record* before = nullptr;  // null where it is not
  const triage::Record* after = nullptr;
  std::string note;

  const triage::Record& record() const { return after != nullptr ? *after : *before; }
};

// By change, then by bucket; points into the reports.
std::vector<BucketChange> compare(const FindingsReport& before, const FindingsReport& after);

std::string comparison_text(const std::vector<BucketChange>& changes);
nlohmann::ordered_json comparison_json(const std::vector<BucketChange>& changes);

}  // namespace diffvisor::reports
