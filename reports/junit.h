// SPDX-License-Identifier: Apache-2.0
// Replay results as JUnit XML: one test case per stored case, as CI systems show them.
#pragma once

#include <string>
#include <vector>

namespace diffvisor::reports {

struct ReplayRow {
  std::string suite;  // domain
  std::string name;   // file and number of the case in it
  std::string story;
  std::string failure;  // empty: passed
  std::string skipped;  // not empty: nothing could judge it
  double seconds = 0;
  std::string note = {};    // not empty: an answer in it is stale
  std::size_t renewed = 0;  // expectations that another version of their executor gave
};

std::string junit_xml(const std::vector<ReplayRow>& rows);

}  // namespace diffvisor::reports
