// SPDX-License-Identifier: Apache-2.0
// States that break no rule, or exactly the one you ask for. Declared field order is repair order: a repair writes the
// latest field of the broken rule, and if that is in the guard, the guard gives way.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "harness/case/case.h"
#include "harness/rules/rule.h"

namespace diffvisor::rules {

// Called after each pass: ties derived values (memory facts) to the fields they depend on. May be null.
using Normalise = void (*)(std::uint64_t* v);

// Locks that every repair of this schema starts from: capabilities, and bits above each field's width.
Locks base_locks(const Schema& schema);

// All bits of the schema's Fact slots.
Locks fact_bits(const Schema& schema);

inline constexpr unsigned kMostPasses = 128;

// Breaks no rule afterwards (checks and limits; exits are events) except those in `skip`; false if it gave up.
// Locked bits keep their value. Idempotent: a state that breaks nothing is not touched.
bool satisfy_all(const RuleSet& set, std::uint64_t* v, const Locks& locks, Rng& rng, Normalise normalise,
                 const RuleBits& skip = {}, unsigned most_passes = kMostPasses);

// The same for many states, several times faster; each comes out as it would alone. False for those that gave up.
std::vector<bool> satisfy_batch(const RuleSet& set, std::span<Repairing> states, Normalise normalise,
                                const RuleBits& skip = {}, unsigned most_passes = kMostPasses);

// From a valid state to one where, of all rules in the phases up to k's, exactly k is broken. False if not found in
// this attempt; v is then undefined. `also`: a second rule that is allowed, and made, to be broken too.
bool violate(const RuleSet& set, std::size_t k, std::uint64_t* v, const Locks& locks, Rng& rng, Normalise normalise,
             std::optional<std::size_t> also = std::nullopt);

// From a state where exactly k is broken to one where no rule up to its phase is: only bits that k reads change, and
// memory facts, which follow the addresses. False if none was found.
bool mend_only(const RuleSet& set, std::size_t k, std::uint64_t* v, const Locks& locks, const Locks& facts, Rng& rng,
               Normalise normalise);

}  // namespace diffvisor::rules
