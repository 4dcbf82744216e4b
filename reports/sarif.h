// SPDX-License-Identifier: Apache-2.0
// Findings as SARIF 2.1.0, for code-scanning pages: one result per bucket, its rule the check that is involved, its
// place the line of our model where that check is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/findings.h"

namespace diffvisor::reports {

// `baseline`: the findings of an earlier state; results are then new, unchanged, updated (another suspect) or absent.
std::string findings_sarif(const FindingsReport& report, const std::optional<std::vector<triage::Record>>& baseline);

}  // namespace diffvisor::reports
