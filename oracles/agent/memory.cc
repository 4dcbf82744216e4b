// SPDX-License-Identifier: Apache-2.0
// Host tables, and the guest window of harness/arch/vmx/memory_map.h with a clean copy to restore it from.
#include "harness/arch/vmx/memory_map.h"
#include "oracles/agent/agent.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

static_assert(kHostCr3 == AGENT_PAGE_TABLES && kAgentImage == AGENT_IMAGE && kHostGdt == AGENT_GDT);
static_assert(kHostIdt == AGENT_IDT && kHostTss == AGENT_TSS && AGENT_STACK_TOP < kHostStackTop);

constexpr u64 kAvailableTss = 0x0000890000000067, kBusyTss = 0x00008b0000000067;

constexpr u64 tss_low(u64 type, u64 base) { return type | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56; }

// One 64-bit interrupt gate.
void set_gate(u64 table, unsigned vector, u64 target, u64 selector, u64 attributes) {
  u64* gate = at<u64>(table + 16 * vector);
  gate[0] = (target & 0xffff) | selector << 16 | attributes << 32 | (target >> 16 & 0xffff) << 48;
  gate[1] = target >> 32;
}

// 64 bytes a step: an interpreter takes as long for a register of 16 bytes as for one of 8, and much longer
// for each step of REP.
void copy_lines(u64 to, u64 from, u64 bytes) {
  for (const u64 end = from + bytes; from != end; from += 64, to += 64)
    asm volatile(
        "movaps (%0), %%xmm0; movaps 16(%0), %%xmm1; movaps 32(%0), %%xmm2; movaps 48(%0), %%xmm3;"
        "movaps %%xmm0, (%1); movaps %%xmm1, 16(%1); movaps %%xmm2, 32(%1); movaps %%xmm3, 48(%1)" ::"r"(from),
        "r"(to)
        : "memory");
  // MOVAPS alone: it is among the few instructions that KVM emulates where it must.
  alignas(16) static constexpr u64 kZero[2] = {};
  asm volatile("movaps %0, %%xmm0; movaps %0, %%xmm1; movaps %0, %%xmm2; movaps %0, %%xmm3" ::"m"(kZero));
}

void clear_qwords(u64 from, u64 bytes) {
  u64 n = bytes / 8;
  asm volatile("rep stosq" : "+D"(from), "+c"(n) : "a"(u64{0}) : "memory");
}

struct Walk {
  u64 address, value;
};
// Guest entries have their accessed bit set: a walk under EPT could not set it. The dirty bits are clear and tell of
// writes. EPT lets the guest read and execute the window, never write: what it writes nobody has to undo.
constexpr Walk kWalks[] = {
    {kGuestCr3, 0x401027},
    {kGuestCr3 + kPage, 0x402027},
    {kGuestCr3 + 2 * kPage + (kGuestWindow >> 21) * 8, kGuestPages | 0x27},
    {kEptPml4, (kEptPml4 + kPage) | 7},
    {kEptPml4 + kPage, (kEptPml4 + 2 * kPage) | 7},
    {kEptPml4 + 2 * kPage + (kGuestWindow >> 21) * 8, kGuestWindow | 0xb5},  // read, execute, write-back, 2 MiB
};
constexpr u64 kPagesMapped = (kGuestPagesEnd - kGuestWindow) / kPage;
constexpr u64 kCleanPage = 0x27;
constexpr u64 kDirty = u64{1} << 6;

// All of the page, so that a case with another RIP in it does not end in a HLT that nothing wakes.
void fill_with_hypercalls(u64 page) {
  const u8 code[] = {0x0f, 0x01, static_cast<u8>(has_svm() ? 0xd9 : 0xc1)};  // VMMCALL, VMCALL
  for (u64 i = 0; i < kPage; ++i) at<u8>(page)[i] = code[i % sizeof code];
}

void build_guest_descriptors() {
  u64* gdt = at<u64>(kGuestGdt);
  gdt[1] = 0x00af9b000000ffff;
  gdt[2] = 0x00cf93000000ffff;
  gdt[3] = tss_low(kBusyTss, kGuestTss);
  gdt[5] = 0x00cf9b000000ffff;
  gdt[6] = 0x00affb000000ffff;
  gdt[7] = 0x00cff3000000ffff;
  at<u64>(kGuestTss + 4)[0] = kGuestStackTop;  // RSP0
  for (unsigned vector = 0; vector < 256; ++vector) set_gate(kGuestIdt, vector, kGuestCode, 8, 0xee00);
}

}  // namespace

extern "C" void* memcpy(void* to, const void* from, std::size_t n) {
  void* start = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
  return start;
}
extern "C" void* memset(void* to, int value, std::size_t n) {
  void* start = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
  return start;
}

void load_task_register() {
  // LTR wants the descriptor not busy.
  at<u64>(kHostGdt + AGENT_TASK)[0] = tss_low(kAvailableTss, kHostTss);
  asm volatile("ltr %w0" ::"r"(AGENT_TASK));
}

