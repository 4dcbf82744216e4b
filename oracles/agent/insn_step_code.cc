// SPDX-License-Identifier: Apache-2.0
// Where code lies that is not the case's own: a branch into data, a handler. The guest's page tables are walked as
// SDM 3A 4.3 to 4.5 say, without rights: what may not be fetched faults anyway.
#include "harness/arch/insn/memory_map.h"
#include "oracles/agent/insn_step.h"

namespace diffvisor::agent::step {
namespace {

using namespace insn;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 low_bits(unsigned n) { return bit(n) - 1; }
constexpr u64 kLarge = 0x80, kPresent = 1;

// 0, which is not present, for what is outside the case's memory.
u64 entry(u64 address, unsigned bytes, u64& tables) {
  if (address > insn::kRamEnd - 8) return 0;
  tables |= bit(static_cast<unsigned>(address / insn::kPage));
  return bytes == 8 ? *reinterpret_cast<const u64*>(ram(address)) : *reinterpret_cast<const u32*>(ram(address));
}

u64 walk_32_bit(u64 linear, u64& tables) {
  const u64 directory = entry((vmread(kGuestCr3) & 0xfffff000) + (linear >> 22 & 0x3ff) * 4, 4, tables);
  if ((directory & kPresent) == 0) return kNowhere;
  if ((directory & kLarge) != 0 && (vmread(kGuestCr4) & bit(cr4::PSE)) != 0)
    return (directory & 0xffc00000) | (directory >> 13 & 0xff) << 32 | (linear & low_bits(22));
  const u64 page = entry((directory & 0xfffff000) + (linear >> 12 & 0x3ff) * 4, 4, tables);
  return (page & kPresent) == 0 ? kNowhere : (page & 0xfffff000) | (linear & low_bits(12));
}

u64 walk_wide(u64 linear, u64 table, unsigned shift, u64& tables) {
  for (;; shift -= 9) {
    const u64 e = entry((table & (low_bits(52) & ~low_bits(12))) + (linear >> shift & 0x1ff) * 8, 8, tables);
    if ((e & kPresent) == 0) return kNowhere;
    table = e;
    if (shift == 12 || (shift < 39 && (e & kLarge) != 0)) break;
  }
  return (table & low_bits(52) & ~low_bits(shift)) | (linear & low_bits(shift));
}

u64 walk_pae(u64 linear, u64& tables) {
  const u64 pointer = vmread(kGuestPdpte0 + 2 * static_cast<u32>(linear >> 30 & 3));
  return (pointer & kPresent) == 0 ? kNowhere : walk_wide(linear, pointer, 21, tables);
}

}  // namespace

u64 physical_of(u64 linear, u64& tables) {
  if ((vmread(kGuestCr0) & bit(cr0::PG)) == 0) return linear;
  const u64 features = vmread(kGuestCr4);
  if ((vmread(kGuestEfer) & bit(efer::LMA)) != 0)
    return walk_wide(linear, vmread(kGuestCr3), (features & bit(cr4::LA57)) != 0 ? 48 : 39, tables);
  return (features & bit(cr4::PAE)) != 0 ? walk_pae(linear, tables) : walk_32_bit(linear, tables);
}

u64 physical_of(u64 linear) {
  u64 tables = 0;
  return physical_of(linear, tables);
}

}  // namespace diffvisor::agent::step
