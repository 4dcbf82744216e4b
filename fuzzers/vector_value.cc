// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/vector_value.h"

#include <algorithm>

#include <fmt/format.h>

#include "harness/base/bits.h"
#include "harness/case/value_text.h"

namespace diffvisor {
namespace {

constexpr unsigned kDeepest = 16;  // parentheses
constexpr std::string_view kOperators[] = {"|", "&~", "&", "^", "+", "-", "*"};

bool is_name_character(char ch) {
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.';
}

std::uint64_t apply(std::string_view op, std::uint64_t a, std::uint64_t b) {
  if (op == "|") return a | b;
  if (op == "&~") return a & ~b;
  if (op == "&") return a & b;
  if (op == "^") return a ^ b;
  if (op == "+") return a + b;
  return op == "-" ? a - b : a * b;
}

class Evaluator {
 public:
  Evaluator(std::string_view text, const NameValues& names) : rest_(text), names_(names) {}

  ValueOrReason whole(std::uint64_t left) {
    auto value = next_operator().empty() ? operand() : ValueOrReason(left);
    if (value) value = operations(*value);
    if (value && !rest_.empty()) return unreadable();
    return value;
  }

 private:
  tl::unexpected<std::string> unreadable() const {
    return tl::unexpected(rest_.empty() ? std::string("a value is missing") : fmt::format("cannot read '{}'", rest_));
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  bool take(char ch) {
    skip_blanks();
    if (!rest_.starts_with(ch)) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }

  std::string_view next_operator() {
    skip_blanks();
    for (const std::string_view op : kOperators)
      if (rest_.starts_with(op)) return op;
    return {};
  }

  ValueOrReason operations(std::uint64_t value) {
    for (auto op = next_operator(); !op.empty(); op = next_operator()) {
      rest_.remove_prefix(op.size());
      const auto right = operand();
      if (!right) return right;
      value = apply(op, value, *right);
    }
    return value;
  }

  ValueOrReason operand() {
    skip_blanks();
    if (rest_.starts_with('(')) return group();
    const auto end = std::ranges::find_if_not(rest_, is_name_character);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    if (word.empty()) return unreadable();
    rest_.remove_prefix(word.size());
    if (word[0] >= '0' && word[0] <= '9') {
      const auto number = parse_number(word);
      return number ? ValueOrReason(*number) : tl::unexpected(fmt::format("'{}' is no number", word));
    }
    return named(word);
  }

  ValueOrReason group() {
    if (++depth_ > kDeepest) return tl::unexpected(std::string("too many parentheses"));
    take('(');
    auto value = operand();
    if (value) value = operations(*value);
    if (value && !take(')')) return unreadable();
    --depth_;
    return value ? slice(*value) : value;
  }

  ValueOrReason named(std::string_view name) {
    std::optional<std::string_view> argument;
    if (rest_.starts_with('(')) {
      const std::size_t close = rest_.find(')');
      if (close == rest_.npos) return unreadable();
      argument = rest_.substr(1, close - 1);
      rest_.remove_prefix(close + 1);
    }
    const auto value = names_(name, argument);
    return value ? slice(*value) : value;
  }

  ValueOrReason slice(std::uint64_t value) {
    if (!rest_.starts_with('[')) return value;
    const std::size_t close = rest_.find(']');
    if (close == rest_.npos) return unreadable();
    const std::string_view inside = rest_.substr(1, close - 1);
    const std::size_t colon = inside.find(':');
    const auto hi = parse_number(inside.substr(0, colon));
    const auto lo = colon == inside.npos ? hi : parse_number(inside.substr(colon + 1));
    if (!hi || !lo || *hi > 63 || *lo > *hi) return unreadable();
    rest_.remove_prefix(close + 1);
    return field_of(value, static_cast<unsigned>(*hi), static_cast<unsigned>(*lo));
  }

  std::string_view rest_;
  const NameValues& names_;
  unsigned depth_ = 0;
};

}  // namespace

ValueOrReason evaluate(std::string_view text, std::uint64_t left, const NameValues& names) {
  return Evaluator(text, names).whole(left);
}

}  // namespace diffvisor
