// SPDX-License-Identifier: Apache-2.0
// Small line charts as SVG: they need no script and follow the page's colours.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace diffvisor::reports {

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;  // ascending x
};

// A figure with the title, the largest x and y, and one line each; `unit` belongs to x.
std::string line_chart(const std::string& title, const std::string& unit, const std::vector<Line>& lines);

}  // namespace diffvisor::reports
