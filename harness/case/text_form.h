// SPDX-License-Identifier: Apache-2.0
// What the two halves of the text codec agree on.
#pragma once

#include <string_view>

namespace diffvisor {

inline constexpr unsigned kTextVersion = 1;

constexpr bool is_printable(char ch) { return ch >= ' ' && ch <= '~'; }

constexpr std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace diffvisor
