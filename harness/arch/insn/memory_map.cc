// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/memory_map.h"

namespace diffvisor::insn {
namespace {

using u8 = std::uint8_t;
using u64 = std::uint64_t;

constexpr u64 kPresent = 1, kWrite = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80, kGlobalBit = 0x100;
constexpr u64 kTable = kPresent | kWrite | kUser | kAccessed;
constexpr u64 kUsed = kPresent | kAccessed | kDirty;
constexpr u64 kNx = u64{1} << 63;

void put(u8* at, u64 value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) at[i] = static_cast<u8>(value >> 8 * i);
}

// A code or data segment or the first half of a system segment (SDM 3A 3.4.5); `flags` is AVL, L, D/B, G.
constexpr u64 descriptor(u64 base, u64 limit, u64 access, u64 flags) {
  return (limit & 0xffff) | (base & 0xffffff) << 16 | access << 40 | (limit >> 16 & 0xf) << 48 | flags << 52 |
         (base >> 24 & 0xff) << 56;
}
constexpr u64 gate(u64 selector, u64 offset, u64 access, u64 parameters) {
  return (offset & 0xffff) | selector << 16 | parameters << 32 | access << 40 | (offset >> 16 & 0xffff) << 48;
}

void write_gdt(u8* gdt) {
  const auto set = [gdt](unsigned selector, u64 value) { put(gdt + selector, value, 8); };
  set(kSelCode64, descriptor(0, 0xfffff, 0x9b, 0xa));
  set(kSelData, descriptor(0, 0xfffff, 0x93, 0xc));
  set(kSelCode32, descriptor(0, 0xfffff, 0x9b, 0xc));
  set(kSelUserCode32, descriptor(0, 0xfffff, 0xfb, 0xc));
  set(kSelUserData, descriptor(0, 0xfffff, 0xf3, 0xc));
  set(kSelUserCode64, descriptor(0, 0xfffff, 0xfb, 0xa));
  set(kSelCode16, descriptor(kCode, 0xffff, 0x9b, 0));
  set(kSelTss64, descriptor(kTss64, kTssLimit, 0x8b, 0));
  set(kSelLdt, descriptor(kLdt, kLdtLimit, 0x82, 0));
  set(kSelData16, descriptor(kData, 0xffff, 0x93, 0));
  set(kSelDataAbsent, descriptor(0, 0xfffff, 0x13, 0xc));
  set(kSelDataReadOnly, descriptor(0, 0xfffff, 0xf1, 0xc));
  set(kSelDataExpandDown, descriptor(0, 0x20fff, 0xf7, 0x4));
  set(kSelCodeConforming, descriptor(0, 0xfffff, 0x9f, 0xc));
  set(kSelCodeAbsent, descriptor(0, 0xfffff, 0x1b, 0xc));
  set(kSelGate64, gate(kSelCode64, kCode + 0x800, 0xec, 0));
  set(kSelGate32, gate(kSelCode32, kCode + 0x900, 0xec, 2));
  set(kSelGate16, gate(kSelCode16, 0xa00, 0xe4, 1));
  set(kSelTss32, descriptor(kTss32, kTssLimit, 0x8b, 0));
  set(kSelTask32, descriptor(kTaskTarget32, 0x67, 0xe9, 0));
  set(kSelTask16, descriptor(kTaskTarget16, 0x2b, 0xe1, 0));
  set(kSelTaskGate, gate(kSelTask32, 0, 0xe5, 0));
  set(kSelUserCode16, descriptor(kCode, 0xffff, 0xfb, 0));
  set(kSelUserData16, descriptor(kData, 0xffff, 0xf3, 0));
  set(kSelExecuteOnly, descriptor(0, 0xfffff, 0xf9, 0xc));
  set(kSelTss64Available, descriptor(kTss64, kTssLimit, 0x89, 0));
}

void write_ldt(u8* ldt) {
  put(ldt + 0x00, descriptor(kData, 0xffff, 0xf3, 0x4), 8);
  put(ldt + 0x08, descriptor(0, 0xfffff, 0xfb, 0xc), 8);
  put(ldt + 0x10, gate(kSelCode16, 0xb00, 0xe4, 0), 8);
  put(ldt + 0x18, descriptor(kStack, 0xffff, 0x93, 0x4), 8);
}

// Vectors 3, 4, 5 and 80h up may be raised by user code; odd vectors above 80h are traps. Handlers are bytes of kCode.
void write_idts(u8* ram) {
  for (unsigned v = 0; v < 256; ++v) {
    const u64 user = (v >= 3 && v <= 5) || v >= 0x80 ? 0x60 : 0;
    const u64 type = v >= 0x80 && (v & 1) != 0 ? 0x8f : 0x8e;
    put(ram + kIdt64 + 16 * v, gate(kSelCode64, kCode + 0x1000 + v, type | user, 0), 8);
    put(ram + kIdt32 + 8 * v, gate(kSelCode32, kCode + 0x1000 + v, type | user, 0), 8);
    put(ram + kIvt + 4 * v, kIvtSegment << 16 | v, 4);
  }
}

void write_task(u8* tss, u64 stack) {
  put(tss + 0x04, stack, 4);          // ESP0
  put(tss + 0x08, kSelData, 2);       // SS0
  put(tss + 0x0c, stack - 0x800, 4);  // ESP1
  put(tss + 0x10, kSelData | 1, 2);
  put(tss + 0x14, stack - 0x900, 4);
  put(tss + 0x18, kSelData | 2, 2);
}

void write_targets(u8* ram) {
  u8* t = ram + kTaskTarget32;
  write_task(t, kStack + 0x9000);
  put(t + 0x1c, kPd32, 4);          // CR3
  put(t + 0x20, kCode + 0xc00, 4);  // EIP
  put(t + 0x24, 0x2, 4);            // EFLAGS
  for (unsigned i = 0; i < 8; ++i) put(t + 0x28 + 4 * i, 0x11110000 + i, 4);
  put(t + 0x38, kStack + 0x8000, 4);  // ESP
  const u64 segments[] = {kSelData, kSelCode32, kSelData, kSelData, 0, 0};
  for (unsigned i = 0; i < 6; ++i) put(t + 0x48 + 4 * i, segments[i], 2);
  t = ram + kTaskTarget16;
  put(t + 0x02, 0x9000, 2);
  put(t + 0x04, kSelData16, 2);
  put(t + 0x0e, 0xd00, 2);  // IP
  put(t + 0x10, 0x2, 2);    // FLAGS
  for (unsigned i = 0; i < 8; ++i) put(t + 0x12 + 2 * i, 0x2200 + i, 2);
  put(t + 0x1a, 0x8000, 2);  // SP
  const u64 segments16[] = {kSelData16, kSelCode16, kSelData16, kSelData16};
  for (unsigned i = 0; i < 4; ++i) put(t + 0x22 + 2 * i, segments16[i], 2);
}

void write_tasks(u8* ram) {
  u8* t = ram + kTss64;
  for (unsigned i = 0; i < 3; ++i) put(t + 4 + 8 * i, kStack + 0xa000 - 0x1000 * i, 8);    // RSP0 to RSP2
  for (unsigned i = 1; i < 8; ++i) put(t + 0x1c + 8 * i, kStack + 0xf000 - 0x100 * i, 8);  // IST1 to IST7
  put(t + 0x66, kIoBitmap, 2);
  t = ram + kTss32;
  write_task(t, kStack + 0xa000);
  put(t + 0x1c, kPd32, 4);
  put(t + 0x66, kIoBitmap, 2);
  for (unsigned i = 0; i < 32; ++i) t[0x68 + i] = static_cast<u8>(i % 3 == 0 ? 0xff : 0);  // redirection
  // Every eighth byte allows its eight ports, the others deny a growing set; the last byte ends the map.
  for (Gpa base : {kTss64, kTss32})
    for (u64 i = kIoBitmap; i <= kTssLimit; ++i)
      ram[base + i] = static_cast<u8>(i == kTssLimit ? 0xff : i % 8 == 0 ? 0 : i % 3 == 0 ? 0 : 1u << (i % 8));
  write_targets(ram);
}

struct WindowEntry {
  u64 flags, flags32;
  bool code;
};
constexpr WindowEntry kWindowEntries[kWindows] = {
    {kUsed | kUser, kUsed | kUser, false},
    {kUsed | kWrite, kUsed | kWrite, false},
    {0, 0, false},
    {kUsed | kWrite | kUser | kNx, kUsed | kWrite | kUser, false},
    {kUsed | kWrite | kUser | u64{1} << 51, 0, false},
    {kUsed, kUsed, false},
    {kPresent | kWrite | kUser, kPresent | kWrite | kUser, false},
    {kUsed | kWrite | kUser | u64{5} << 59, kUsed | kWrite | kUser, false},
    {kUsed | kWrite | kUser | kGlobalBit, kUsed | kWrite | kUser | kGlobalBit, false},
    {kUsed | kWrite, kUsed | kWrite, true},
    {kUsed | kWrite | kUser | kNx, kUsed | kWrite | kUser, true},
    {kUsed | kUser, kUsed | kUser, true},
};

void write_page_tables(u8* ram) {
  const auto both = [ram](u64 page, u64 entry, u64 entry32) {
    put(ram + kPt + 8 * page, entry, 8);
    put(ram + kPt32 + 4 * page, entry32, 4);
  };
  // Tables and descriptors are the supervisor's, code, data and stack everybody's.
  for (u64 page = 0; page < kRamEnd / kPage; ++page) {
    const u64 flags = page * kPage < kCode ? kUsed | kWrite : kUsed | kWrite | kUser;
    both(page, page * kPage | flags, page * kPage | flags);
  }
  for (unsigned w = 0; w < kWindows; ++w)
    for (unsigned i = 0; i < kRegionPages; ++i) {
      const u64 target = (kWindowEntries[w].code ? kCode : kData) + i * kPage;
      both(window(w) / kPage + i, target | kWindowEntries[w].flags, target | kWindowEntries[w].flags32);
    }
  const u64 large = kUsed | kWrite | kLarge;
  const u64 directory[] = {kPt | kTable, large | kUser, large, kUsed | kUser | kLarge, large | kUser | 0x2000};
  for (unsigned i = 0; i < 5; ++i) put(ram + kPd + 8 * i, directory[i], 8);
  const u64 directory32[] = {kPt32 | kTable, large | kUser, large};
  for (unsigned i = 0; i < 3; ++i) put(ram + kPd32 + 4 * i, directory32[i], 4);
  put(ram + kPdpt, kPd | kTable, 8);
  put(ram + kPdpt + 8, large | kUser, 8);  // 1 GiB
  put(ram + kPdpt + 24, kPd | kTable, 8);
  for (const unsigned i : {0u, 256u, 511u}) {
    put(ram + kPml4 + 8 * i, kPdpt | kTable, 8);
    put(ram + kPml5 + 8 * i, kPml4 | kTable, 8);
  }
  for (unsigned i = 0; i < 4; ++i) put(ram + kPdptPae + 8 * i, i == 2 ? 0 : kPd | kPresent, 8);
}

}  // namespace

void write_background(std::uint8_t* ram) {
  write_gdt(ram + kGdt);
  write_ldt(ram + kLdt);
  write_idts(ram);
  write_tasks(ram);
  write_page_tables(ram);
  for (Gpa a = kCode; a < kData; ++a) ram[a] = 0xf4;
  for (Gpa a = kData; a < kStack; ++a) ram[a] = static_cast<u8>((a * 0x9e3779b1u) >> 11);
}

}  // namespace diffvisor::insn
