// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/rule_lines.h"

namespace diffvisor {
namespace {

bool matches(std::string_view pattern, std::string_view id) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == id;
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (id.size() <= head.size() + tail.size() || !id.starts_with(head) || !id.ends_with(tail)) return false;
  return id.substr(head.size(), id.size() - head.size() - tail.size()).find('.') == id.npos;
}

}  // namespace

std::optional<RuleAt> rule_line(std::string_view id) {
  for (const bool patterns : {false, true})
    for (const RulePlace& p : rule_places())
      if ((p.id.find('*') != p.id.npos) == patterns && matches(p.id, id)) return RuleAt{std::string(p.file), p.line};
  return std::nullopt;
}

}  // namespace diffvisor
