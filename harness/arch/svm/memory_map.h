// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory as the agent lays it out for SVM: what it adds to the machine's own part.
#pragma once

#include "harness/arch/agent/memory_map.h"

namespace diffvisor::svm {

using agent::Gpa;
using agent::kPage;

// The agent's own (host) world. Nothing a case may write.
inline constexpr Gpa kHostSave = 0x150000;  // VM_HSAVE_PA
inline constexpr Gpa kVmcb = 0x151000;      // the VMCB of every case
inline constexpr Gpa kHostVmcb = 0x152000;  // for VMSAVE and VMLOAD of the agent's own state
inline constexpr Gpa kMsrpm = 0x154000;     // 8 KiB, all ones: every MSR access that MSR_PROT covers exits
inline constexpr Gpa kIopm = 0x158000;      // 12 KiB, all ones
// Nested identity map of the guest window and nothing else: one page for each level, the last with 4 KiB entries.
inline constexpr Gpa kNestedPml4 = 0x160000;
inline constexpr Gpa kNestedTablesEnd = 0x164000;
inline constexpr Gpa kEmptyTables = 0x168000;  // one page of zeros: nested tables that map nothing

}  // namespace diffvisor::svm
