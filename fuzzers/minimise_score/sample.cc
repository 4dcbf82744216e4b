// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/minimise_score/sample.h"

namespace diffvisor::minimise_score {
namespace {

constexpr std::uint64_t kCasesPerDefect = 3000;  // then another defect is drawn
constexpr std::uint64_t kPlaces = 1000000;       // of the campaign

}  // namespace

campaign::Plan& Sample::plan(const Domain& domain, std::uint16_t profile) {
  auto& made = plans_[{domain.name, profile}];
  if (made == nullptr)
    made = std::make_unique<campaign::Plan>(
        domain, campaign::PlanOptions{.seed = seed_, .profile = profile, .vary_profile = true, .corpus = {}});
  return *made;
}

Result<Pick> Sample::pick(std::uint64_t i) {
  const DomainEntry* entry = find_domain(domains_[i % domains_.size()]);
  const Domain& domain = *entry->domain;
  const std::vector<Quirk> defects = all_quirks(*entry);
  Rng rng(seed_, i);
  for (;;) {
    auto planted = Planted::make(*entry, rng.pick(std::span(defects)));
    if (!planted) return tl::unexpected(planted.error());
    const auto profile = static_cast<std::uint16_t>(rng.below(domain.schema->profiles.size()));
    const std::uint64_t first = rng.below(kPlaces);
    Case c = golden_case(*domain.schema, profile);
    for (std::uint64_t k = 0; k < kCasesPerDefect; ++k) {
      plan(domain, profile).make(first + k, c);
      (*planted)->normalise(c);
      if (std::string bucket = (*planted)->bucket(c); !bucket.empty())
        return Pick{std::move(*planted), c, std::move(bucket)};
    }
  }
}

}  // namespace diffvisor::minimise_score
