// SPDX-License-Identifier: Apache-2.0
// Known divergences as executable deltas: an entry edits rows of the reference table for one executor and version, and
// the comparer then demands that the executor says exactly what the edited table says. Nothing is filtered by name.
#pragma once

#include <bitset>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/rules/edit.h"
#include "harness/run/domain.h"

namespace diffvisor::compare {

inline constexpr std::size_t kMostEntries = 128;  // of one executor
using EntrySet = std::bitset<kMostEntries>;       // of its entries, by index

// A delta of a domain whose subject is behaviour.
struct BehaviourDelta {
  enum class Action : std::uint8_t {
    Ignores,      // these bits of the record are the executor's own business
    Variant,      // the executor does what the reference does with this variant
    CannotJudge,  // the executor does not implement what the case is about
  };
  Action action = Action::CannotJudge;
  std::optional<rules::Expr> when;  // of Behaviour::conditions; none: always
  std::vector<Loose> ignores;
  std::string variant;
};

struct Known {
  std::string id;
  std::string executor;  // "bochs"; "*" for a point the manual leaves unclear: both readings are accepted and counted
  std::string versions;  // a prefix of the executor's version ("2.7"), "" for every version
  std::vector<rules::RowEdit> edits;
  // Action "dies": the executor crashes or hangs on cases for which this holds and which, by its other entries, get as
  // far as phase `dies_from`. Such cases are not run.
  std::optional<rules::Expr> dies;
  std::uint8_t dies_from = 0;
  std::optional<BehaviourDelta> behaviour;
  std::string reason;
  std::string reference;
  std::string review_by;  // YYYY-MM-DD
  std::string proof;      // case file that shows it, relative to the directory of known entries
  std::string place;      // file:line and id, for messages
};

// Adds the entries of one TOML text: `domain = "..."`, then [[known]] tables; texts about other domains add nothing.
// Unknown keys, unknown rows, conditions that do not parse, two entries with one id and more than kMostEntries of an
// executor are errors.
Result<void> parse_known(std::string_view text, const std::string& place, const Domain& domain,
                         std::vector<Known>& out);

// Reads every *.toml of a directory (or one file), in name order.
Result<std::vector<Known>> load_known(const std::filesystem::path& path, const Domain& domain);

// Entries that concern this executor.
std::vector<Known> known_for(const std::vector<Known>& all, std::string_view executor, std::string_view version);

}  // namespace diffvisor::compare
