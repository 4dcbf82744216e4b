// SPDX-License-Identifier: Apache-2.0
#include "reports/plot.h"

#include <algorithm>

#include <fmt/format.h>

#include "reports/markup.h"

namespace diffvisor::reports {
namespace {

constexpr double kWidth = 320, kHeight = 130, kLeft = 6, kRight = 6, kTop = 18, kBottom = 18;
constexpr std::size_t kMostPoints = 120;

std::string short_number(double n) {
  if (n >= 1e6) return fmt::format("{:.1f}M", n / 1e6);
  if (n >= 1e4) return fmt::format("{:.0f}k", n / 1e3);
  return fmt::format("{:.4g}", n);
}

std::string path_of(const Line& l, double most_x, double most_y) {
  std::string out;
  const std::size_t step = std::max<std::size_t>(1, (l.points.size() + kMostPoints - 1) / kMostPoints);
  for (std::size_t i = 0; i < l.points.size(); ++i) {
    if (i % step != 0 && i + 1 != l.points.size()) continue;
    const auto& [x, y] = l.points[i];
    out += fmt::format("{}{:.1f} {:.1f}", out.empty() ? "M" : "L", kLeft + (kWidth - kLeft - kRight) * x / most_x,
                       kHeight - kBottom - (kHeight - kTop - kBottom) * y / most_y);
  }
  return out;
}

}  // namespace

std::string line_chart(const std::string& title, const std::string& unit, const std::vector<Line>& lines) {
  double most_x = 0, most_y = 0;
  for (const Line& l : lines)
    for (const auto& [x, y] : l.points) {
      most_x = std::max(most_x, x);
      most_y = std::max(most_y, y);
    }
  if (most_x <= 0) return {};
  std::string out = fmt::format(
      "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\"><title>{}"
      "</title><path class=\"axis\" d=\"M{} {}H{}\"/>",
      escaped(title), kWidth, kHeight, escaped(title), kLeft, kHeight - kBottom, kWidth - kRight);
  for (std::size_t i = 0; i < lines.size(); ++i)
    out += fmt::format("<path class=\"l l{}\" d=\"{}\"><title>{}</title></path>", i % 6,
                       path_of(lines[i], most_x, std::max(most_y, 1.0)), escaped(lines[i].label));
  return out + fmt::format(
                   "<text x=\"{}\" y=\"12\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} {}</text>"
                   "</svg></figure>",
                   kLeft, short_number(most_y), kWidth - kRight, kHeight - 5, short_number(most_x), escaped(unit));
}

}  // namespace diffvisor::reports
