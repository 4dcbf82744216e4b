// SPDX-License-Identifier: Apache-2.0
#include "reports/junit.h"

#include <fmt/format.h>

#include "reports/markup.h"

namespace diffvisor::reports {
namespace {

std::string test_case(const ReplayRow& r) {
  std::string out = fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.6f}\"", escaped(r.suite),
                                escaped(r.name), r.seconds);
  if (r.failure.empty() && r.skipped.empty()) return out + "/>\n";
  if (!r.failure.empty())
    out += fmt::format(">\n    <failure message=\"{}\">{}</failure>\n", escaped(r.failure), escaped(r.story));
  else
    out += fmt::format(">\n    <skipped>{}</skipped>\n", escaped(r.skipped));
  return out + "  </testcase>\n";
}

}  // namespace

std::string junit_xml(const std::vector<ReplayRow>& rows) {
  std::size_t failures = 0, skipped = 0;
  double seconds = 0;
  std::string body;
  for (const ReplayRow& r : rows) {
    failures += !r.failure.empty();
    skipped += r.failure.empty() && !r.skipped.empty();
    seconds += r.seconds;
    body += test_case(r);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"diffvisor replay\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" "
      "time=\"{:.6f}\">\n{}</testsuite>\n",
      rows.size(), failures, skipped, seconds, body);
}

}  // namespace diffvisor::reports
