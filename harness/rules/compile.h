// SPDX-License-Identifier: Apache-2.0
// Turns a constant table into straight-line code: each (row, node) is its own instantiation, chosen with if constexpr.
// Include it in the one .cc that owns the table; everybody else uses the RuleSet (rule.h).
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "harness/rules/batch_plan.h"
#include "harness/rules/make_leaf.h"
#include "harness/rules/rule.h"

namespace diffvisor::rules {
namespace compiled {

template <const auto& T, std::size_t R, bool Must>
constexpr const Expr& tree() {
  return Must ? T[R].must : T[R].when;
}

template <const auto& T, const auto& F, std::size_t R, bool Must, std::size_t I>
[[gnu::always_inline]] inline bool eval(const std::uint64_t* v) {
  constexpr Node n = tree<T, R, Must>().n[I];
  // Both sides are always evaluated: a branch costs more than a leaf.
  if constexpr (n.op == Op::And) {
    return (unsigned{eval<T, F, R, Must, n.l>(v)} & unsigned{eval<T, F, R, Must, n.r>(v)}) != 0;
  } else if constexpr (n.op == Op::Or) {
    return (unsigned{eval<T, F, R, Must, n.l>(v)} | unsigned{eval<T, F, R, Must, n.r>(v)}) != 0;
  } else if constexpr (n.op == Op::Not) {
    return !eval<T, F, R, Must, n.l>(v);
  } else if constexpr (n.op == Op::Free) {
    return F[n.c].holds(v, n.a, n.b);
  } else {
    return leaf_holds(n, v);
  }
}

template <const auto& T, const auto& F, std::size_t R>
[[gnu::always_inline]] inline bool applies(const std::uint64_t* v) {
  return eval<T, F, R, false, T[R].when.size - 1u>(v);
}
template <const auto& T, const auto& F, std::size_t R>
[[gnu::always_inline]] inline bool holds(const std::uint64_t* v) {
  return eval<T, F, R, true, T[R].must.size - 1u>(v);
}

struct Word {
  std::uint64_t applied = 0;
  std::uint64_t broken = 0;
};

template <const auto& T, const auto& F, std::size_t W, std::size_t... J>
[[gnu::always_inline]] inline Word word_of(const std::uint64_t* v, std::index_sequence<J...>) {
  std::uint64_t applied = 0, failed = 0;
  ((applied |= std::uint64_t{applies<T, F, W * 64 + J>(v)} << J,
    failed |= std::uint64_t{!holds<T, F, W * 64 + J>(v)} << J),
   ...);
  return {applied, applied & failed};
}

// One function per 64 rows keeps register pressure and compile time bounded.
template <const auto& T, const auto& F, std::size_t W>
[[gnu::noinline]] Word word(const std::uint64_t* v) {
  constexpr std::size_t n = T.size() - W * 64 < 64 ? T.size() - W * 64 : 64;
  return word_of<T, F, W>(v, std::make_index_sequence<n>{});
}

template <const auto& T>
constexpr std::size_t kWords = (T.size() + 63) / 64;

template <const auto& T, const auto& F>
void survey(const std::uint64_t* v, Survey& out) {
  out = Survey{};
  [&]<std::size_t... W>(std::index_sequence<W...>) {
    (([&] {
       const Word w = word<T, F, W>(v);
       out.applied.word(W) = w.applied;
       out.broken.word(W) = w.broken;
     }()),
     ...);
  }
  (std::make_index_sequence<kWords<T>>{});
}

// F[C] for those of 64 states that are asked about.
template <const auto& F, std::size_t C>
std::uint64_t free_word(const std::uint64_t* const* states, std::uint64_t among, Slice a, Slice b) {
  if constexpr (F[C].holds_each != nullptr) {
    return F[C].holds_each(states, among, a, b);
  } else {
    std::uint64_t out = 0;
    for (; among != 0; among &= among - 1) {
      const int i = std::countr_zero(among);
      out |= std::uint64_t{F[C].holds(states[i], a, b)} << i;
    }
    return out;
  }
}
template <const auto& F>
inline constexpr auto kFreeWords = []<std::size_t... C>(std::index_sequence<C...>) {
  return std::array<FreeWord, sizeof...(C)>{&free_word<F, C>...};
}
(std::make_index_sequence<F.size()>{});

template <const auto& T, const auto& F>
const BatchPlan* batch_plan() {
  if (!has_batch_unit()) return nullptr;
  static const BatchPlan plan = make_batch_plan(T, kFreeWords<F>);
  return &plan;
}

// Makes node I of row R's tree equal to Want. Of two branches of which one is enough, the later field gives way first.
template <const auto& T, const auto& F, std::size_t R, bool Must, std::size_t I, bool Want>
bool make(std::uint64_t* v, const Locks& locks, Rng& rng) {
  constexpr const Expr& e = tree<T, R, Must>();
  constexpr Node n = e.n[I];
  if (eval<T, F, R, Must, I>(v) == Want) return true;
  if constexpr (n.op == Op::Not) {
    return make<T, F, R, Must, n.l, !Want>(v, locks, rng);
  } else if constexpr (n.op != Op::And && n.op != Op::Or) {
    if constexpr (kInlineRepairs) return make_broken_leaf(n, v, locks, Want, rng, F);
    return make_leaf(n, v, locks, Want, rng, F);
  } else if constexpr ((n.op == Op::And) == Want) {
    return make<T, F, R, Must, n.l, Want>(v, locks, rng) && make<T, F, R, Must, n.r, Want>(v, locks, rng) &&
           eval<T, F, R, Must, I>(v) == Want;
  } else {
    constexpr unsigned left = rank(e, n.l, F), right = rank(e, n.r, F);
    if (right > left || (right == left && rng.one_in(2)))
      return make<T, F, R, Must, n.r, Want>(v, locks, rng) || make<T, F, R, Must, n.l, Want>(v, locks, rng);
    return make<T, F, R, Must, n.l, Want>(v, locks, rng) || make<T, F, R, Must, n.r, Want>(v, locks, rng);
  }
}

template <const auto& T, const auto& F, std::size_t R>
[[gnu::always_inline]] inline void repair_row(std::uint64_t* v, const Locks& locks, Rng& rng, bool flip) {
  constexpr std::size_t when = T[R].when.size - 1u, must = T[R].must.size - 1u;
  constexpr bool guard_is_later = rank(T[R].when, when, F) > rank(T[R].must, must, F);
  if (!applies<T, F, R>(v) || holds<T, F, R>(v)) return;
  if (guard_is_later != flip) {
    if (!make<T, F, R, false, when, false>(v, locks, rng)) make<T, F, R, true, must, true>(v, locks, rng);
  } else {
    if (!make<T, F, R, true, must, true>(v, locks, rng)) make<T, F, R, false, when, false>(v, locks, rng);
  }
}

using RepairRow = void (*)(std::uint64_t among, std::uint64_t flip, Repairing* const* states);
template <const auto& T, const auto& F, std::size_t R>
void repair_each(std::uint64_t among, std::uint64_t flip, Repairing* const* states) {
  for (; among != 0; among &= among - 1) {
    const int i = std::countr_zero(among);
    Repairing& s = *states[i];
    repair_row<T, F, R>(s.v, *s.locks, s.rng, (flip >> i & 1) != 0);
  }
}

template <const auto& T, const auto& F, std::size_t R>
constexpr RepairRow repair_of() {
  if constexpr (T[R].kind == Kind::Exit) {
    return nullptr;  // an event is not a defect
  } else {
    return &repair_each<T, F, R>;
  }
}
template <const auto& T, const auto& F>
inline constexpr auto kRepairs = []<std::size_t... R>(std::index_sequence<R...>) {
  return std::array<RepairRow, sizeof...(R)>{repair_of<T, F, R>()...};
}
(std::make_index_sequence<T.size()>{});

template <const auto& T, const auto& F>
void repair(std::size_t i, std::uint64_t among, std::uint64_t flip, Repairing* const* states) {
  if (kRepairs<T, F>[i] != nullptr) kRepairs<T, F>[i](among, flip, states);
}

}  // namespace compiled

// T: constexpr std::array<Rule, N>; F: constexpr std::array<FreeCondition, M>.
template <const auto& T, const auto& F>
constexpr RuleSet make_rule_set() {
  static_assert(T.size() <= kMaxRules);
  return {T, F, &compiled::survey<T, F>, &compiled::batch_plan<T, F>, &compiled::repair<T, F>};
}

}  // namespace diffvisor::rules
