// SPDX-License-Identifier: Apache-2.0
// What the domains that the agent runs do alike: take over what models say of their rules and defects, serve a request
// for an executor.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuzzers/domains.h"
#include "models/rule_notes.h"
#include "oracles/agent/domain_codec.h"

namespace diffvisor {

void add_notes(Domain& domain, const models::RuleNotes& notes);

// Of the requested executor's own table; none if the quirk concerns another.
std::vector<rules::RowEdit> edits_of(const ExecutorRequest& r);

Result<std::unique_ptr<Executor>> make_oracle(const ExecutorRequest& r, const agent::DomainCodec& domain);

// `q` is a defect as models name it: id, story, edits.
template <class Defect>
Quirk quirk_of(Defect&& q, std::string_view executor) {
  return {std::string(q.id), std::string(q.story), std::string(executor), std::forward<Defect>(q).edits};
}

}  // namespace diffvisor
