// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace diffvisor::native {

enum class Limit : unsigned {
  None,
#define LIMIT(constant, reason, why) constant,
#include "oracles/native/limits.def"
#undef LIMIT
};

constexpr std::string_view reason_of(Limit limit) {
  constexpr std::string_view kReasons[] = {
      "",
#define LIMIT(constant, reason, why) reason,
#include "oracles/native/limits.def"
#undef LIMIT
  };
  return kReasons[static_cast<unsigned>(limit)];
}

}  // namespace diffvisor::native
