// SPDX-License-Identifier: Apache-2.0
// What a campaign came to, as text for people and JSON for machines. Pure functions.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/campaign/campaign.h"
#include "harness/compare/judge.h"
#include "harness/rules/classify.h"

namespace diffvisor::reports {

// Where an artefact comes from: enough to rebuild the program and its tables.
struct Provenance {
  std::string version;                         // "0.1.0"
  std::string commit;                          // "" when built outside a checkout
  std::string schema, golden, rules, profile;  // digests, hexadecimal
};
Provenance provenance(const Domain& domain, std::uint16_t profile);

struct CampaignReport {
  const Domain* domain = nullptr;
  Provenance from;
  std::string profile;
  std::uint64_t seed = 0;
  std::uint64_t first = 0, shard = 1, shards = 1;
  std::string quirk;
  std::vector<ExecutorInfo> executors;
  const campaign::Totals* totals = nullptr;
  const std::vector<triage::Finding>* findings = nullptr;
  const compare::Judge* judge = nullptr;
  std::vector<rules::Classified> classes;
};

nlohmann::ordered_json campaign_json(const CampaignReport& report);
std::string campaign_text(const CampaignReport& report);

// "12.3k cases/s  1,234,567 cases  rules 241/312  buckets 0  divergences 0  left 00:41"; `wanted` and `limit` are 0
// when there is no end.
std::string progress_line(const campaign::Totals& totals, std::size_t rules, std::size_t buckets, std::uint64_t wanted,
                          double limit);
// One JSON line with the same numbers.
std::string heartbeat_line(const campaign::Totals& totals, std::size_t buckets);

std::string grouped(std::uint64_t n);  // 1,234,567

}  // namespace diffvisor::reports
