// SPDX-License-Identifier: Apache-2.0
// Privileged instructions as functions, and what entry.S exports. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "oracles/agent/layout.h"

namespace diffvisor::agent {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

extern "C" {
u64 enter(unsigned how);
u64 enter_svm(unsigned how, u64 vmcb);
u64 enter_step(bool launched);
void vm_exit_entry();
void step_exit();
bool try_rdmsr(u32 msr, u64* value);
bool try_wrmsr(u32 msr, u64 value);
void unblock_nmi();
void cleansing_guest();
void cleansing_guest_end();
extern const u8 user_code[], user_code_end[], fault_stubs[];
extern const u64 entry_sites[10];
extern u64 step_registers[16];
extern u64 saved_rsp, fault_vector, fault_at, fault_flags, agent_cr0, agent_cr4, agent_efer;
void* memcpy(void* to, const void* from, std::size_t n);
void* memset(void* to, int value, std::size_t n);
}

// Physical memory is mapped one to one.
template <class T>
T* at(u64 address) {
  return reinterpret_cast<T*>(address);
}
inline u64 address_of(const void* p) { return reinterpret_cast<u64>(p); }

inline void outb(u16 port, u8 value) { asm volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }

inline u64 rdmsr(u32 msr) {
  u32 low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return static_cast<u64>(high) << 32 | low;
}
inline void wrmsr(u32 msr, u64 value) {
  asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)) : "memory");
}
// What LGDT and SGDT move.
struct [[gnu::packed]] TableRegister {
  u16 limit;
  u64 base;
};
struct CpuidResult {
  u32 eax, ebx, ecx, edx;
};
inline CpuidResult cpuid(u32 leaf, u32 subleaf) {
  CpuidResult r;
  asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}

inline u64 read_cr0() {
  u64 v;
  asm volatile("mov %%cr0, %0" : "=r"(v));
  return v;
}
inline u64 read_cr2() {
  u64 v;
  asm volatile("mov %%cr2, %0" : "=r"(v));
  return v;
}
inline u64 read_cr3() {
  u64 v;
  asm volatile("mov %%cr3, %0" : "=r"(v));
  return v;
}
inline u64 read_cr4() {
  u64 v;
  asm volatile("mov %%cr4, %0" : "=r"(v));
  return v;
}
inline void write_cr0(u64 v) { asm volatile("mov %0, %%cr0" ::"r"(v) : "memory"); }
inline void write_cr2(u64 v) { asm volatile("mov %0, %%cr2" ::"r"(v) : "memory"); }
inline void write_cr4(u64 v) { asm volatile("mov %0, %%cr4" ::"r"(v) : "memory"); }

inline void stgi() { asm volatile("stgi" ::: "memory"); }

// VMX instructions: true when they succeed.
inline bool vmxon(u64 region) {
  bool ok;
  asm volatile("vmxon %1" : "=@cca"(ok) : "m"(region) : "memory");
  return ok;
}
inline bool vmclear(u64 region) {
  bool ok;
  asm volatile("vmclear %1" : "=@cca"(ok) : "m"(region) : "memory");
  return ok;
}
inline bool vmptrld(u64 region) {
  bool ok;
  asm volatile("vmptrld %1" : "=@cca"(ok) : "m"(region) : "memory");
  return ok;
}
inline bool vmwrite(u64 field, u64 value) {
  bool ok;
  asm volatile("vmwrite %1, %2" : "=@cca"(ok) : "rm"(value), "r"(field));
  return ok;
}
inline u64 vmread(u64 field) {
  u64 value = 0;
  asm volatile("vmread %1, %0" : "+r"(value) : "r"(field) : "cc");
  return value;
}

}  // namespace diffvisor::agent
