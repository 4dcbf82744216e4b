// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory as the agent lays it out, whatever it runs: shared by the agent, golden cases, models and
// oracles. What one kind of entry adds is in that subject's memory_map.h. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace diffvisor::agent {

using Gpa = std::uint64_t;

inline constexpr Gpa kRamEnd = 0x4000000;  // 64 MiB of RAM at 0
inline constexpr Gpa kPage = 0x1000;       // bytes

// The agent's own (host) world. Nothing a case may write.
inline constexpr Gpa kHostCr3 = 0x10000;      // identity map of 4 GiB in 2 MiB pages
inline constexpr Gpa kAgentImage = 0x100000;  // entry point first
inline constexpr Gpa kHostGdt = 0x120000;     // CS 0x08, data 0x10, TR 0x18
inline constexpr Gpa kHostIdt = 0x121000;
inline constexpr Gpa kHostTss = 0x122000;
inline constexpr Gpa kHostStackTop = 0x140000;

// The guest window: the only memory that the golden page tables and the golden nested tables map.
inline constexpr Gpa kGuestWindow = 0x400000;  // 2 MiB
inline constexpr Gpa kGuestWindowEnd = 0x600000;
inline constexpr Gpa kGuestCr3 = 0x400000;     // PML4, PDPT, PD: one page each
inline constexpr Gpa kGuestPages = 0x403000;   // page table: identity map up to kGuestPagesEnd
inline constexpr Gpa kGuestCode = 0x410000;    // the vendor's hypercall and nothing else, all over the page
inline constexpr Gpa kGuestCode32 = 0x411000;  // the same for 32-bit code
inline constexpr Gpa kGuestIdt = 0x412000;     // 256 gates to kGuestCode
inline constexpr Gpa kGuestGdt = 0x413000;
inline constexpr Gpa kGuestTss = 0x414000;
inline constexpr Gpa kGuestStackTop = 0x419000;
// What the agent's guest tables hold in the first qwords at kGuestCr3: PML4 entry 0, present, writable, user.
inline constexpr std::uint64_t kGoldenPml4Entry = (kGuestCr3 + kPage) | 0x27;  // present, writable, user, accessed

// Pages a case may point to and whose content it may set (facts).
inline constexpr Gpa kScratch = 0x420000;
inline constexpr Gpa kScratchEnd = 0x440000;  // 32 pages
// What lies behind them belongs to the kind of entry.
inline constexpr Gpa kGuestPagesEnd = 0x446000;

// Command InsnStep: the guest-physical memory of a case (256 KiB), the same as it is before every case, EPT with one
// page for each level, the MSR bitmaps and the VMCS.
inline constexpr Gpa kStepRam = 0xc00000;
inline constexpr Gpa kStepBackground = 0xc40000;
inline constexpr Gpa kStepEpt = 0xc80000;
inline constexpr Gpa kStepMsrBitmaps = 0xc84000;
inline constexpr Gpa kStepVmcs = 0xc85000;
inline constexpr Gpa kStepEnd = 0xc86000;

// Above RAM the oracles read all ones and ignore writes, the window of interrupt controllers and ROM excepted.
inline constexpr std::uint64_t kReadsAboveRam = ~std::uint64_t{0};
inline constexpr Gpa kDevices = 0xfec00000;
inline constexpr Gpa kDevicesEnd = 0x100000000;

// `bytes` little-endian bytes of `value`: 1, 2, 4 or 8.
struct MemoryWrite {
  std::uint64_t address, value, bytes;
};

// `size` bytes at `a` lie in [from, end).
constexpr bool inside(Gpa a, std::size_t size, Gpa from, Gpa end) { return a - from <= end - from - size; }
constexpr bool in_scratch(Gpa a, std::size_t size) { return inside(a, size, kScratch, kScratchEnd); }
constexpr bool above_ram(Gpa a, std::size_t size) { return a >= kRamEnd && (a >= kDevicesEnd || a + size <= kDevices); }

}  // namespace diffvisor::agent
