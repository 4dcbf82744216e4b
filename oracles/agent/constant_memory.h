// SPDX-License-Identifier: Apache-2.0
// What of the agent's memory never changes once it is up: the host verifies it after each batch.
#pragma once

#include <cstdint>

#include "harness/arch/svm/memory_map.h"
#include "harness/arch/vmx/memory_map.h"
#include "oracles/agent/layout.h"

namespace diffvisor::agent {

struct ConstantRange {
  std::uint64_t begin, end;
};

inline constexpr ConstantRange kConstantMemory[] = {
    {vmx::kHostCr3, vmx::kHostCr3 + 6 * vmx::kPage},
    {AGENT_IMAGE, AGENT_IMAGE + 0x10000},  // the ROM is larger than the agent
    {AGENT_GDT, AGENT_GDT + AGENT_TASK},   // LTR sets the busy bit of the rest
    {AGENT_IDT, AGENT_IDT + vmx::kPage},
    {AGENT_TSS, AGENT_TSS + vmx::kPage},
    {AGENT_USER_CODE, AGENT_USER_CODE + 0x40},
    {svm::kMsrpm, svm::kMsrpm + 2 * svm::kPage},
    {svm::kIopm, svm::kIopm + 3 * svm::kPage},
    {AGENT_CLEAN_COPY, AGENT_CLEAN_COPY + (vmx::kListsEnd - vmx::kGuestWindow)},
};

}  // namespace diffvisor::agent
