// SPDX-License-Identifier: Apache-2.0
// One table of rules from the tables of the manual's sections.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "harness/rules/rule.h"

namespace diffvisor::models {

template <std::size_t... N>
constexpr auto concatenated(const std::array<rules::Rule, N>&... tables) {
  std::array<rules::Rule, (N + ...)> all;
  std::size_t at = 0;
  ((std::copy(tables.begin(), tables.end(), all.begin() + static_cast<std::ptrdiff_t>(at)), at += N), ...);
  return all;
}

}  // namespace diffvisor::models
