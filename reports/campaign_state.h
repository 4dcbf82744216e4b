// SPDX-License-Identifier: Apache-2.0
// The state of a campaign on disk, so that --resume goes on where it ended: one JSON file, written atomically.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/campaign/campaign.h"

namespace diffvisor::reports {

struct CampaignState {
  campaign::Totals totals;
  std::vector<triage::Finding> findings;
};

// `identity` is what a resumed run must have in common with the first: seed, tables, executors and their versions.
Result<void> save_state(const std::filesystem::path& directory, const std::string& identity,
                        const campaign::Totals& totals, const std::vector<triage::Finding>& findings);
// A directory without state, or with another identity, is an error.
Result<CampaignState> load_state(const std::filesystem::path& directory, const std::string& identity,
                                 std::span<const Schema* const> schemas);

}  // namespace diffvisor::reports
