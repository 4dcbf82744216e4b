// SPDX-License-Identifier: Apache-2.0
// The deterministic sequence of cases: case i is a function of (seed, options, tables, i) and of nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/mutate/mutator.h"
#include "harness/run/domain.h"

namespace diffvisor::campaign {

enum class Strategy : std::uint8_t {
  BreakOne,       // even index: a valid state; odd: the same with exactly one rule broken
  MutateGolden,   // the golden case with a few mutations
  SatisfyRandom,  // random values, modes locked, then every rule satisfied
  FlipValid,      // a valid state with one to three bits flipped
  BreakTwo,       // a pair of rules broken: which one wins?
  Boundary,       // each bit that some rule reads, flipped in turn on a valid state
  Splice,         // groups of fields exchanged between two valid states or corpus cases
  VaryProfile,    // capabilities changed within what is consistent; only for executors without a profile of their own
};
std::string_view strategy_name(Strategy s);

struct PlanOptions {
  std::uint64_t seed = 1;
  std::uint16_t profile = 0;
  bool vary_profile = false;
  std::vector<Case> corpus;  // material for Splice; part of what determines the sequence
};

class Plan {
 public:
  Plan(const Domain& domain, PlanOptions options);

  Strategy strategy(std::uint64_t index) const;
  // Overwrites `out`. No allocation after the first call for domains without areas and operations, and for those that
  // generate.
  void make(std::uint64_t index, Case& out);

 private:
  struct BitOf {
    Slot slot;
    std::uint8_t bit;
  };

  Case random_valid(Rng& rng) const;
  void start_from_valid(Rng& rng, Case& out) const;
  void break_one(std::uint64_t pair, bool broken, Case& out);
  void break_two(Rng& rng, Case& out) const;
  void flip_some(Rng& rng, unsigned most, Case& out) const;
  void mutate_golden(Rng& rng, Case& out) const;
  void boundary(std::uint64_t turn, Rng& rng, Case& out) const;
  void splice(Rng& rng, Case& out) const;
  void vary_profile(Rng& rng, Case& out) const;
  void generate(std::uint64_t index, Rng& rng, Case& out) const;
  void without_rules(Rng& rng, Case& out) const;
  const Field& field(Slot s) const { return *fields_[s]; }
  void settle(Case& c) const;

  const Domain* domain_;
  PlanOptions options_;
  Case golden_;  // of the profile
  rules::Locks locks_;
  rules::Locks short_locks_;  // locks_, and lists that are short stay so
  rules::Locks facts_;
  std::vector<const Field*> fields_;    // by slot
  std::vector<std::size_t> breakable_;  // Check rows
  std::vector<BitOf> bits_read_;
  std::vector<Case> bases_;     // golden variants and valid states every strategy starts from
  std::vector<Slot> writable_;  // State and Fact slots
  mutate::Mutator mutator_;     // for domains without rules, and what their operation lists need
  mutate::Mutator crossover_;

  std::uint64_t cached_pair_ = ~std::uint64_t{0};
  Case cached_valid_;
  Case cached_broken_;
};

}  // namespace diffvisor::campaign
