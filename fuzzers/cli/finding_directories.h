// SPDX-License-Identifier: Apache-2.0
// Directories of findings, of one or several campaigns and machines, as one.
#pragma once

#include <string>
#include <vector>

#include "harness/triage/store.h"
#include "reports/run.h"

namespace diffvisor::cli {

struct Findings {
  std::vector<triage::Record> records;  // by bucket
  std::vector<reports::Run> runs;       // by id
};

// The same for any order of the directories, and for one that is named twice.
Result<Findings> load_findings(const std::vector<std::string>& directories);

// Merges into a directory, with what is there.
Result<void> store_findings(const Findings& findings, const std::string& directory);

}  // namespace diffvisor::cli
