// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/expr_text.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "harness/case/case.h"
#include "harness/rules/leaf.h"

namespace diffvisor::rules {
namespace {

// ------------------------------------------------------------------ printing

class Printer {
 public:
  Printer(const Expr& e, const Schema& schema, std::span<const FreeCondition> functions)
      : e_(e), schema_(schema), functions_(functions) {}

  std::string text(unsigned i) const {
    const Node& n = e_.n[i];
    switch (n.op) {
      case Op::True:
        return "true";
      case Op::And:
        return fmt::format("{} && {}", operand(n.l, Op::And), operand(n.r, Op::And));
      case Op::Or:
        return fmt::format("{} || {}", operand(n.l, Op::Or), operand(n.r, Op::Or));
      case Op::Not:
        return fmt::format("!({})", text(n.l));
      case Op::EqConst:
        return equals(n);
      case Op::InSet:
        return in_set(n);
      case Op::LeConst:
        return fmt::format("{} <= {:#x}", slice(n.a), n.c);
      case Op::Eq:
        return fmt::format("{} == {}", slice(n.a), slice(n.b));
      case Op::Le:
        return fmt::format("{} <= {}", slice(n.a), slice(n.b));
      case Op::SubsetOf:
        return call("subset", n);
      case Op::Covers:
        return call("covers", n);
      case Op::FitsWidth:
        return fmt::format("fits({}, {})", slice(n.a), slice(n.b));
      case Op::Canonical:
        return fmt::format("canonical({}, {})", slice(n.a), slice(n.b));
      case Op::HighEqual:
        return fmt::format("high_equal({}, {})", slice(n.a), slice(n.b));
      case Op::Pat:
        return fmt::format("pat({})", slice(n.a));
      case Op::LinearEnd: {
        const LinearEnd end = linear_end(n.c);
        return fmt::format("last_fits({}, {}, {:#x}, {:#x}, {})", slice(n.a), slice(n.b), end.scale, end.bias,
                           slice(all(end.width)));
      }
      case Op::Free:
        return fmt::format("{}({}, {})", functions_[n.c].name, slice(n.a), slice(n.b));
    }
    return {};
  }

 private:
  std::string operand(unsigned i, Op parent) const {
    const Op op = e_.n[i].op;
    const bool bare = op == parent || (op != Op::And && op != Op::Or);
    return bare ? text(i) : fmt::format("({})", text(i));
  }

  std::string equals(const Node& n) const {
    if (n.a.n == 1 && n.c == 1) return slice(n.a);
    return fmt::format("{} == {:#x}", slice(n.a), n.c);
  }

  std::string in_set(const Node& n) const {
    std::string out = fmt::format("in({}", slice(n.a));
    for (unsigned x = 0; x < 64; ++x)
      if (n.c >> x & 1) out += fmt::format(", {:#x}", x);
    return out + ")";
  }

  std::string call(std::string_view name, const Node& n) const {
    if (n.c == 0) return fmt::format("{}({}, {})", name, slice(n.a), slice(n.b));
    return fmt::format("{}({}, {}, {:#x})", name, slice(n.a), slice(n.b), n.c);
  }

  std::string slice(const Slice& a) const {
    const Field& f = field_of_slot(schema_, a.slot);
    std::string out(f.name);
    if (f.count > 1) out += fmt::format(".{}", a.slot - f.slot);
    if (a.n == 1) return out + fmt::format("[{}]", a.lo);
    if (a.lo == 0 && a.n == 64) return out;
    return out + fmt::format("[{}:{}]", a.lo + a.n - 1, a.lo);
  }

  const Expr& e_;
  const Schema& schema_;
  std::span<const FreeCondition> functions_;
};

// ------------------------------------------------------------------ parsing

struct Token {
  enum Kind { Name, Number, Symbol, End } kind = End;
  std::string_view text;
  std::uint64_t number = 0;
};

class Parser {
 public:
  Parser(std::string_view text, const Schema& schema, std::span<const FreeCondition> functions, std::string_view place)
      : rest_(text), schema_(schema), functions_(functions), place_(place) {
    advance();
  }

  Result<Expr> parse() {
    Expr e = disjunction(0);
    if (error_.empty() && token_.kind != Token::End) give_up(fmt::format("unexpected '{}'", token_.text));
    if (!error_.empty()) return fail(ErrorCode::Format, std::string(place_), error_);
    return e;
  }

 private:
  static constexpr int kDeepest = 32;

  void give_up(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    token_ = {};
    rest_ = {};
  }

  static bool is_name(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
  }

  void advance() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t')) rest_.remove_prefix(1);
    token_ = {};
    if (rest_.empty()) return;
    std::size_t n = 0;
    while (n < rest_.size() && is_name(rest_[n])) ++n;
    if (n > 0) {
      token_ = {Token::Name, rest_.substr(0, n), 0};
      if (rest_[0] >= '0' && rest_[0] <= '9') read_number();
    } else {
      const std::string_view two = rest_.substr(0, 2);
      n = two == "&&" || two == "||" || two == "==" || two == "!=" || two == "<=" ? 2 : 1;
      token_ = {Token::Symbol, rest_.substr(0, n), 0};
    }
    if (error_.empty()) rest_.remove_prefix(n);  // giving up has emptied it
  }

