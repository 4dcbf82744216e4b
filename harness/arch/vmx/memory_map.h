// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory as the agent lays it out; shared by the agent, the golden case, the models and the oracles.
#pragma once

#include <cstdint>

namespace diffvisor::vmx {

using Gpa = std::uint64_t;

inline constexpr Gpa kRamEnd = 0x4000000;  // 64 MiB of RAM at 0
inline constexpr Gpa kPage = 0x1000;       // bytes

// The agent's own (host, root mode) world. Nothing a case may write.
inline constexpr Gpa kHostCr3 = 0x10000;       // identity map of 4 GiB in 2 MiB pages
inline constexpr Gpa kAgentImage = 0x100000;   // entry point first
inline constexpr Gpa kVmExitEntry = 0x100100;  // HOST_RIP: works with any host RSP, selectors and table bases
inline constexpr Gpa kHostGdt = 0x120000;      // CS 0x08, data 0x10, TR 0x18
inline constexpr Gpa kHostIdt = 0x121000;
inline constexpr Gpa kHostTss = 0x122000;
inline constexpr Gpa kHostStackTop = 0x140000;
inline constexpr Gpa kVmxonRegion = 0x150000;
inline constexpr Gpa kVmcs = 0x151000;        // the current VMCS of every case
inline constexpr Gpa kShadowVmcs = 0x152000;  // current instead, for context shadow_current
inline constexpr Gpa kEptPml4 = 0x160000;     // identity map of the guest window only: EPTP = kEptPml4 | 0x1e

// The guest window: the only memory that the golden page tables and the golden EPT map.
inline constexpr Gpa kGuestWindow = 0x400000;  // 2 MiB
inline constexpr Gpa kGuestWindowEnd = 0x600000;
inline constexpr Gpa kGuestCr3 = 0x400000;     // PML4, PDPT, PD: one page each
inline constexpr Gpa kGuestPages = 0x403000;   // page table: identity map up to kListsEnd
inline constexpr Gpa kGuestCode = 0x410000;    // VMCALL and nothing else, all over the page
inline constexpr Gpa kGuestCode32 = 0x411000;  // the same for 32-bit code
inline constexpr Gpa kGuestIdt = 0x412000;     // 256 gates to kGuestCode
inline constexpr Gpa kGuestGdt = 0x413000;
inline constexpr Gpa kGuestTss = 0x414000;
inline constexpr Gpa kGuestStackTop = 0x419000;

// Pages a case may point to and whose content it may set (facts).
inline constexpr Gpa kScratch = 0x420000;
inline constexpr Gpa kScratchEnd = 0x440000;  // 32 pages
// MSR lists: two pages each, every entry harmless ({IA32_STAR, 0}) unless a fact says otherwise.
inline constexpr Gpa kEntryMsrList = 0x440000;
inline constexpr Gpa kExitMsrLoadList = 0x442000;
inline constexpr Gpa kExitMsrStoreList = 0x444000;
inline constexpr Gpa kListsEnd = 0x446000;
inline constexpr std::uint32_t kFillerMsr = 0xc0000081;  // IA32_STAR

// Above RAM the oracles read all ones and ignore writes, the window of interrupt controllers and ROM excepted.
inline constexpr std::uint64_t kReadsAboveRam = ~std::uint64_t{0};
inline constexpr Gpa kDevices = 0xfec00000;
inline constexpr Gpa kDevicesEnd = 0x100000000;

}  // namespace diffvisor::vmx
