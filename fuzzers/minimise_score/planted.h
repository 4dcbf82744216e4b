// SPDX-License-Identifier: Apache-2.0
// A model with one defect planted in it, and what a case shows of that: the judge's view, without the investigator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzzers/domains.h"
#include "harness/compare/explain.h"

namespace diffvisor::minimise_score {

class Planted {
 public:
  // `quirk` is one of the domain's; a finding is what the model with it says against the reference without it.
  static Result<std::unique_ptr<Planted>> make(const DomainEntry& entry, Quirk quirk);

  const DomainEntry& entry() const { return *entry_; }
  const Domain& domain() const { return *entry_->domain; }
  const Quirk& quirk() const { return quirk_; }
  compare::Judge& judge() { return judge_; }
  // The reference first where the domain has no rules, the model under test last.
  std::vector<Executor*> executors() const;
  std::size_t tested() const { return executors_.size() - 1; }

  void normalise(Case& c) const;

  // The bucket that the case shows by itself; empty if the model says what the reference says. A rejection is named by
  // its outcome alone, for the rest of its bucket is what the case happens to differ in. `c` is normalised.
  std::string bucket(const Case& c);
  Observation run(const Case& c);

  std::uint64_t runs() const { return runs_; }  // of the model under test, since it was made

 private:
  Planted(const DomainEntry& entry, Quirk quirk);
  Result<void> start(std::string_view name, const Quirk* quirk);
  std::optional<compare::Explanation> explanation(const Case& c);

  const DomainEntry* entry_;
  Quirk quirk_;
  compare::Judge judge_;
  std::vector<std::unique_ptr<Executor>> executors_;
  std::uint64_t runs_ = 0;
};

}  // namespace diffvisor::minimise_score
