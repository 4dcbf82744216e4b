// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/domains.h"

#include <array>

#include <fmt/format.h>

#include "fuzzers/counter.h"
#include "fuzzers/svm_entry.h"
#include "fuzzers/vmx_entry.h"
#include "fuzzers/x86_insn.h"

namespace diffvisor {

std::span<const DomainEntry> domains() {
  static const std::array all = {vmx_entry(), svm_entry(), x86_insn_entry(), counter_entry()};
  return all;
}

const DomainEntry* find_domain(std::string_view name) {
  for (const DomainEntry& d : domains())
    if (d.domain->name == name) return &d;
  return nullptr;
}

std::vector<Quirk> all_quirks(const DomainEntry& entry) {
  std::vector<Quirk> all = entry.quirks();
  for (const rules::Mutant& m : rules::generic_mutants(*entry.domain->rules))
    all.push_back({m.id, "generic mutant", std::string(entry.domain->reference), {m.edit}});
  return all;
}

Result<Quirk> quirk_named(const DomainEntry& entry, std::string_view id) {
  for (Quirk& q : all_quirks(entry))
    if (q.id == id || q.executor + ":" + q.id == id) return std::move(q);
  return fail(ErrorCode::Usage, std::string(id),
              fmt::format("no such quirk; see: diffvisor quirks {}", entry.domain->name));
}

std::span<const Schema* const> all_schemas() {
  static const std::vector<const Schema*> schemas = [] {
    std::vector<const Schema*> out;
    for (const DomainEntry& d : domains()) out.push_back(d.domain->schema);
    return out;
  }();
  return schemas;
}

}  // namespace diffvisor
