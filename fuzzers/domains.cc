// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/domains.h"

#include <array>

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

std::span<const Schema* const> all_schemas() {
  static const std::vector<const Schema*> schemas = [] {
    std::vector<const Schema*> out;
    for (const DomainEntry& d : domains()) out.push_back(d.domain->schema);
    return out;
  }();
  return schemas;
}

}  // namespace diffvisor
