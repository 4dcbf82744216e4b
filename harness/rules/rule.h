// SPDX-License-Identifier: Apache-2.0
// A rule: one architectural fact as a data row, and the set of rules of a domain as everybody else sees it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/bits.h"
#include "harness/rules/expr.h"

namespace diffvisor::rules {

// What happens when a rule is broken: the domain's outcome code (see Domain::outcome_text).
using Outcome = std::uint32_t;

enum class Kind : std::uint8_t {
  Check,  // a legality check of the manual: broken means the operation fails with `outcome`
  Exit,   // what the guest does first: "broken" means this event occurs, `outcome` is the event
  Limit,  // a case nobody can judge (it would hang, or read memory nobody placed): Incomparable(id)
};

// Phases are judged in ascending order: the outcome is that of some broken rule in the lowest phase with a broken rule;
// inside a phase the manual leaves the order open, so each broken rule's outcome is acceptable.
struct Rule {
  std::string_view id;       // the spec's id in lower case; stable, unique with `entry`
  std::string_view section;  // of the pinned manual edition
  Kind kind = Kind::Check;
  std::uint8_t phase = 0;
  std::uint8_t entry = 0;  // for rules about one entry of a list: 1-based index, else 0
  Outcome outcome = 0;
  Expr when;  // the guard: the rule applies
  Expr must;  // what must hold then
};

inline constexpr std::size_t kMaxRules = 512;

class RuleBits {
 public:
  constexpr bool test(std::size_t i) const { return w_[i / 64] >> (i % 64) & 1; }
  constexpr void set(std::size_t i) { w_[i / 64] |= std::uint64_t{1} << (i % 64); }
  constexpr void reset(std::size_t i) { w_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  constexpr std::uint64_t& word(std::size_t i) { return w_[i]; }
  constexpr std::uint64_t word(std::size_t i) const { return w_[i]; }
  constexpr bool none() const {
    std::uint64_t x = 0;
    for (const auto w : w_) x |= w;
    return x == 0;
  }
  constexpr std::size_t count() const {
    std::size_t x = 0;
    for (const auto w : w_) x += static_cast<std::size_t>(std::popcount(w));
    return x;
  }
  constexpr RuleBits& operator|=(const RuleBits& o) {
    for (std::size_t i = 0; i < w_.size(); ++i) w_[i] |= o.w_[i];
    return *this;
  }
  constexpr RuleBits& operator&=(const RuleBits& o) {
    for (std::size_t i = 0; i < w_.size(); ++i) w_[i] &= o.w_[i];
    return *this;
  }
  constexpr RuleBits operator~() const {
    RuleBits r;
    for (std::size_t i = 0; i < w_.size(); ++i) r.w_[i] = ~w_[i];
    return r;
  }
  bool operator==(const RuleBits&) const = default;

  // Calls f(index) for every set bit in ascending order.
  template <class F>
  constexpr void each(F f) const {
    for (std::size_t i = 0; i < w_.size(); ++i)
      for (std::uint64_t b = w_[i]; b != 0; b &= b - 1) f(i * 64 + static_cast<std::size_t>(std::countr_zero(b)));
  }

 private:
  std::array<std::uint64_t, kMaxRules / 64> w_{};
};

struct Survey {
  RuleBits applied;  // the guard was true
  RuleBits broken;   // applied, and the condition was false
};

// Why a rule is never broken alone in a profile; see classify.h.
struct Claim {
  std::string_view id;
  std::string_view by;  // the rule that is always broken with it, or "" when the rule is unreachable
  std::string_view reason;
};

// A fact of the specification that has no row, and why.
struct Exemption {
  std::string_view id;
  std::string_view reason;
};

// A state that is being repaired: locked bits keep their value.
struct Repairing {
  std::uint64_t* v = nullptr;
  const Locks* locks = nullptr;
  Rng rng{0};
};

struct BatchPlan;

// A table with its compiled survey and repair. One constant per domain, built by make_rule_set in exactly one .cc.
struct RuleSet {
  std::span<const Rule> rows;
  std::span<const FreeCondition> functions;
  void (*survey)(const std::uint64_t* v, Survey& out);
  // The table for 64 states at once (batch_plan.h); null on machines that cannot run it.
  const BatchPlan* (*batch_plan)();
  // Repairs row i, where it is broken, in the states named by bits of `among`. In those of `flip` the guard gives way
  // instead of the condition, or the other way round.
  void (*repair)(std::size_t i, std::uint64_t among, std::uint64_t flip, Repairing* const* states);
};

// A table without rows, for domains whose subject is behaviour and not legality.
const RuleSet& no_rules();

std::uint64_t rules_digest(const RuleSet& set);
// Index of the row with this id and entry, or rows.size().
std::size_t find_rule(const RuleSet& set, std::string_view id, unsigned entry = 0);
// `vmx.msrload.rsvd` or, for a list entry, `vmx.msrload.rsvd[2]`
std::string rule_name(const Rule& rule);

}  // namespace diffvisor::rules
