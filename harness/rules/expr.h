// SPDX-License-Identifier: Apache-2.0
// Conditions over a case's values as constant data: small trees in literal arrays. One tree is evaluated (compiled by
// survey.h, interpreted by interpret.h), made true or false (satisfy.h), printed and parsed (expr_text.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "harness/arch/schema.h"
#include "harness/base/bits.h"
#include "harness/base/check.h"
#include "harness/base/rng.h"

namespace diffvisor::rules {

// Bits lo .. lo+n-1 of a slot.
struct Slice {
  Slot slot = 0;
  std::uint8_t lo = 0;
  std::uint8_t n = 64;
  bool operator==(const Slice&) const = default;
};

enum class Op : std::uint8_t {
  True,
  And,  // l, r are node indices
  Or,
  Not,        // l
  EqConst,    // a == c
  InSet,      // bit (a) of c is set; a has at most 6 bits
  LeConst,    // a <= c
  Eq,         // a == b
  Le,         // a <= b
  SubsetOf,   // a & ~b & ~c == 0: no bit of a outside b, bits in c excepted
  Covers,     // b & ~a & ~c == 0: every bit of b is in a, bits in c excepted
  FitsWidth,  // a >> value(b) == 0
  Canonical,  // bits 63:(value(b)-1) of a are equal
  HighEqual,  // bits 63:value(b) of a are equal
  Pat,        // every byte of a is a memory type PAT accepts: 0, 1, 4, 5, 6, 7
  LinearEnd,  // (a + scale * b - bias), without wrap, fits value(w); scale, bias and w packed in c
  Free,       // functions[c]: a named function with its own repair
};

struct Node {
  Op op = Op::True;
  Slice a{};
  Slice b{};
  std::uint64_t c = 0;
  std::uint8_t l = 0;
  std::uint8_t r = 0;
  bool operator==(const Node&) const = default;
};

inline constexpr std::size_t kMaxNodes = 24;

// The root is the last node. Operands come before the node that uses them.
struct Expr {
  std::array<Node, kMaxNodes> n{};
  std::uint8_t size = 1;

