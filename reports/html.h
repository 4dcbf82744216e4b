// SPDX-License-Identifier: Apache-2.0
// All findings as one self-contained page.
#pragma once

#include <string>

#include "reports/findings.h"

namespace diffvisor::reports {

// One file without any request, under a megabyte however many findings there are: the most frequent ones as text that
// needs no script, the others in a compressed block; what does not fit is left out and said to be, with the name of the
// JSON file that has everything.
std::string findings_html(const FindingsReport& report, const std::string& json_name);

}  // namespace diffvisor::reports
