// SPDX-License-Identifier: Apache-2.0
#include "harness/case/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "harness/base/bits.h"

namespace diffvisor {
namespace {

std::uint64_t mask_of(const BitName& b) { return ones(b.hi - b.lo + 1u) << b.lo; }

// One item of a list: NAME or NAME:number.
std::optional<std::uint64_t> parse_bit_name(const Field& f, std::string_view item, std::uint64_t taken) {
  const std::size_t colon = item.find(':');
  const auto it = std::ranges::find(f.bits, item.substr(0, colon), &BitName::name);
  if (it == f.bits.end() || (taken & mask_of(*it)) != 0) return std::nullopt;
  if (it->hi == it->lo) return colon == item.npos ? std::optional(mask_of(*it)) : std::nullopt;
  const auto v = colon == item.npos ? std::nullopt : parse_number(item.substr(colon + 1));
  if (!v || (*v & ~ones(it->hi - it->lo + 1u)) != 0) return std::nullopt;
  return *v << it->lo;
}

}  // namespace

std::string hex_text(std::uint64_t v) { return fmt::format("{:#x}", v); }

std::string bit_names_text(const Field& f, std::uint64_t v) {
  std::string text;
  std::uint64_t rest = v;
  for (const BitName& b : f.bits) {
    if ((rest & mask_of(b)) == 0) continue;
    if (!text.empty()) text += '|';
    text += b.name;
    if (b.hi != b.lo) text += fmt::format(":{:#x}", field_of(rest, b.hi, b.lo));
    rest &= ~mask_of(b);
  }
  return rest != 0 || text.empty() ? hex_text(v) : text;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v, hex ? 16 : 10);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<std::uint64_t> parse_value(const Field& f, std::string_view text) {
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') return parse_number(text);
  std::uint64_t v = 0;
  while (true) {
    const std::size_t bar = text.find('|');
    const auto bits = parse_bit_name(f, text.substr(0, bar), v);
    if (!bits) return std::nullopt;
    v |= *bits;
    if (bar == text.npos) return v;
    text.remove_prefix(bar + 1);
  }
}

std::string slot_name(const Field& f, unsigned index) {
  return f.count == 1 ? std::string(f.name) : fmt::format("{}[{}]", f.name, index);
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.' ||
           ch == '-';
  });
}

}  // namespace diffvisor
