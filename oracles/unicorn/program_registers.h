// SPDX-License-Identifier: Apache-2.0
// Which of Unicorn's registers holds a field of a case, if any does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace diffvisor::unicorn {

struct Api {
  int id;                // UC_X86_REG_...
  std::uint32_t number;  // MSR: its number; XMM: 8 for the upper half; GDTR and the like: base 0, limit 8, selector 16
};

// `wide`: in 64-bit mode. Hidden parts of segments, blocking and x87 tags have none.
std::optional<Api> api_of(unsigned slot, bool wide);
std::string api_name(int id);  // "UC_X86_REG_RAX"

}  // namespace diffvisor::unicorn
