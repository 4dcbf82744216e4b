// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory as the agent lays it out for VMX: the machine's own part, and what VMX adds. Shared by the
// agent, the golden case, the models and the oracles.
#pragma once

#include <cstdint>

#include "harness/arch/agent/memory_map.h"

namespace diffvisor::vmx {

using agent::Gpa;
using agent::kAgentImage;
using agent::kDevices;
using agent::kDevicesEnd;
using agent::kGuestCode;
using agent::kGuestCode32;
using agent::kGuestCr3;
using agent::kGuestGdt;
using agent::kGuestIdt;
using agent::kGuestPages;
using agent::kGuestPagesEnd;
using agent::kGuestStackTop;
using agent::kGuestTss;
using agent::kGuestWindow;
using agent::kGuestWindowEnd;
using agent::kHostCr3;
using agent::kHostGdt;
using agent::kHostIdt;
using agent::kHostStackTop;
using agent::kHostTss;
using agent::kPage;
using agent::kRamEnd;
using agent::kReadsAboveRam;
using agent::kScratch;
using agent::kScratchEnd;

// The agent's own (host, root mode) world. Nothing a case may write.
inline constexpr Gpa kVmExitEntry = 0x100100;  // HOST_RIP: works with any host RSP, selectors and table bases
inline constexpr Gpa kVmxonRegion = 0x150000;
inline constexpr Gpa kVmcs = 0x151000;        // the current VMCS of every case
inline constexpr Gpa kShadowVmcs = 0x152000;  // current instead, for context shadow_current
inline constexpr Gpa kEptPml4 = 0x160000;     // identity map of the guest window only: EPTP = kEptPml4 | 0x1e

// MSR lists: two pages each, every entry harmless ({IA32_STAR, 0}) unless a fact says otherwise.
inline constexpr Gpa kEntryMsrList = 0x440000;
inline constexpr Gpa kExitMsrLoadList = 0x442000;
inline constexpr Gpa kExitMsrStoreList = 0x444000;
inline constexpr Gpa kListsEnd = kGuestPagesEnd;
inline constexpr std::uint32_t kFillerMsr = 0xc0000081;  // IA32_STAR

}  // namespace diffvisor::vmx
