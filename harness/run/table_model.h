// SPDX-License-Identifier: Apache-2.0
// A model that is a table of rules and nothing else: the first broken row says what a case comes to.
#pragma once

#include <string_view>
#include <vector>

#include "harness/rules/edit.h"
#include "harness/run/executor.h"

namespace diffvisor {

// The rows are in phase order and the last one always applies.
struct ModelTable {
  std::string_view name;     // of the executor
  std::string_view version;  // of the manual; the table's digest is added
  const rules::RuleSet& (*rules)();
  // Fills the record of an observation whose outcome is set.
  void (*fill_record)(const std::uint64_t* v, Observation& o);
};

// The first broken row of the lowest broken phase: one legal answer where the manual leaves the order open.
Observation observe(const ModelTable& table, const std::uint64_t* v);

class TableModel : public Executor {
 public:
  // `edits`: a defect this model is given, of the table's rows; none makes it the reference.
  explicit TableModel(const ModelTable& table, const std::vector<rules::RowEdit>& edits = {});

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override { return {}; }

 private:
  Observation observation(const std::uint64_t* v, const rules::Survey& plain) const;

  const ModelTable* table_;
  ExecutorInfo info_;
  rules::EditedRules rules_;
};

}  // namespace diffvisor
