// SPDX-License-Identifier: Apache-2.0
// A domain: one kind of thing compared. Everything the harness knows about a subject comes through this struct.
#pragma once

#include <span>
#include <string_view>

#include "harness/base/rng.h"
#include "harness/case/case.h"
#include "harness/rules/rule.h"
#include "harness/rules/satisfy.h"
#include "harness/run/behaviour.h"
#include "harness/run/observation.h"

namespace diffvisor {

struct Domain {
  std::string_view name;
  std::string_view summary;  // one line for listings
  const Schema* schema = nullptr;
  const ObservationSchema* observation = nullptr;
  const rules::RuleSet* rules = &rules::no_rules();  // empty when the subject is behaviour, not legality
  const Behaviour* behaviour = nullptr;              // of domains without rules; may be null
  rules::Normalise normalise = nullptr;              // ties memory facts to addresses; may be null
  std::span<const rules::Slice> modes{};         // choices that random states keep, so that rare modes survive repair
  std::span<const Slot> lengths{};               // of lists; most random states keep them short, as long ones cost time
  std::span<const rules::Rule> profile_rules{};  // what makes a set of capabilities consistent; interpreted
  std::span<const rules::Claim> claims{};        // why some rules are never broken alone
  std::span<const rules::Exemption> exemptions{};          // spec ids without a row
  std::span<const rules::Exemption> equivalent_mutants{};  // generic mutants nobody can see, and why
  // Makes case `index` of a campaign: overwrites every slot but the capabilities, and every area of a case of `schema`.
  // For subjects whose rules say little about what is worth trying; null: cases come from the rules.
  void (*generate)(Rng& rng, std::uint64_t index, Case& out) = nullptr;
  std::string_view reference;      // the executor that the others are compared with
  std::string_view model_version;  // of our tables, stamped into expectations
};

// The outcome, or why there is none: "entry_failure(33, 0)", "incomparable(no_memory)", "died(hang)".
std::string observation_text(const Domain& domain, const Observation& o);

}  // namespace diffvisor
