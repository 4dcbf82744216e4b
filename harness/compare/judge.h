// SPDX-License-Identifier: Apache-2.0
// Decides what an executor's observation of a case means: agreement, a known divergence, a new one, or nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/compare/known.h"
#include "harness/run/executor.h"

namespace diffvisor::compare {

enum class VerdictKind : std::uint8_t {
  Agree,         // what the reference table says
  Divergence,    // neither the table nor the executor's known deltas say so
  Known,         // what the table says with the executor's known deltas, and not without them
  SpecUnclear,   // what the table says when a point that the manual leaves unclear is read the other way
  Incomparable,  // somebody could not judge the case; the observation says why
  ExecutorDied,  // the case killed or hung the executor, and no entry says that it would
};
std::string_view verdict_name(VerdictKind kind);

struct Verdict {
  VerdictKind kind = VerdictKind::Incomparable;
  std::string_view reason;  // Incomparable, ExecutorDied: why
  EntrySet decided;         // of this executor: those that were necessary
};

// What the reference table says of one case.
struct Reading {
  rules::Survey survey;
  rules::Ruling ruling;
};

struct KnownCount {
  std::uint64_t decided = 0;  // cases whose verdict needed this entry
  std::uint64_t fired = 0;    // cases in which the entry changed a row without deciding
};

// The known deltas of one executor, ready to apply.
class Deltas {
 public:
  Deltas(const rules::RuleSet& set, std::vector<Known> entries);

  const std::vector<Known>& entries() const { return entries_; }
  const rules::EditedRules& all() const { return all_; }
  const rules::EditedRules& without(std::size_t i) const { return without_[i]; }
  // Some entry changes the case's survey: the quick test before asking each.
  bool anything_fires(const std::uint64_t* v, const rules::Survey& plain) const;
  // Entry i changes some row's verdict, outcome or place in this case.
  bool fires(std::size_t i, const std::uint64_t* v, const rules::Survey& plain) const;

 private:
  std::vector<Known> entries_;
  rules::EditedRules all_;
  std::vector<rules::EditedRules> without_;
  std::vector<rules::EditedRules> alone_;
};

class Judge {
 public:
  // `quirk` edits the reference table itself: the defect to be found. Where behaviour is judged it is `variants` that
  // the reference has, known ones come on top.
  Judge(const Domain& domain, std::vector<Known> known, const std::vector<rules::RowEdit>& quirk = {},
        std::vector<std::string> variants = {});

  const Domain& domain() const { return *domain_; }
  const rules::EditedRules& table() const { return table_; }
  const std::vector<Known>& unclear() const { return unclear_; }
  const std::vector<Known>& known() const { return known_; }  // of all executors and versions

  // Registers an executor; its index is the order of the calls.
  std::size_t add_executor(const ExecutorInfo& info);
  const Deltas& deltas(std::size_t executor) const { return deltas_[executor]; }
  const std::vector<KnownCount>& counts(std::size_t executor) const { return counts_[executor]; }

  Reading read(const Case& c) const;
  // The same for many cases, faster.
  void read(std::span<const Case> cases, std::span<Reading> out) const;
  // Set when the reference says that nobody can judge the case: the limit's id. Empty otherwise.
  std::string_view limit(const Reading& r) const;
  // The same for one executor, which by its known deltas may get further than the reference.
  std::string_view limit(const Case& c, const Reading& r, std::size_t executor) const;
  // The known death that forbids running this case on the executor; null if there is none.
  const Known* known_death(const Case& c, const Reading& r, std::size_t executor) const;

  // Why this case must not run on the executor: a limit, or "known_death". Empty: it may.
  std::string_view refusal(const Case& c, const Reading& r, std::size_t executor) const;

  // Also counts which entries decided or merely fired.
  // `reference` is what the domain's reference executor saw; it decides for domains without rules, and may be null
  // else.
  Verdict judge(const Case& c, const Reading& r, std::size_t executor, const Observation& seen,
                const Observation* reference = nullptr);

  // The same without counting, for looking closer at a case.
  VerdictKind verdict(const Case& c, const Reading& r, std::size_t executor, const Observation& seen,
                      const Observation* reference);

  // What the executor would have said by the reference and by what is known of it, as near as that comes to `seen`;
  // the reference itself where nothing is known.
  Observation nearest(const Case& c, std::size_t executor, const Observation& seen, const Observation& reference) const;
  // It says what the reference says, but known entries, which are about where it is wrong, say that too.
  bool agrees_as_known(const Case& c, std::size_t executor, const Observation& seen,
                       const Observation& reference) const;

  // The first record field in which the two differ (both define it), kMaxRecord for the outcome, nothing if they agree.
  static std::optional<std::size_t> first_difference(const Observation& a, const Observation& b);

  // Some row that decides under `rules` (this judge's table when null) has an outcome that `seen` matches.
  bool accepts(const rules::EditedRules& rules, const Case& c, const Reading& r, rules::Outcome seen) const;

 private:
  Reading reading(const Case& c, const rules::Survey& plain) const;
  bool matches(const rules::EditedRules& rules, const rules::Ruling& ruling, rules::Outcome seen) const;
  Verdict judge_known(const Case& c, const Reading& r, std::size_t executor, rules::Outcome seen, bool plain);
  Verdict judge_behaviour(const Case& c, std::size_t executor, const Observation& seen, const Observation* reference);

  const Domain* domain_;
  rules::EditedRules table_;
  std::vector<Known> known_;
  std::vector<Known> unclear_;
  // By executor: its deltas and one unclear point. None for a transcription.
  std::vector<std::vector<rules::EditedRules>> unclear_tables_;
  std::vector<Deltas> deltas_;
  std::vector<std::vector<KnownCount>> counts_;
  std::vector<rules::RowEdit> quirk_;
  std::vector<std::string> variants_;
};

}  // namespace diffvisor::compare
