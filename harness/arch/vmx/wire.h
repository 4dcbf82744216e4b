// SPDX-License-Identifier: Apache-2.0
// A vmx_entry case and its result as they travel to the agent and back: fixed size, no pointers. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/outcome.h"

namespace diffvisor::vmx {

// The slots from PIN to the last one, State and Fact, in slot order: one contiguous piece of Case::v.
inline constexpr std::size_t kBlockSlots = kSlots - Pin;
inline constexpr std::size_t kWireFacts = 2 + 4 + 3 * kEntryMsrFacts;

using WireFact = agent::MemoryWrite;  // inside the pages a case may set

struct WireCase {
  std::uint64_t context;  // ContextBit
  std::uint64_t fact_count;
  std::uint64_t block[kBlockSlots];
  WireFact facts[kWireFacts];
};

// golden: a case that certainly enters, for context `launched`.
struct WireBatch {
  WireCase golden;
  WireCase cases[1];  // `count` of them
};

enum class WireStatus : std::uint64_t {
  NotRun,
  Exit,  // a VM exit, also that of a failed entry
  FailInvalid,
  FailValid,
  InvalidOpcode,
  GeneralProtection,
  ContextImpossible,  // the machine cannot be brought into the case's context
  FactOutside,        // a fact outside the pages a case may set; nothing was run
};

struct WireResult {
  WireStatus status;
  std::uint64_t record[kRecordSlots];  // raw: only what the exit defines means anything
};

static_assert(sizeof(WireCase) % 8 == 0 && sizeof(WireResult) % 8 == 0);

}  // namespace diffvisor::vmx
