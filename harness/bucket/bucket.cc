// SPDX-License-Identifier: Apache-2.0
#include "harness/bucket/bucket.h"

namespace diffvisor::bucket {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool stands_for_itself(char c) { return (is_lower(c) && c != 'q') || c == '.' || c == '_'; }
char letter(unsigned n) { return static_cast<char>('a' + n); }
bool is_nibble(char c) { return c >= 'a' && c <= 'p'; }

}  // namespace

std::string spell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (stands_for_itself(c)) {
      out += c;
    } else if (c == 'q') {
      out += "qq";
    } else if (c >= '0' && c <= '9') {
      out += {'q', letter(byte - unsigned{'0'})};
    } else if (c >= 'A' && c <= 'Z') {
      out += {'q', 'u', letter(byte - unsigned{'A'})};
    } else {
      out += {'q', 'z', letter(byte >> 4), letter(byte & 15u)};
    }
  }
  return out;
}

std::optional<std::string> unspell(std::string_view s) {
  std::string out;
  const auto at = [&](std::size_t i) { return i < s.size() ? s[i] : '\0'; };
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (stands_for_itself(s[i])) {
      out += s[i];
    } else if (s[i] == 'q' && at(i + 1) == 'q') {
      out += s[++i];
    } else if (s[i] == 'q' && at(i + 1) >= 'a' && at(i + 1) <= 'j') {
      out += static_cast<char>('0' + (s[++i] - 'a'));
    } else if (s[i] == 'q' && at(i + 1) == 'u' && is_lower(at(i + 2))) {
      out += static_cast<char>(at(i + 2) - 'a' + 'A');
      i += 2;
    } else if (s[i] == 'q' && at(i + 1) == 'z' && is_nibble(at(i + 2)) && is_nibble(at(i + 3))) {
      out += static_cast<char>((at(i + 2) - 'a') << 4 | (at(i + 3) - 'a'));
      i += 3;
    } else {
      return std::nullopt;
    }
  }
  if (spell(out) != s) return std::nullopt;
  return out;
}

}  // namespace diffvisor::bucket