  constexpr const Node& root() const { return n[size - 1u]; }
  bool operator==(const Expr&) const = default;
};

// Bits that repair must not change: one mask per slot.
using Locks = std::array<std::uint64_t, kMaxSlots>;

// A condition that does not fit the leaves above. `index` comes from the leaf (Slice a: slot = first operand).
struct FreeCondition {
  const char* name;
  bool (*holds)(const std::uint64_t* v, Slice a, Slice b);
  // Makes holds() == want by changing unlocked bits; false if it could not.
  bool (*make)(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng);
  Slot writes;  // offset from a.slot of the highest slot make() may write: its rank in repair order
  // Optional, for speed: the states of `among` (bit i: states[i]) for which holds() is true; the other bits are 0.
  std::uint64_t (*holds_each)(const std::uint64_t* const* states, std::uint64_t among, Slice a, Slice b) = nullptr;
};

namespace detail {
constexpr Expr leaf(const Node& node) {
  Expr e;
  e.n[0] = node;
  return e;
}
constexpr Expr join(Op op, const Expr& a, const Expr& b) {
  Expr e = a;
  CHECK(a.size + b.size + 1u <= kMaxNodes);
  for (std::uint8_t i = 0; i < b.size; ++i) {
    Node x = b.n[i];
    x.l = static_cast<std::uint8_t>(x.l + a.size);
    x.r = static_cast<std::uint8_t>(x.r + a.size);
    e.n[static_cast<std::size_t>(a.size + i)] = x;
  }
  Node top;
  top.op = op;
  top.l = static_cast<std::uint8_t>(a.size - 1);
  top.r = static_cast<std::uint8_t>(a.size + b.size - 1);
  e.n[static_cast<std::size_t>(a.size + b.size)] = top;
  e.size = static_cast<std::uint8_t>(a.size + b.size + 1);
  return e;
}
constexpr Node binary(Op op, Slice a, Slice b, std::uint64_t c = 0) {
  Node n;
  n.op = op;
  n.a = a;
  n.b = b;
  n.c = c;
  return n;
}
constexpr Node unary(Op op, Slice a, std::uint64_t c) { return binary(op, a, Slice{}, c); }
}  // namespace detail

constexpr bool is_always(const Expr& e) { return e.root().op == Op::True; }

// ---- builders: how rows are written
constexpr Expr always() { return Expr{}; }
constexpr Expr operator&&(const Expr& a, const Expr& b) {
  return is_always(a) ? b : is_always(b) ? a : detail::join(Op::And, a, b);
}
constexpr Expr operator||(const Expr& a, const Expr& b) { return detail::join(Op::Or, a, b); }
constexpr Expr operator!(const Expr& a) {
  Expr e = a;
  CHECK(a.size < kMaxNodes);
  Node top;
  top.op = Op::Not;
  top.l = static_cast<std::uint8_t>(a.size - 1);
  e.n[a.size] = top;
  e.size = static_cast<std::uint8_t>(a.size + 1);
  return e;
}
constexpr Expr never() { return !always(); }

constexpr Slice bits(Slot slot, unsigned hi, unsigned lo) {
  return {slot, static_cast<std::uint8_t>(lo), static_cast<std::uint8_t>(hi - lo + 1)};
}
constexpr Slice all(Slot slot) { return {slot, 0, 64}; }

constexpr Expr eq(Slice a, std::uint64_t c) { return detail::leaf(detail::unary(Op::EqConst, a, c)); }
constexpr Expr eq(Slot s, std::uint64_t c) { return eq(all(s), c); }
constexpr Expr bit(Slot s, unsigned b) { return eq(bits(s, b, b), 1); }
constexpr Expr clear(Slot s, unsigned b) { return eq(bits(s, b, b), 0); }
constexpr Expr zero(Slot s, unsigned hi, unsigned lo) { return eq(bits(s, hi, lo), 0); }
constexpr Expr nonzero(Slice a) { return !eq(a, 0); }
// in(bits(f, 3, 0), {9, 11}) with at most 6 bits
constexpr Expr in(Slice a, std::initializer_list<unsigned> values) {
  std::uint64_t set = 0;
  for (const unsigned v : values) set |= std::uint64_t{1} << v;
  return detail::leaf(detail::unary(Op::InSet, a, set));
}
constexpr Expr le(Slice a, std::uint64_t c) { return detail::leaf(detail::unary(Op::LeConst, a, c)); }
constexpr Expr same(Slice a, Slice b) { return detail::leaf(detail::binary(Op::Eq, a, b)); }
constexpr Expr le(Slice a, Slice b) { return detail::leaf(detail::binary(Op::Le, a, b)); }
constexpr Expr subset(Slice a, Slice of, std::uint64_t except = 0) {
  return detail::leaf(detail::binary(Op::SubsetOf, a, of, except));
}
constexpr Expr covers(Slice a, Slice must, std::uint64_t except = 0) {
  return detail::leaf(detail::binary(Op::Covers, a, must, except));
}
constexpr Expr fits(Slice a, Slot width) { return detail::leaf(detail::binary(Op::FitsWidth, a, all(width))); }
constexpr Expr canonical(Slot a, Slot width) { return detail::leaf(detail::binary(Op::Canonical, all(a), all(width))); }
constexpr Expr high_equal(Slot a, Slot width) {
  return detail::leaf(detail::binary(Op::HighEqual, all(a), all(width)));
}
constexpr Expr pat(Slot a) { return detail::leaf(detail::unary(Op::Pat, all(a), 0)); }
// The last byte of a table: a + scale * count - bias fits the width, computed without wrap.
constexpr Expr last_fits(Slot a, Slice count, unsigned scale, unsigned bias, Slot width) {
  return detail::leaf(
      detail::binary(Op::LinearEnd, all(a), count, std::uint64_t{width} << 32 | std::uint64_t{scale} << 8 | bias));
}
// functions[index] of the rule set
constexpr Expr condition(unsigned index, Slice a, Slice b = {}) {
  return detail::leaf(detail::binary(Op::Free, a, b, index));
}

}  // namespace diffvisor::rules
