// SPDX-License-Identifier: Apache-2.0
// Row edits: the one way to say "this implementation differs". Quirks, generic mutants, known divergences and
// counterfactual explanations are all sets of edits laid over a survey.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/rules/rule.h"

namespace diffvisor::rules {

struct RowEdit {
  std::size_t row = 0;
  bool drop = false;                  // the row does not exist
  bool forced = false;                // the row is broken whatever the case says
  bool narrows = false;               // `when` implies the row's own guard: a row that is whole stays whole
  std::optional<Expr> when;           // replaces the guard
  std::optional<Expr> must;           // replaces the condition
  std::optional<Outcome> outcome;     // replaces the outcome
  std::optional<std::uint8_t> phase;  // judged earlier or later than the manual allows
  std::optional<Expr> phase_when;     // only in these cases
};

// Which outcomes are legal for a case, and which rows are responsible.
struct Ruling {
  std::uint8_t phase = 255;  // the deciding phase
  RuleBits deciders;         // broken rows of that phase
};

// Rows with edits applied. Edits to the same row are combined in order; a later value replaces an earlier one.
class EditedRules {
 public:
  explicit EditedRules(const RuleSet& set) : set_(&set) {}
  EditedRules(const RuleSet& set, const std::vector<RowEdit>& edits);

  void add(const RowEdit& edit);
  const RuleSet& set() const { return *set_; }
  bool edited() const { return !edits_.empty(); }
  const std::vector<RowEdit>& edits() const { return edits_; }

  // The survey the edited table gives, from the plain table's survey of the same values.
  Survey survey(const std::uint64_t* v, const Survey& plain) const;
  // The rows that decide, given an edited survey. `table` says which phases and outcomes apply.
  Ruling ruling(const std::uint64_t* v, const Survey& edited) const;
  Outcome outcome(std::size_t row) const;
  std::uint8_t phase(std::size_t row) const;

 private:
  const RowEdit* find(std::size_t row) const;

  const RuleSet* set_;
  std::vector<RowEdit> edits_;        // at most one for each row
  std::vector<std::uint8_t> phases_;  // by row, empty if no edit changes a phase
};

// The rows of the lowest phase that has a broken row; needs no edits.
Ruling ruling(const RuleSet& set, const Survey& survey);

// Generic mutants of a rule: drop:<rule>, always:<rule> (guard forced), bit:<rule>.<n> (one constant bit, n counts the
// candidates), outcome:<rule> (another row's outcome of the same phase, or a neighbouring one).
struct Mutant {
  std::string id;
  RowEdit edit;
};
std::vector<Mutant> generic_mutants(const RuleSet& set);
std::optional<Mutant> find_mutant(const RuleSet& set, std::string_view id);

}  // namespace diffvisor::rules
