// SPDX-License-Identifier: Apache-2.0
// What the models of KVM's nested entry have in common, whichever the vendor: KVM's own checks are a table of which the
// first broken row decides, what passes them is merged into a state that the processor judges, and that then runs. A
// transcription: it retells KVM's source, so it never votes and never confirms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/rules/edit.h"
#include "harness/run/executor.h"

namespace diffvisor::models {

enum class KvmStage : std::uint8_t {
  Software,   // a row of KVM's own table decided
  Processor,  // a row of the manual's table decided, on the merged state
  Entered,    // nothing failed; a row of the manual's table names the first exit, or none does
  Halted,     // KVM parked the vCPU without running the merged state
};

// Which check decided, and what a case comes to. `row` is an index in the table that `stage` names, or its size.
struct KvmRuling {
  KvmStage stage = KvmStage::Entered;
  std::size_t row = 0;
  Observation seen;
};

struct KvmRowNote {
  unsigned place;           // in KVM's order of checks
  std::string_view covers;  // the manual's rules, and what it lists as facts, that the row covers; separated by spaces
};

// Steps of KVM that are not rows, and why. Place 0: rules of the manual that have no step at all.
struct KvmException {
  unsigned place;
  std::string_view covers;
  std::string_view reason;
};

// KVM's checks in KVM's order, with what is to be said about them.
struct KvmTable {
  const rules::RuleSet* rules;
  std::span<const KvmRowNote> notes;     // one for each row
  std::span<const rules::Claim> claims;  // rows that can never decide, with the row that decides before them
  std::span<const KvmException> exceptions;
};

// The row of KVM's table that decides: the first of the lowest broken phase. None: KVM has no objection.
std::optional<std::size_t> deciding_row(const rules::EditedRules& table, const std::uint64_t* v);

// The first broken row of the wanted kind: lowest phase, then, for want of an order in the manual, table order.
template <class Wanted>
std::optional<std::size_t> first_row(const rules::RuleSet& set, const rules::RuleBits& broken, Wanted wanted) {
  std::optional<std::size_t> first;
  broken.each([&](std::size_t i) {
    if (wanted(set.rows[i]) && (!first || set.rows[i].phase < set.rows[*first].phase)) first = i;
  });
  return first;
}

class KvmExecutor : public Executor {
 public:
  KvmExecutor(std::string_view name, std::string_view version)
      : info_{std::string(name), std::string(version), Trust::Transcription} {}

  const ExecutorInfo& info() const final { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) final;
  Result<void> collect() final { return {}; }

  virtual KvmRuling ruling(const Case& c) const = 0;

 private:
  ExecutorInfo info_;
};

}  // namespace diffvisor::models