  void read_number() {
    const bool hex = token_.text.starts_with("0x");
    const std::string_view digits = hex ? token_.text.substr(2) : token_.text;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), token_.number, hex ? 16 : 10);
    token_.kind = Token::Number;
    if (ec != std::errc{} || end != digits.data() + digits.size())
      give_up(fmt::format("'{}' is not a number", token_.text));
  }

  bool accept(std::string_view symbol) {
    if (token_.kind != Token::Symbol || token_.text != symbol) return false;
    advance();
    return true;
  }
  void expect(std::string_view symbol) {
    if (!accept(symbol)) give_up(fmt::format("expected '{}' before '{}'", symbol, token_.text));
  }

  Expr joined(Op op, const Expr& a, const Expr& b) {
    if (a.size + b.size + 1u > kMaxNodes) return give_up("the condition is too long"), always();
    return op == Op::And ? (a && b) : (a || b);
  }
  Expr negated(const Expr& e) {
    if (e.size >= kMaxNodes) return give_up("the condition is too long"), always();
    return !e;
  }

  Expr disjunction(int depth) {
    Expr e = conjunction(depth);
    while (accept("||")) e = joined(Op::Or, e, conjunction(depth));
    return e;
  }
  Expr conjunction(int depth) {
    Expr e = unary(depth);
    while (accept("&&")) e = joined(Op::And, e, unary(depth));
    return e;
  }
  Expr unary(int depth) {
    if (depth > kDeepest) return give_up("nested too deeply"), always();
    if (accept("!")) return negated(unary(depth + 1));
    if (accept("(")) {
      Expr e = disjunction(depth + 1);
      expect(")");
      return e;
    }
    return leaf();
  }

  Expr leaf() {
    if (token_.kind != Token::Name) return give_up(fmt::format("expected a field before '{}'", token_.text)), always();
    const std::string_view name = token_.text;
    if (find_field(schema_, name) == nullptr) return word(name);
    const Slice a = slice();
    if (accept("==")) return comparison(a);
    if (accept("!=")) return negated(comparison(a));
    if (accept("<=")) return token_.kind == Token::Number ? le(a, number()) : le(a, slice());
    return a.n == 1 ? eq(a, 1) : nonzero(a);
  }

  Expr comparison(const Slice& a) { return token_.kind == Token::Number ? eq(a, number()) : same(a, slice()); }

  Expr word(std::string_view name) {
    advance();
    if (name == "true") return always();
    if (name == "false") return never();
    expect("(");
    Expr e = call(name);
    expect(")");
    return e;
  }

  Expr call(std::string_view name) {
    const Slice a = slice();
    if (name == "pat") return pat(a.slot);
    if (name == "in") return in_set(a);
    expect(",");
    if (name == "last_fits") return last(a);
    const Slice b = slice();
    if (name == "fits") return fits(a, b.slot);
    if (name == "canonical") return canonical(a.slot, b.slot);
    if (name == "high_equal") return high_equal(a.slot, b.slot);
    if (name == "subset" || name == "covers") {
      const std::uint64_t except = accept(",") ? number() : 0;
      return name == "subset" ? subset(a, b, except) : covers(a, b, except);
    }
    for (std::size_t i = 0; i < functions_.size(); ++i)
      if (functions_[i].name == name) return condition(static_cast<unsigned>(i), a, b);
    return give_up(fmt::format("no field and no condition is called '{}'", name)), always();
  }

  Expr in_set(const Slice& a) {
    Node n;
    n.op = Op::InSet;
    n.a = a;
    if (a.n > 6) give_up("in() takes ranges of at most 6 bits");
    while (accept(",")) {
      const std::uint64_t x = number();
      if (x > 63) give_up("in() takes ranges of at most 6 bits");
      if (error_.empty()) n.c |= std::uint64_t{1} << x;
    }
    return detail::leaf(n);
  }

  Expr last(const Slice& a) {
    const Slice count = slice();
    expect(",");
    const std::uint64_t scale = number();
    expect(",");
    const std::uint64_t bias = number();
    expect(",");
    const Slice width = slice();
    if (scale == 0 || scale > 0xffffff || bias > 0xff) give_up("last_fits() wants a scale and a small bias");
    return last_fits(a.slot, count, static_cast<unsigned>(scale), static_cast<unsigned>(bias), width.slot);
  }

  std::uint64_t number() {
    if (token_.kind != Token::Number) return give_up(fmt::format("expected a number before '{}'", token_.text)), 0;
    const std::uint64_t x = token_.number;
    advance();
    return x;
  }

  Slice slice() {
    const Field* f = token_.kind == Token::Name ? find_field(schema_, token_.text) : nullptr;
    if (f == nullptr) return give_up(fmt::format("no field is called '{}'", token_.text)), Slice{};
    advance();
    Slice a = all(f->slot);
    if (accept(".")) {
      const std::uint64_t k = number();
      if (k >= f->count) return give_up(fmt::format("{} has {} elements", f->name, f->count)), Slice{};
      a.slot = static_cast<Slot>(f->slot + k);
    }
    if (!accept("[")) return a;
    const std::uint64_t hi = number(), lo = accept(":") ? number() : hi;
    expect("]");
    if (hi > 63 || lo > hi) return give_up("bit ranges are [high:low] within 63:0"), Slice{};
    return bits(a.slot, static_cast<unsigned>(hi), static_cast<unsigned>(lo));
  }

  std::string_view rest_;
  const Schema& schema_;
  std::span<const FreeCondition> functions_;
  std::string_view place_;
  Token token_;
  std::string error_;
};

}  // namespace

std::string expr_text(const Expr& e, const Schema& schema, std::span<const FreeCondition> functions) {
  return Printer(e, schema, functions).text(e.size - 1u);
}

Result<Expr> parse_expr(std::string_view text, const Schema& schema, std::span<const FreeCondition> functions,
                        std::string_view place) {
  return Parser(text, schema, functions, place).parse();
}

}  // namespace diffvisor::rules
