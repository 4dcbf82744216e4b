// SPDX-License-Identifier: Apache-2.0
// From the first divergent case of a kind to a finding: repeat it, explain it, minimise it, explain it again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "harness/campaign/plainer.h"
#include "harness/campaign/probe.h"
#include "harness/compare/explain.h"
#include "harness/minimise/minimise.h"
#include "harness/triage/finding.h"

namespace diffvisor::campaign {

// A divergent case, what each executor said of it in the campaign, and the case that ran before it.
struct Divergence {
  const Case& c;
  std::size_t executor;
  std::span<const Observation> seen;
  const Case& neighbour;
  std::uint64_t index;
};

// They ran to the same outcome, or did not for the same reason.
bool same_answer(const Observation& a, const Observation& b);
std::string case_digest(const Case& c);
// What a difference of behaviour is about and how it differs, without the conditions a bucket may have.
std::string alias_of(const compare::Explanation& e);

class Investigator {
 public:
  Investigator(const Domain& domain, compare::Judge& judge, std::vector<Executor*> executors, std::uint64_t seed,
               std::uint64_t runs);

  // True if an earlier finding's edits explain this divergence; it is then counted there.
  bool absorbs(const Case& c, const compare::Reading& r, std::size_t executor, const Observation& seen,
               const Observation* reference);

  // All executors must be idle. The finding may be an old one that the case turned out to belong to; null when the
  // case was only counted: the time is over, or many like it led to nothing new.
  Result<triage::Finding*> investigate(const Divergence& d);

  // Explains and minimises one divergent case of one executor; also what `diffvisor minimise` does.
  Result<triage::Finding> explain_and_minimise(const Case& found, std::size_t executor, const Observation& seen);
  // How it does that.
  minimise::Options minimising() const;

  // Asked often: once true, what is found is kept but neither repeated nor minimised.
  void hurry_when(std::function<bool()> hurry) { hurry_ = std::move(hurry); }

  const std::vector<triage::Finding>& findings() const { return findings_; }
  void adopt(std::vector<triage::Finding> findings);

 private:
  // Nothing if the case cannot be judged, or nothing new differs.
  Result<std::optional<Divergent>> divergent(const Case& c, std::size_t executor);
  Divergent explained(const Case& c, const compare::Reading& r, std::size_t executor, const Observation& seen,
                      const Observation* reference) const;
  Plainer plainer(std::size_t executor);
  Result<Case> minimised(const Case& c, std::size_t executor, Divergent& shown, std::span<const Part> matter);
  Result<Case> probed(Case c, std::size_t executor, Divergent& shown, Case& about);
  Result<Case> settled(Case c, std::size_t executor, Divergent& shown);
  Result<triage::Finding> finding_of(const Case& c, const Case& found, std::size_t executor, Divergent& shown);
  triage::Finding* found_again(const Divergent& plain, const Case& c, const compare::Explanation& first,
                               std::size_t executor);
  void note_alias(const triage::Finding& f, const compare::Explanation& looked);
  bool has_beginnings(const Case& c) const;
  std::string what_of(const std::string& bucket) const;
  bool is_one_of(std::size_t finding, const Case& c, const compare::Explanation& e, const std::string& executor) const;
  bool is_known_alias(const compare::Explanation& e, const std::string& executor);
  bool explained_by_findings(const Case& c, const compare::Reading& r, std::size_t executor, rules::Outcome seen) const;
  Result<bool> repeats(const Case& c, std::size_t executor, const Observation& seen, const Case& neighbour);
  // What the domain's reference executor says; null when it is not taking part.
  Result<const Observation*> reference_for(const Case& c, Observation& storage);
  bool runnable(const Case& c, const compare::Reading& r, std::size_t executor) const;
  Result<Observation> observe(const Case& c, std::size_t executor);
  std::vector<Observation> ask_everybody(const Case& c, std::size_t executor, const Observation& seen);
  std::vector<triage::Said> said(const Case& c, std::span<const Observation> all);
  const Observation* reference_in(std::span<const Observation> all) const;
  void describe(triage::Finding& f, std::size_t executor, std::span<const Observation> all);
  void join_those_who_agree(triage::Finding& f, const Observation& seen, const Observation* reference);
  std::uint64_t most_runs() const;
  bool can_be_probed(const Observation& seen) const;
  Result<triage::Finding*> caused_by_a_finding(const Case& c, std::size_t executor, const Observation& seen);
  bool is_worth_a_look(std::size_t executor, const Observation& seen);
  triage::Finding unexamined_finding(const Divergence& d);
  triage::Finding quarantined(const Divergence& d);
  Result<triage::Finding*> as_it_is(const Divergence& d);
  triage::Finding* add(triage::Finding finding);

  bool in_a_hurry() const { return hurry_ && hurry_(); }

  const Domain* domain_;
  compare::Judge* judge_;
  std::vector<Executor*> executors_;
  std::uint64_t seed_;
  std::uint64_t runs_;
  std::function<bool()> hurry_;
  std::vector<triage::Finding> findings_;
  struct Known {
    std::string what;
    std::vector<Case> smallest;                    // what cases came down to that fell into it
    std::map<std::string, std::uint64_t> aliases;  // how those looked before, and how often that was seen
  };
  std::vector<Known> known_;  // by finding
  struct Streak {
    unsigned fruitless = 0;    // looks in a row that found nothing new
    std::uint64_t passed = 0;  // since then
  };
  std::map<std::pair<std::size_t, rules::Outcome>, Streak> streaks_;  // by executor and outcome
  std::size_t hurried_ = 0;
  std::vector<rules::EditedRules> explained_;  // by executor: its known deltas and the edits of its findings
};

}  // namespace diffvisor::campaign
