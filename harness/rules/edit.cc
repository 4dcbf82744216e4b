// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/edit.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "harness/rules/interpret.h"

namespace diffvisor::rules {
namespace {

void merge(RowEdit& into, const RowEdit& more) {
  into.drop |= more.drop;
  into.forced |= more.forced;
  into.narrows = (into.narrows || !(into.when || into.must)) && (more.narrows || !(more.when || more.must));
  if (more.when) into.when = more.when;
  if (more.must) into.must = more.must;
  if (more.outcome) into.outcome = more.outcome;
  if (more.phase) {
    into.phase = more.phase;
    into.phase_when = more.phase_when;
  }
}

template <class PhaseOf>
Ruling lowest_phase(const RuleBits& broken, PhaseOf phase_of) {
  Ruling r;
  broken.each([&](std::size_t i) {
    const std::uint8_t p = phase_of(i);
    if (p > r.phase) return;
    if (p < r.phase) r = Ruling{p, {}};
    r.deciders.set(i);
  });
  return r;
}

// The neighbouring constant, or the neighbouring bit where a single bit is tested. Empty if the leaf has no constant.
std::optional<Node> change_constant(Node n) {
  switch (n.op) {
    case Op::EqConst:
      if (n.a.n == 1) {
        n.a.lo ^= 1;
      } else {
        n.c ^= 1;
      }
      return n;
    case Op::InSet:
      n.c ^= n.c & (~n.c + 1);
      return n;
    case Op::LeConst:
      n.c ^= 1;
      return n;
    case Op::LinearEnd:
      n.c ^= 1;
      return n;
    case Op::SubsetOf:
    case Op::Covers:
    case Op::FitsWidth:
      if (n.a.n < 2) return std::nullopt;
      if (n.op != Op::FitsWidth) {
        n.b.lo = static_cast<std::uint8_t>(n.b.lo + 1);
        n.b.n = static_cast<std::uint8_t>(n.b.n - 1);
      }
      n.a.lo = static_cast<std::uint8_t>(n.a.lo + 1);
      n.a.n = static_cast<std::uint8_t>(n.a.n - 1);
      return n;
    case Op::True:
    case Op::And:
    case Op::Or:
    case Op::Not:
    case Op::Eq:
    case Op::Le:
    case Op::Canonical:
    case Op::HighEqual:
    case Op::Pat:
    case Op::Free:
      break;
  }
  return std::nullopt;
}

std::optional<Expr> change_one_constant(const Expr& e) {
  for (unsigned i = 0; i < e.size; ++i) {
    const auto changed = change_constant(e.n[i]);
    if (!changed) continue;
    Expr out = e;
    out.n[i] = *changed;
    return out;
  }
  return std::nullopt;
}

// The next different outcome that the table knows for a check of the same phase, else of any phase.
std::optional<Outcome> another_outcome(const RuleSet& set, std::size_t row) {
  const Rule& own = set.rows[row];
  for (const bool same_phase : {true, false}) {
    for (std::size_t k = 1; k < set.rows.size(); ++k) {
      const Rule& r = set.rows[(row + k) % set.rows.size()];
      if (r.kind == own.kind && r.outcome != own.outcome && (!same_phase || r.phase == own.phase)) return r.outcome;
    }
  }
  return std::nullopt;
}

}  // namespace

EditedRules::EditedRules(const RuleSet& set, const std::vector<RowEdit>& edits) : set_(&set) {
  for (const RowEdit& e : edits) add(e);
}

void EditedRules::add(const RowEdit& edit) {
  const auto it = std::ranges::find(edits_, edit.row, &RowEdit::row);
  if (it == edits_.end()) {
    edits_.push_back(edit);
  } else {
    merge(*it, edit);
  }
  if (!edit.phase) return;
  if (phases_.empty())
    for (const Rule& r : set_->rows) phases_.push_back(r.phase);
  phases_[edit.row] = *edit.phase;
}

const RowEdit* EditedRules::find(std::size_t row) const {
  const auto it = std::ranges::find(edits_, row, &RowEdit::row);
  return it == edits_.end() ? nullptr : &*it;
}

Survey EditedRules::survey(const std::uint64_t* v, const Survey& plain) const {
  Survey s = plain;
  for (const RowEdit& e : edits_) {
    const Rule& r = set_->rows[e.row];
    if (!e.drop && !e.forced && !e.when && !e.must) continue;
    if ((e.drop || e.narrows) && !plain.broken.test(e.row)) continue;
    const bool applies =
        !e.drop && (e.forced || (e.when ? holds(*e.when, v, set_->functions) : plain.applied.test(e.row)));
    const bool broken = applies && (e.forced || !holds(e.must ? *e.must : r.must, v, set_->functions));
    applies ? s.applied.set(e.row) : s.applied.reset(e.row);
    broken ? s.broken.set(e.row) : s.broken.reset(e.row);
  }
  return s;
}

Ruling EditedRules::ruling(const std::uint64_t* v, const Survey& edited) const {
  if (phases_.empty()) return rules::ruling(*set_, edited);
  return lowest_phase(edited.broken, [&](std::size_t i) {
    const std::uint8_t own = set_->rows[i].phase;
    if (phases_[i] == own) return own;
    const RowEdit* e = find(i);
    return e->phase_when && !holds(*e->phase_when, v, set_->functions) ? own : phases_[i];
  });
}

Outcome EditedRules::outcome(std::size_t row) const {
  const RowEdit* e = find(row);
  return e != nullptr && e->outcome ? *e->outcome : set_->rows[row].outcome;
}

std::uint8_t EditedRules::phase(std::size_t row) const {
  return phases_.empty() ? set_->rows[row].phase : phases_[row];
}

Ruling ruling(const RuleSet& set, const Survey& survey) {
  return lowest_phase(survey.broken, [&](std::size_t i) { return set.rows[i].phase; });
}

std::vector<Mutant> generic_mutants(const RuleSet& set) {
  std::vector<Mutant> out;
  for (std::size_t i = 0; i < set.rows.size(); ++i) {
    const Rule& r = set.rows[i];
    if (r.kind != Kind::Check) continue;
    RowEdit drop, guard, constant, outcome;
    drop.row = guard.row = constant.row = outcome.row = i;
    drop.drop = true;
    out.push_back({"drop:" + rule_name(r), drop});
    if (!is_always(r.when)) {
      guard.when = always();
      out.push_back({"always:" + rule_name(r), guard});
    }
    constant.must = change_one_constant(r.must);
    if (!constant.must) constant.when = change_one_constant(r.when);
    if (constant.must || constant.when) out.push_back({"bit:" + rule_name(r), constant});
    outcome.outcome = another_outcome(set, i);
    if (outcome.outcome) out.push_back({"outcome:" + rule_name(r), outcome});
  }
  return out;
}

std::optional<Mutant> find_mutant(const RuleSet& set, std::string_view id) {
  for (Mutant& m : generic_mutants(set))
    if (m.id == id) return std::move(m);
  return std::nullopt;
}

}  // namespace diffvisor::rules
