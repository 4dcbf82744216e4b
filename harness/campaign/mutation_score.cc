// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/mutation_score.h"

#include <algorithm>

#include "harness/rules/interpret.h"

namespace diffvisor::campaign {
namespace {

// The survey with one row edited; empty if the edit does not change it and says nothing of the outcome either.
std::optional<rules::Survey> with_edit(const rules::RuleSet& set, const rules::RowEdit& e, const std::uint64_t* v,
                                       const rules::Survey& plain) {
  const bool was = plain.broken.test(e.row);
  if (e.outcome) return was ? std::optional(plain) : std::nullopt;
  const bool applies = e.when ? rules::holds(*e.when, v, set.functions) : plain.applied.test(e.row);
  const bool now = !e.drop && applies && !rules::holds(e.must ? *e.must : set.rows[e.row].must, v, set.functions);
  if (now == was) return std::nullopt;
  rules::Survey out = plain;
  now ? out.broken.set(e.row) : out.broken.reset(e.row);
  return out;
}

}  // namespace

MutationScore::MutationScore(const compare::Judge& judge, const std::vector<Executor*>& executors) : judge_(&judge) {
  const rules::RuleSet& set = *judge.domain().rules;
  for (rules::Mutant& m : rules::generic_mutants(set)) {
    alive_.push_back(fates_.size());
    fates_.push_back({std::move(m), 0, false, false});
  }
  for (std::size_t e = 0; e < executors.size(); ++e) {
    independent_.push_back(executors[e]->info().trust == Trust::Independent);
    std::vector<bool> rows(set.rows.size());
    for (const rules::RowEdit& edit : judge.deltas(e).all().edits()) rows[edit.row] = true;
    edited_.push_back(std::move(rows));
  }
}

bool MutationScore::kills(const MutantFate& f, const Committed& k, std::size_t executor, const rules::Survey& plain,
                          const rules::EditedRules& deltas) const {
  const rules::RowEdit& e = f.mutant.edit;
  if (edited_[executor][e.row]) return false;
  const auto survey = with_edit(*judge_->domain().rules, e, k.c.v.data(), plain);
  if (!survey) return false;
  bool allowed = false;
  deltas.ruling(k.c.v.data(), *survey).deciders.each([&](std::size_t i) {
    const rules::Outcome o = i == e.row && e.outcome ? *e.outcome : deltas.outcome(i);
    allowed |= judge_->domain().observation->outcome_matches(o, k.seen[executor].outcome);
    allowed |= judge_->domain().rules->rows[i].kind == rules::Kind::Limit;  // the mutant would not have judged the case
  });
  return !allowed;
}

void MutationScore::look(const Committed& k) {
  for (std::size_t x = 0; x < k.seen.size(); ++x) {
    if (k.verdicts[x].kind != compare::VerdictKind::Agree && k.verdicts[x].kind != compare::VerdictKind::Known)
      continue;
    const rules::EditedRules& deltas = judge_->deltas(x).all();
    const rules::Survey plain = deltas.survey(k.c.v.data(), k.reading.survey);
    for (const std::size_t i : alive_) {
      MutantFate& f = fates_[i];
      if (!independent_[x] && f.by_model) continue;
      if (!kills(f, k, x, plain, deltas)) continue;
      if (independent_[x] && !f.by_independent) f.killed_at = k.index;
      (independent_[x] ? f.by_independent : f.by_model) = true;
    }
  }
  std::erase_if(alive_, [&](std::size_t i) { return fates_[i].by_independent; });
}

}  // namespace diffvisor::campaign
