// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/batch_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "harness/base/check.h"
#include "harness/rules/leaf.h"

namespace diffvisor::rules {
namespace {

constexpr Literal kTrue = {0, 0};

BatchLeaf unary(Form form, const Slice& a, std::uint64_t c) {
  return {.form = form, .a = a.slot, .a_lo = a.lo, .a_mask = ones(a.n), .c = c};
}
BatchLeaf binary(Form form, const Slice& a, const Slice& b, std::uint64_t c) {
  BatchLeaf l = unary(form, a, c);
  l.b = b.slot, l.b_lo = b.lo, l.b_mask = ones(b.n);
  return l;
}

auto key(const BatchLeaf& l) {
  return std::tuple(l.form, l.a, l.b, l.a_lo, l.b_lo, l.a_mask, l.b_mask, l.c, l.width, l.node);
}
struct Before {
  bool operator()(const BatchLeaf& l, const BatchLeaf& r) const { return key(l) < key(r); }
};

// One bit is 0 and the same bit is 1 are one leaf and its complement.
bool is_one_bit(const Node& n) { return n.op == Op::EqConst && n.a.n == 1 && n.c == 1; }

BatchLeaf masked(const Node& n) {
  const std::uint64_t mask = ones(n.a.n) << n.a.lo, c = is_one_bit(n) ? 0 : n.c << n.a.lo;
  return {.form = c == 0 ? Form::Zero : Form::Masked, .a = n.a.slot, .a_mask = mask, .c = c};
}

BatchLeaf leaf_of(const Node& n) {
  switch (n.op) {
    case Op::EqConst:
      return masked(n);
    case Op::InSet:
      return unary(Form::InSet, n.a, n.c);
    case Op::LeConst:
      return unary(Form::AtMostConst, n.a, n.c);
    case Op::Eq:
      return binary(Form::Equal, n.a, n.b, 0);
    case Op::Le:
      return binary(Form::AtMost, n.a, n.b, 0);
    case Op::SubsetOf:
      return binary(Form::Subset, n.a, n.b, n.c);
    case Op::Covers:
      return binary(Form::Subset, n.b, n.a, n.c);
    case Op::FitsWidth:
      return binary(Form::Fits, n.a, all(n.b.slot), 0);
    case Op::Canonical:
      return binary(Form::Canonical, all(n.a.slot), all(n.b.slot), 0);
    case Op::HighEqual:
      return binary(Form::HighEqual, all(n.a.slot), all(n.b.slot), 0);
    case Op::Pat:
      return unary(Form::Pat, all(n.a.slot), 0);
    case Op::LinearEnd: {
      BatchLeaf l = binary(Form::LinearEnd, all(n.a.slot), n.b, 0);
      l.width = linear_end(n.c).width, l.node = &n;
      return l;
    }
    case Op::Free: {
      BatchLeaf l;
      l.form = Form::Free, l.node = &n;
      return l;
    }
    case Op::True:
    case Op::And:
    case Op::Or:
    case Op::Not:
      break;
  }
  CHECK(false);
  return {};
}

// Words and blocks for a table: leaves first, then the terms rows are made of.
class Builder {
 public:
  Builder(BatchPlan& plan, std::span<const Rule> rules) : plan_(plan), rules_(rules) {}

  void build() {
    for (const Rule& r : rules_) {
      add_leaves(r.when);
      if (!is_asked(r)) add_leaves(r.must);
    }
    place_leaves();
    for (const Rule& r : rules_) {
      RowWords& row = plan_.rows.emplace_back();
      row.applied = literal(r.when, r.when.size - 1u);
      if (is_asked(r)) row.asked = &r.must.root();
      if (!is_asked(r)) row.failed = !literal(r.must, r.must.size - 1u);
    }
    CHECK(next_ <= kMostWords);
  }

 private:
  static bool is_asked(const Rule& r) { return r.must.root().op == Op::Free; }
  static bool is_impossible(const Node& n) { return n.op == Op::EqConst && n.c > ones(n.a.n); }
  static bool is_leaf(const Node& n) {
    return n.op != Op::True && n.op != Op::And && n.op != Op::Or && n.op != Op::Not;
  }

  void add_leaves(const Expr& e) {
    for (unsigned i = 0; i < e.size; ++i)
      if (is_leaf(e.n[i]) && !is_impossible(e.n[i])) leaves_.try_emplace(leaf_of(e.n[i]), 0);
  }

  static unsigned block_of(Slot s) { return s / 8u; }

