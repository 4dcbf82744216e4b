// SPDX-License-Identifier: Apache-2.0
// How good are the cases? Every generic mutant of the reference table is judged on every case of a campaign: it is
// killed by an executor whose observation the mutated table would not allow.
#pragma once

#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/rules/edit.h"

namespace diffvisor::campaign {

struct MutantFate {
  rules::Mutant mutant;
  std::uint64_t killed_at = 0;  // campaign index of the first kill by an independent executor
  bool by_independent = false;
  bool by_model = false;  // some executor of ours tells the mutant from the table
};

class MutationScore {
 public:
  MutationScore(const compare::Judge& judge, const std::vector<Executor*>& executors);

  void look(const Committed& k);  // to be called for each committed case

  const std::vector<MutantFate>& fates() const { return fates_; }

 private:
  bool kills(const MutantFate& f, const Committed& k, std::size_t executor, const rules::Survey& plain,
             const rules::EditedRules& deltas) const;

  const compare::Judge* judge_;
  std::vector<bool> independent_;
  std::vector<std::vector<bool>> edited_;  // by executor, row: a known delta stands there already
  std::vector<MutantFate> fates_;
  std::vector<std::size_t> alive_;  // indices of fates not yet killed by an independent executor
};

}  // namespace diffvisor::campaign
