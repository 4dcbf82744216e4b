// SPDX-License-Identifier: Apache-2.0
// What this folder's tests and its rate tool know of a domain: random cases that no machine dies of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/rng.h"
#include "harness/case/case.h"
#include "oracles/agent/domain_codec.h"

namespace diffvisor {

// A value of a context slot that makes another golden case.
struct Variant {
  std::string_view name;
  Slot slot;
  std::uint64_t value;
};

struct RandomDomain {
  std::string_view name;
  const agent::DomainCodec& codec;
  bool (*is_hazard)(const Field&);  // where a change can lose the agent or hang the guest by architecture
  void (*normalise)(std::uint64_t* v);
  bool (*entered)(rules::Outcome);
  std::string (*outcome_text)(rules::Outcome);
  std::span<const Variant> variants;
  std::string_view code{};  // bytes of the first byte area
};

std::span<const RandomDomain> random_domains();
const RandomDomain* find_random_domain(std::string_view name);

// The golden case of a profile and a variant.
Case golden_of(const RandomDomain& domain, std::uint16_t profile, const Variant& variant);

// `from` with `flips` random bits changed.
Case flipped(Rng& rng, const RandomDomain& domain, const Case& from, unsigned flips);

}  // namespace diffvisor
