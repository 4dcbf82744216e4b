// SPDX-License-Identifier: Apache-2.0
#include "models/kvm_entry.h"

namespace diffvisor::models {

std::optional<std::size_t> deciding_row(const rules::EditedRules& table, const std::uint64_t* v) {
  rules::Survey s;
  table.set().survey(v, s);
  if (table.edited()) s = table.survey(v, s);
  std::optional<std::size_t> first;
  table.ruling(v, s).deciders.each([&](std::size_t i) {
    if (!first) first = i;
  });
  return first;
}

void KvmExecutor::submit(std::span<const Case> cases, std::span<Observation> out) {
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (out[i].status == Status::Incomparable && out[i].reason == "not_run") out[i] = ruling(cases[i]).seen;
}

}  // namespace diffvisor::models
