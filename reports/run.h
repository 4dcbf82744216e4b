// SPDX-License-Identifier: Apache-2.0
// What a campaign came to, as it is kept beside its findings: what reports over several campaigns are made from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "reports/campaign.h"

namespace diffvisor::reports {

struct RunExecutor {
  std::string name, version, trust;
  std::uint64_t judged = 0, incomparable = 0, died = 0, confirmed = 0;
};

struct RunKnown {
  std::string executor, id;
  std::uint64_t decided = 0, fired = 0;
};

struct RunRule {
  std::string id, section, cls, reason;  // class: alone, implied, unreachable, not_modelled
  bool applied = false, alone = false;   // in some case; the only decider of some case
  std::vector<std::string> confirmed_by, known;
};

// A point in time, for plots.
struct Sample {
  double seconds = 0;
  std::uint64_t cases = 0, rules = 0, confirmed = 0, buckets = 0, unexplained = 0;
};

// Keeps at most a few hundred points of however long a campaign: when full it drops every second one.
class Series {
 public:
  void add(const Sample& s);
  const std::vector<Sample>& samples() const { return samples_; }
  void adopt(std::vector<Sample> earlier) { samples_ = std::move(earlier); }

 private:
  static constexpr std::size_t kMost = 256;
  std::vector<Sample> samples_;
  double every_ = 0.25;  // seconds
};

struct Run {
  std::string id;  // digest of what makes the campaign what it is: the origin of its findings
  std::string domain, profile, quirk, digest, program, schema, rules_digest;
  std::uint64_t seed = 0, cases = 0, judged_cases = 0;
  std::uint64_t first = 0, next = 0, shard = 1, shards = 1;  // it ran its shard of the cases first <= i < next
  double seconds = 0;
  std::uint64_t unexplained = 0, known = 0, spec_unclear = 0, order_dependent = 0;
  std::vector<RunExecutor> executors;
  std::vector<RunKnown> known_entries;
  std::vector<RunRule> rules;
  std::vector<Sample> samples;
};

Run run_of(const CampaignReport& report, std::string id, const std::vector<Sample>& samples);

std::string run_json(const Run& run);
// Hostile input is fine.
Result<Run> parse_run(std::string_view text, const std::string& place);
std::string run_file_name(const std::string& id);
// Whether `now`, of the same campaign, replaces `old`: it went further. Total, so that merging knows no order.
bool is_later_run(const std::string& old, const std::string& now);

}  // namespace diffvisor::reports
