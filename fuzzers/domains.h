// SPDX-License-Identifier: Apache-2.0
// The list of domains: what each is made of and which executors run it. The only place that knows models and oracles.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/mutate/mutator.h"
#include "harness/rules/edit.h"
#include "harness/run/domain.h"
#include "harness/run/executor.h"

namespace diffvisor {

struct VectorDialect;

// A named defect: of the reference table, or of one executor's own table.
struct Quirk {
  std::string id;
  std::string story;
  std::string executor;               // whose table it edits
  std::vector<rules::RowEdit> edits;  // rows of that table
  std::vector<std::string> more{};    // ids of others that were asked for at once
  std::string unseen{};               // why no emulator can show it; empty: campaigns do

  bool includes(std::string_view wanted) const { return id == wanted || std::ranges::find(more, wanted) != more.end(); }
};

struct ExecutorRequest {
  std::string_view name;
  std::string_view profile;      // an emulator takes the machine model of this name
  unsigned jobs = 1;             // emulator processes
  const Quirk* quirk = nullptr;  // applied if it concerns this executor
  bool keep_files = false;
};

// What an executor is compared with by `bench`: somebody's usual way to do the same.
struct Baseline {
  std::string_view executor, what;
  double (*cpu_seconds)();  // of one run; 0: cannot be had here
};

struct DomainEntry {
  const Domain* domain;
  std::span<const std::string_view> executors;  // all that exist; the first is the reference
  std::span<const std::string_view> by_default;
  std::span<const std::string_view> in_process;  // models: they run everywhere, in microseconds
  Result<std::unique_ptr<Executor>> (*make_executor)(const ExecutorRequest&);
  std::vector<Quirk> (*quirks)();          // named ones; the generic mutants come from the rule set
  mutate::Mutator mutate{};                // what mutates its cases beside the mutators any schema has; may be empty
  const VectorDialect* vectors = nullptr;  // how test vectors of this domain are read; null: there are none
  std::span<const Baseline> baselines{};
};

std::span<const DomainEntry> domains();
const DomainEntry* find_domain(std::string_view name);

// All defects that a domain's models can be given: the named ones and the generic mutants of its rules.
std::vector<Quirk> all_quirks(const DomainEntry& entry);
// One of them. A name that several executors have: as "executor:id".
Result<Quirk> quirk_named(const DomainEntry& entry, std::string_view id);
std::span<const Schema* const> all_schemas();

}  // namespace diffvisor