  static std::vector<Slot> slots_of(const BatchLeaf& l) {
    if (l.form == Form::Free) return {};
    if (l.form == Form::LinearEnd) return {l.a, l.b, l.width};
    return l.b_mask != 0 ? std::vector<Slot>{l.a, l.b} : std::vector<Slot>{l.a};
  }

  // Of the blocks a leaf needs all but the last are kept: most often those of capabilities.
  void choose_blocks() {
    std::set<unsigned> kept, passing;
    for (const auto& [l, word] : leaves_) {
      std::set<unsigned> needed;
      for (const Slot s : slots_of(l)) needed.insert(block_of(s));
      passing.insert(needed.begin(), needed.end());
      for (const unsigned n : kept) needed.erase(n);
      if (needed.size() > 1) kept.insert(needed.begin(), std::prev(needed.end()));
    }
    for (const unsigned n : kept) add_block(n, plan_.blocks.size() + 1);
    for (const unsigned n : passing)
      if (!kept.contains(n)) add_block(n, 0);
  }

  void add_block(unsigned n, std::size_t place) {
    turn_[n] = plan_.blocks.size();
    plan_.blocks.push_back({static_cast<Slot>(8 * n), static_cast<std::uint16_t>(8 * place), 0});
  }

  // The block after which a leaf can be answered.
  std::size_t turn(const BatchLeaf& l) const {
    if (l.form == Form::Free) return plan_.blocks.size();
    std::size_t last = 0;
    for (const Slot s : slots_of(l)) last = std::max(last, turn_[block_of(s)]);
    return last;
  }

  Slot column(Slot s) const { return static_cast<Slot>(plan_.blocks[turn_[block_of(s)]].column + s % 8); }

  void place_leaves() {
    choose_blocks();
    for (std::size_t now = 0; now <= plan_.blocks.size(); ++now) {
      for (auto& [leaf, word] : leaves_) {
        if (turn(leaf) != now) continue;
        word = next_++;
        BatchLeaf& placed = plan_.leaves.emplace_back(leaf);
        const std::vector<Slot> slots = slots_of(leaf);
        if (slots.size() > 0) placed.a = placed.b = column(leaf.a);
        if (slots.size() > 1) placed.b = column(leaf.b);
        if (slots.size() > 2) placed.width = column(leaf.width);
      }
      if (now < plan_.blocks.size()) plan_.blocks[now].leaf_end = static_cast<std::uint32_t>(plan_.leaves.size());
    }
  }

  Literal literal(const Expr& e, unsigned i) {
    const Node& n = e.n[i];
    if (n.op == Op::True) return kTrue;
    if (n.op == Op::Not) return !literal(e, n.l);
    if (is_impossible(n)) return !kTrue;
    if (is_leaf(n)) return {leaves_.at(leaf_of(n)), static_cast<std::int8_t>(is_one_bit(n) ? -1 : 0)};
    std::vector<Literal> all;
    collect(e, i, n.op == Op::And, all);
    const Literal together = conjunction(std::move(all));
    return n.op == Op::And ? together : !together;
  }

  // Literals that are all true exactly when node i is `want`.
  void collect(const Expr& e, unsigned i, bool want, std::vector<Literal>& out) {
    const Node& n = e.n[i];
    if (n.op == Op::Not) return collect(e, n.l, !want, out);
    if (n.op != (want ? Op::And : Op::Or)) {
      const Literal x = literal(e, i);
      out.push_back(want ? x : !x);
      return;
    }
    collect(e, n.l, want, out);
    collect(e, n.r, want, out);
  }

  // Ascending, so that rows share how it begins.
  Literal conjunction(std::vector<Literal> all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    Literal together = kTrue;
    for (const Literal& x : all) together = both(together, x);
    return together;
  }

  Literal both(Literal l, Literal r) {
    if (l == kTrue || r == kTrue) return l == kTrue ? r : l;
    const auto [it, is_new] = terms_.try_emplace(Term{l, r}, next_);
    if (is_new) {
      ++next_;
      plan_.terms.push_back({l, r});
    }
    return {it->second, 0};
  }

  BatchPlan& plan_;
  std::span<const Rule> rules_;
  std::map<BatchLeaf, std::uint16_t, Before> leaves_;
  std::map<Term, std::uint16_t> terms_;
  std::array<std::size_t, kMaxSlots / 8> turn_{};  // of each block
  std::uint16_t next_ = 1;
};

}  // namespace

BatchPlan make_batch_plan(std::span<const Rule> rules, std::span<const FreeWord> functions) {
  BatchPlan plan;
  plan.functions = functions;
  Builder(plan, rules).build();
  return plan;
}

}  // namespace diffvisor::rules
