// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/agent_domain.h"

#include "oracles/machines/machines.h"

namespace diffvisor {

void add_notes(Domain& domain, const models::RuleNotes& notes) {
  domain.profile_rules = notes.profile_rules;
  domain.claims = notes.claims;
  domain.exemptions = notes.exemptions;
  domain.equivalent_mutants = notes.equivalent_mutants;
}

std::vector<rules::RowEdit> edits_of(const ExecutorRequest& r) {
  if (r.quirk == nullptr || r.quirk->executor != r.name) return {};
  return r.quirk->edits;
}

Result<std::unique_ptr<Executor>> make_oracle(const ExecutorRequest& r, const agent::DomainCodec& domain) {
  MachineOptions options;
  options.profile = std::string(r.profile);
  options.jobs = r.jobs;
  options.keep_directory = r.keep_files;
  return make_oracle(r.name, domain, options);
}

}  // namespace diffvisor
