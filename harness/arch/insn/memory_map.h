// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory of an instruction case: 256 KiB of RAM at 0 with descriptor tables, task states, page tables of
// every paging mode, code, data and stack, the same before every case. A case's patches and code bytes go on top of
// it. Linear addresses map to it one to one below kVariants; above are windows that show the data and code pages with
// other page attributes. Freestanding: the agent builds the same image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace diffvisor::insn {

using Gpa = std::uint64_t;

inline constexpr Gpa kRamEnd = 0x40000;
inline constexpr Gpa kPage = 0x1000;

inline constexpr Gpa kIvt = 0;                // 256 far pointers to kIvtSegment:vector, in real mode
inline constexpr Gpa kGdt = 0x1000;           // see Selector
inline constexpr Gpa kIdt64 = 0x2000;         // 256 gates of 16 bytes
inline constexpr Gpa kIdt32 = 0x3000;         // 256 gates of 8 bytes
inline constexpr Gpa kTss64 = 0x4000;         // with I/O permission bitmap to the end of its page
inline constexpr Gpa kTss32 = 0x5000;         // the same, and interrupt redirection bitmap
inline constexpr Gpa kTaskTarget32 = 0x6000;  // an available 32-bit TSS
inline constexpr Gpa kTaskTarget16 = 0x6800;  // an available 16-bit TSS
inline constexpr Gpa kLdt = 0x7000;
inline constexpr Gpa kPml5 = 0x8000;
inline constexpr Gpa kPml4 = 0x9000;
inline constexpr Gpa kPdpt = 0xa000;
inline constexpr Gpa kPd = 0xb000;
inline constexpr Gpa kPt = 0xc000;  // 512 entries: linear 0 .. 1fffffh
inline constexpr Gpa kPd32 = 0xd000;
inline constexpr Gpa kPt32 = 0xe000;     // 1024 entries: linear 0 .. 3fffffh
inline constexpr Gpa kPdptPae = 0xf000;  // 4 entries
inline constexpr Gpa kCode = 0x10000;    // 16 pages of HLT
inline constexpr Gpa kData = 0x20000;    // 16 pages, byte i = a mix of i
inline constexpr Gpa kStack = 0x30000;   // 16 pages of 0
inline constexpr unsigned kRegionPages = 16;

inline constexpr std::uint64_t kTssLimit = 0xfff;
inline constexpr std::uint64_t kIoBitmap = 0x88;      // offset in a TSS; bytes before it redirect interrupts
inline constexpr std::uint64_t kIvtSegment = 0x1f00;  // handlers in the last page of the code region

// Windows: 16 pages each, from linear kVariants on, in this order. The last three show code, the others data.
inline constexpr std::uint64_t kVariants = 0x40000;
enum Window : unsigned {
  kReadOnly,    // user, not writable
  kSupervisor,  // writable
  kAbsent,
  kNoExecute,    // user, writable; without PAE an ordinary page
  kReservedBit,  // bit 51; without PAE not present
  kSupervisorReadOnly,
  kUntouched,  // user, writable, accessed and dirty bits clear
  kKeyed,      // user, writable, protection key 5
  kGlobal,
  kCodeSupervisor,
  kCodeNoExecute,
  kCodeReadOnly,
  kWindows
};
constexpr std::uint64_t window(unsigned w) { return kVariants + w * kRegionPages * kPage; }

// 2 MiB pages of PAE and long mode (PD entries 1 to 4), all of guest-physical 0: user; supervisor; read-only; with a
// reserved bit. The first two also as 4 MiB pages of 32-bit paging (PD entries 1, 2).
inline constexpr std::uint64_t kLargeUser = 0x200000;
inline constexpr std::uint64_t kLargeUser32 = 0x400000;
// PML4 entries 256 and 511 repeat entry 0.
inline constexpr std::uint64_t kUpperHalf = 0xffff800000000000;
inline constexpr std::uint64_t kTopHalf = 0xffffff8000000000;

// Indices of the GDT (times 8). The LDT holds user data (4), user code (12), a 16-bit call gate (20).
enum Selector : std::uint16_t {
  kSelCode64 = 0x08,
  kSelData = 0x10,
  kSelCode32 = 0x18,
  kSelUserCode32 = 0x20,
  kSelUserData = 0x28,
  kSelUserCode64 = 0x30,
  kSelCode16 = 0x38,
  kSelTss64 = 0x40,  // 16 bytes
  kSelLdt = 0x50,    // 16 bytes
  kSelData16 = 0x60,
  kSelDataAbsent = 0x68,
  kSelDataReadOnly = 0x70,
  kSelDataExpandDown = 0x78,
  kSelCodeConforming = 0x80,
  kSelCodeAbsent = 0x88,
  kSelGate64 = 0x90,  // 16 bytes, DPL 3, to kSelCode64
  kSelGate32 = 0xa0,  // DPL 3, to kSelCode32, two parameters
  kSelGate16 = 0xa8,
  kSelTss32 = 0xb0,   // busy
  kSelTask32 = 0xb8,  // available
  kSelTask16 = 0xc0,
  kSelTaskGate = 0xc8,  // to kSelTask32
  kSelUserCode16 = 0xd0,
  kSelUserData16 = 0xd8,
  kSelExecuteOnly = 0xe0,
  kSelTss64Available = 0xf0,  // 16 bytes
  kSelLast = 0x100,
};
inline constexpr std::uint64_t kGdtLimit = 0x1ff;
inline constexpr std::uint64_t kLdtLimit = 0xff;

// Writes the background into kRamEnd bytes, all of which must be 0.
void write_background(std::uint8_t* ram);

}  // namespace diffvisor::insn
