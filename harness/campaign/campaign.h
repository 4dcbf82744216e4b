// SPDX-License-Identifier: Apache-2.0
// A campaign: the cases of a plan, run on every executor batch by batch, judged and committed in index order.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/campaign/plan.h"
#include "harness/compare/explain.h"
#include "harness/triage/finding.h"

namespace diffvisor::campaign {

inline constexpr std::size_t kBatch = 256;  // cases; batches are fixed index ranges

struct Options {
  PlanOptions plan;
  std::uint64_t first = 0;
  std::uint64_t cases = 0;  // 0: until the time or the user ends it
  double seconds = 0;       // 0: no limit; a limit stops the campaign, it never changes a verdict
  std::uint64_t shard = 1;  // this process takes batches b with b mod shards == shard - 1
  std::uint64_t shards = 1;
  std::uint64_t minimise_runs = 3000;  // executor runs for one finding
};

struct ExecutorTotals {
  std::uint64_t judged = 0;
  std::uint64_t died = 0;
  std::map<std::string, std::uint64_t, std::less<>> incomparable;  // by reason
  rules::RuleBits confirmed;  // rules this executor has confirmed by a pair; Independent executors only
};

// Cases of one stratum (Behaviour::strata), by executor: judged, and why not.
struct Stratum {
  std::uint64_t cases = 0;
  std::vector<std::uint64_t> judged;
  std::vector<std::map<std::string, std::uint64_t, std::less<>>> incomparable;
};

struct Totals {
  std::uint64_t next = 0;  // index after the last committed batch of this shard
  std::uint64_t cases = 0;
  std::uint64_t judged_cases = 0;  // cases that at least two executors judged
  double seconds = 0;
  std::uint64_t digest = 0;  // sum of the digests of all cases: those of disjoint parts add up
  std::uint64_t unexplained = 0;
  std::uint64_t known = 0;
  std::uint64_t spec_unclear = 0;
  std::uint64_t order_dependent = 0;
  std::uint64_t unexamined = 0;  // of the unexplained, those that belong to no finding as nobody looked at them
  rules::RuleBits exercised;     // applied in some case
  rules::RuleBits broken_alone;  // the only decider in some case
  std::vector<ExecutorTotals> executors;
  std::vector<Stratum> strata;                    // of domains that have any
  std::vector<std::vector<std::uint64_t>> forms;  // by executor, form: cases in which it agreed with the reference
};

// What an observer sees of each case, in index order.
struct Committed {
  std::uint64_t index;
  const Case& c;
  const compare::Reading& reading;
  std::span<const Observation> seen;  // one for each executor
  std::span<const compare::Verdict> verdicts;
};

class Campaign {
 public:
  // `executors` in the order of their columns; the judge has them registered in that order.
  Campaign(const Domain& domain, compare::Judge& judge, std::vector<Executor*> executors, Options options);
  ~Campaign();

  void observe(std::function<void(const Committed&)> observer);
  // Called about ten times a second of work, after commits.
  void on_progress(std::function<void(const Totals&)> progress);
  // Called for each finding when it is new and when the campaign ends.
  void on_finding(std::function<Result<void>(const triage::Finding&)> sink);
  // Polled between batches; true ends the campaign as if the time were over.
  void stop_when(std::function<bool()> stop);
  // Goes on after an earlier run of the same options.
  void resume(const Totals& totals, std::vector<triage::Finding> findings);

  // An error means that an executor or the sink could not go on; totals() and findings() hold what was committed.
  Result<void> run();

  const Totals& totals() const;
  const std::vector<triage::Finding>& findings() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace diffvisor::campaign
