// SPDX-License-Identifier: Apache-2.0
#include "harness/run/table_model.h"

#include <fmt/format.h>

#include "harness/base/check.h"
#include "harness/rules/batch_plan.h"

namespace diffvisor {
namespace {

// Rows are in phase order, so the lowest bit is the lowest phase.
std::size_t first_broken(const rules::RuleBits& broken) {
  for (std::size_t w = 0; w < rules::kMaxRules / 64; ++w)
    if (broken.word(w) != 0) return w * 64 + static_cast<std::size_t>(std::countr_zero(broken.word(w)));
  CHECK(false);  // the last row always applies
  return 0;
}

Observation observation_of(const ModelTable& table, const std::uint64_t* v, std::size_t row, rules::Outcome outcome) {
  const rules::Rule& rule = table.rules().rows[row];
  if (rule.kind == rules::Kind::Limit) return incomparable(rule.id);
  Observation o;
  o.status = Status::Ran;
  o.reason = "";
  o.outcome = outcome;
  table.fill_record(v, o);
  return o;
}

}  // namespace

Observation observe(const ModelTable& table, const std::uint64_t* v) {
  rules::Survey survey;
  table.rules().survey(v, survey);
  const std::size_t row = first_broken(survey.broken);
  return observation_of(table, v, row, table.rules().rows[row].outcome);
}

TableModel::TableModel(const ModelTable& table, const std::vector<rules::RowEdit>& edits)
    : table_(&table),
      info_{std::string(table.name), fmt::format("{} {:016x}", table.version, rules::rules_digest(table.rules())),
            Trust::Reference},
      rules_(table.rules(), edits) {}

Observation TableModel::observation(const std::uint64_t* v, const rules::Survey& plain) const {
  const rules::RuleBits broken = rules_.edited() ? rules_.ruling(v, rules_.survey(v, plain)).deciders : plain.broken;
  const std::size_t row = first_broken(broken);
  return observation_of(*table_, v, row, rules_.outcome(row));
}

void TableModel::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size());
  std::array<std::size_t, rules::kBatch> which;
  std::array<const std::uint64_t*, rules::kBatch> values;
  std::array<rules::Survey, rules::kBatch> surveys;
  for (std::size_t i = 0; i < cases.size();) {
    std::size_t n = 0;
    for (; i < cases.size() && n < rules::kBatch; ++i) {
      if (out[i].reason != "not_run") continue;
      which[n] = i;
      values[n++] = cases[i].v.data();
    }
    rules::survey_batch(rules_.set(), std::span(values).first(n), surveys.data());
    for (std::size_t k = 0; k < n; ++k) out[which[k]] = observation(values[k], surveys[k]);
  }
}

}  // namespace diffvisor
