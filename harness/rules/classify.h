// SPDX-License-Identifier: Apache-2.0
// The class of every rule in one profile: can it be broken alone, is it always broken together with another, or can
// nothing in this profile break it? Found by search from a fixed seed, so the same everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/rules/satisfy.h"

namespace diffvisor::rules {

enum class Class : std::uint8_t {
  Alone,        // witness: of the phases up to its own exactly this rule is broken
  Implied,      // whenever it is broken, `by` is too; witness: a smallest such state
  Unreachable,  // in this profile; reason
};
std::string_view class_name(Class c);

struct Classified {
  std::size_t row = 0;
  Class cls = Class::Unreachable;
  std::optional<std::size_t> by;  // Implied, and Unreachable when a capability rule stands before it
  std::string reason;
  std::optional<Case> witness;  // Alone, Implied
  std::optional<Case> valid;    // Alone: the twin that differs only in bits the rule reads and breaks nothing
};

// Check rows in table order.
std::vector<Classified> classify(const RuleSet& set, const Schema& schema, std::uint16_t profile, Normalise normalise);

}  // namespace diffvisor::rules
