// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/interpret.h"

namespace diffvisor::rules {
namespace {

bool holds_at(const Expr& e, unsigned i, const std::uint64_t* v, std::span<const FreeCondition> functions) {
  const Node& n = e.n[i];
  if (n.op == Op::And) return holds_at(e, n.l, v, functions) && holds_at(e, n.r, v, functions);
  if (n.op == Op::Or) return holds_at(e, n.l, v, functions) || holds_at(e, n.r, v, functions);
  if (n.op == Op::Not) return !holds_at(e, n.l, v, functions);
  if (n.op == Op::Free) return functions[n.c].holds(v, n.a, n.b);
  return leaf_holds(n, v);
}

struct Walk {
  const Expr& e;
  std::uint64_t* v;
  const Locks& locks;
  Rng& rng;
  std::span<const FreeCondition> functions;

  bool make(unsigned i, bool want) {
    const Node& n = e.n[i];
    if (holds_at(e, i, v, functions) == want) return true;
    if (n.op == Op::Not) return make(n.l, !want);
    if (n.op != Op::And && n.op != Op::Or) return make_leaf(n, v, locks, want, rng, functions);
    if ((n.op == Op::And) == want) return make(n.l, want) && make(n.r, want) && holds_at(e, i, v, functions) == want;
    const unsigned left = rank(e, n.l, functions), right = rank(e, n.r, functions);
    const bool right_first = right > left || (right == left && rng.one_in(2));
    return right_first ? make(n.r, want) || make(n.l, want) : make(n.l, want) || make(n.r, want);
  }
};

void add_slice(const Slice& a, Locks& out) { out[a.slot] |= ones(a.n) << a.lo; }

}  // namespace

bool holds(const Expr& e, const std::uint64_t* v, std::span<const FreeCondition> functions) {
  return holds_at(e, e.size - 1u, v, functions);
}

bool make(const Expr& e, std::uint64_t* v, const Locks& locks, bool want, Rng& rng,
          std::span<const FreeCondition> functions) {
  return Walk{e, v, locks, rng, functions}.make(e.size - 1u, want);
}

void add_bits_read(const Expr& e, Locks& out) {
  for (unsigned i = 0; i < e.size; ++i) {
    const Node& n = e.n[i];
    switch (n.op) {
      case Op::True:
      case Op::And:
      case Op::Or:
      case Op::Not:
        break;
      case Op::Eq:
      case Op::Le:
      case Op::SubsetOf:
      case Op::Covers:
      case Op::LinearEnd:
      case Op::Free:
        add_slice(n.a, out);
        add_slice(n.b, out);
        break;
      case Op::EqConst:
      case Op::InSet:
      case Op::LeConst:
      case Op::FitsWidth:
      case Op::Canonical:
      case Op::HighEqual:
      case Op::Pat:
        add_slice(n.a, out);
        break;
    }
  }
}

}  // namespace diffvisor::rules
