// SPDX-License-Identifier: Apache-2.0
// An svm_entry case and its result as they travel to the agent and back: fixed size, no pointers. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/outcome.h"

namespace diffvisor::svm {

// The slots from VMCB_ADDRESS to the last State field, in slot order: one contiguous piece of Case::v. A slot's place
// in the VMCB is its id; VMCB_ADDRESS is rAX of the VMRUN, U_CET the MSR.
inline constexpr std::size_t kBlockSlots = Cr3Pdpte - VmcbAddress;
inline constexpr std::size_t kWireFacts = 4;

struct WireCase {
  std::uint64_t context;  // ContextBit
  std::uint64_t fact_count;
  std::uint64_t block[kBlockSlots];
  agent::MemoryWrite facts[kWireFacts];  // inside the pages a case may set
};

// golden: a case that certainly enters.
struct WireBatch {
  WireCase golden;
  WireCase cases[1];  // `count` of them
};

enum class WireStatus : std::uint64_t {
  NotRun,
  Exit,  // a #VMEXIT, also VMEXIT_INVALID
  InvalidOpcode,
  GeneralProtection,
  ContextImpossible,  // the machine cannot be brought into the case's context
  FactOutside,        // a fact outside the pages a case may set; nothing was run
};

// In kExitCode when VMRUN came back without having written one.
inline constexpr std::uint64_t kNoExitCode = 0x6e6f206578697421;

struct WireResult {
  WireStatus status;
  std::uint64_t record[kRecordSlots];  // raw: only what the exit defines means anything
};

static_assert(sizeof(WireCase) % 8 == 0 && sizeof(WireResult) % 8 == 0);

}  // namespace diffvisor::svm
