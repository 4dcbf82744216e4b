// SPDX-License-Identifier: Apache-2.0
// Findings picked by a seed, as a campaign meets them before it minimises them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fuzzers/minimise_score/planted.h"
#include "harness/campaign/plan.h"

namespace diffvisor::minimise_score {

struct Pick {
  std::unique_ptr<Planted> planted;
  Case found;          // normalised; diverges
  std::string bucket;  // what Planted::bucket says of it
};

class Sample {
 public:
  Sample(std::uint64_t seed, std::span<const std::string_view> domains) : seed_(seed), domains_(domains) {}

  // Pick i is a function of the seed, the domains and i: a domain in turn, a defect and a profile by chance, and the
  // first case that shows it after a place in the campaign chosen by chance.
  Result<Pick> pick(std::uint64_t i);

 private:
  campaign::Plan& plan(const Domain& domain, std::uint16_t profile);

  std::uint64_t seed_;
  std::span<const std::string_view> domains_;
  std::map<std::pair<std::string_view, std::uint16_t>, std::unique_ptr<campaign::Plan>> plans_;
};

}  // namespace diffvisor::minimise_score
