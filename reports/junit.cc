// SPDX-License-Identifier: Apache-2.0
#include "reports/junit.h"

#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace diffvisor::reports {
namespace {

// File names may be any bytes; what is no UTF-8 becomes U+FFFD.
std::string as_utf8(std::string_view text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

// XML 1.0 has no way to write most control characters, so they become '?'.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : as_utf8(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return out;
}

std::string test_case(const ReplayRow& r) {
  std::string out = fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.6f}\"", escaped(r.suite),
                                escaped(r.name), r.seconds);
  if (r.failure.empty() && r.skipped.empty()) return out + "/>\n";
  if (!r.failure.empty())
    out += fmt::format(">\n    <failure message=\"{}\">{}</failure>\n", escaped(r.failure), escaped(r.story));
  else
    out += fmt::format(">\n    <skipped message=\"{}\"/>\n", escaped(r.skipped));
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
