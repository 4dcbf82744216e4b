// SPDX-License-Identifier: Apache-2.0
// A case and its result as executors outside this process receive and send them. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/insn/fields.h"

namespace diffvisor::insn {

inline constexpr unsigned kWireRecord = kStateWords + 18;  // at least kRecordSlots

struct WireCase {
  std::uint64_t v[kSlots];
  std::uint32_t code_bytes;
  std::uint32_t reserved;
  std::uint8_t code[kMostCode];
};

// `status` 0: ran. Else a reason of the executor's own list why it cannot say.
struct WireResult {
  std::uint32_t status;
  std::uint32_t outcome;
  std::uint64_t defined[4];  // bit i: record[i] means something
  std::uint64_t record[kWireRecord];
};

}  // namespace diffvisor::insn