void build_host_tables() {
  memset(at<void>(kHostGdt), 0, kPage);
  memset(at<void>(kHostTss), 0, kPage);
  u64* gdt = at<u64>(kHostGdt);
  gdt[AGENT_CODE / 8] = 0x00af9b000000ffff;
  gdt[AGENT_DATA / 8] = 0x00cf93000000ffff;
  gdt[AGENT_USER_CODE_SELECTOR / 8] = 0x00affb000000ffff;
  gdt[AGENT_USER_DATA_SELECTOR / 8] = 0x00cff3000000ffff;
  at<u64>(kHostTss + 4)[0] = AGENT_FAULT_STACK_TOP;
  for (unsigned vector = 0; vector < 256; ++vector)
    set_gate(kHostIdt, vector, address_of(fault_stubs) + 16 * vector, AGENT_CODE, 0x8e00);

  const TableRegister gdtr{0x37, kHostGdt}, idtr{0xfff, kHostIdt};
  asm volatile("lgdt %0; lidt %1" ::"m"(gdtr), "m"(idtr));
  // The boot GDT had our code under another selector.
  asm volatile("pushq %0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:" ::"i"(AGENT_CODE) : "rax", "memory");
  asm volatile("mov %0, %%ss; mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(AGENT_DATA));
  load_task_register();
  memcpy(at<void>(AGENT_USER_CODE), user_code, static_cast<std::size_t>(user_code_end - user_code));
}

void build_guest_window() {
  clear_qwords(kGuestWindow, kGuestWindowEnd - kGuestWindow);
  memset(at<void>(kEptPml4), 0, 3 * kPage);
  restore_page_walks();
  for (u64 i = 0; i < kPagesMapped; ++i) at<u64>(kGuestPages)[i] = (kGuestWindow + i * kPage) | kCleanPage;
  fill_with_hypercalls(kGuestCode);
  fill_with_hypercalls(kGuestCode32);
  build_guest_descriptors();
  for (u64 entry = kEntryMsrList; entry < kGuestPagesEnd; entry += 16) at<u64>(entry)[0] = kFillerMsr;
  copy_lines(AGENT_CLEAN_COPY, kGuestWindow, kListsEnd - kGuestWindow);
}

void restore_page_walks() {
  for (const Walk& walk : kWalks) *at<u64>(walk.address) = walk.value;
}

bool page_directory_is_marked() { return (*at<volatile u64>(kGuestCr3 + kPage) & kDirty) != 0; }

bool some_page_is_marked() {
  const volatile u64* const entries = at<const volatile u64>(kGuestPages);
  u64 any = 0;
#pragma GCC unroll 128
  for (u64 i = 0; i < kPagesMapped; ++i) any |= entries[i];
  return (any & kDirty) != 0;
}

void restore_marked_pages() {
  if (!some_page_is_marked()) return;
  u64* const entries = at<u64>(kGuestPages);
  // Once the tables themselves are written to, their dirty bits tell nothing.
  for (u64 i = 0; i <= (kGuestPages - kGuestWindow) / kPage; ++i)
    if ((entries[i] & kDirty) != 0) return restore_range(kGuestWindow, kGuestPagesEnd - kGuestWindow);
  for (u64 i = 0; i < kPagesMapped; ++i) {
    if ((entries[i] & kDirty) == 0) continue;
    restore_page(kGuestWindow + i * kPage);
    entries[i] = (kGuestWindow + i * kPage) | kCleanPage;
  }
}

bool is_empty_page(u64 page) {
  const u64* const qwords = at<u64>(page);
  u64 any = 0;
  for (u64 i = 0; i < kPage / 8; i += 8) {
#pragma GCC unroll 8
    for (u64 j = 0; j < 8; ++j) any |= qwords[i + j];
  }
  return any == 0;
}

void set_breakpoints() {
  constexpr u64 kNowhere = 0x00006b6b6b6b6b00;
  u64 dr0, dr1, dr2, dr3;
  asm volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3"
               : "=r"(dr0), "=r"(dr1), "=r"(dr2), "=r"(dr3));
  // Each write costs an interpreter a look through its whole TLB.
  if (((dr0 ^ kNowhere) | (dr1 ^ kNowhere) | (dr2 ^ kNowhere) | (dr3 ^ kNowhere)) == 0) return;
  asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" ::"r"(kNowhere));
}

void restore_range(u64 address, u64 bytes) {
  if (address < kGuestWindow || address + bytes > kGuestPagesEnd) return;
  const u64 first = address & ~u64{63}, end = (address + bytes + 63) & ~u64{63};
  copy_lines(first, AGENT_CLEAN_COPY + (first - kGuestWindow), end - first);
}

void restore_page(u64 page) {
  if (page < kGuestPagesEnd) {
    copy_lines(page, AGENT_CLEAN_COPY + (page - kGuestWindow), kPage);
  } else {
    clear_qwords(page, kPage);
  }
}

void restore_bytes(u64 address, u64 bytes) {
  const u64 clean = AGENT_CLEAN_COPY + (address - kGuestWindow);
  if (bytes == 8) {
    *at<u64>(address) = *at<u64>(clean);
  } else {
    memcpy(at<void>(address), at<void>(clean), bytes);
  }
}

}  // namespace diffvisor::agent
