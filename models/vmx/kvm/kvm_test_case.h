// SPDX-License-Identifier: Apache-2.0
// How the tests of this folder write cases: golden of the kvm61 profile, changed bit by bit.
#pragma once

#include <vector>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/bits.h"
#include "harness/case/case.h"

namespace diffvisor::vmx::kvm_test {

struct Change {
  Slot slot;
  std::uint64_t clear;
  std::uint64_t set;
};

constexpr std::uint64_t one(unsigned b) { return std::uint64_t{1} << b; }
constexpr Change put(unsigned slot, std::uint64_t value) { return {static_cast<Slot>(slot), ~std::uint64_t{0}, value}; }
constexpr Change on(unsigned slot, unsigned b) { return {static_cast<Slot>(slot), 0, one(b)}; }
constexpr Change off(unsigned slot, unsigned b) { return {static_cast<Slot>(slot), one(b), 0}; }
constexpr Change put_bits(unsigned slot, unsigned hi, unsigned lo, std::uint64_t value) {
  return {static_cast<Slot>(slot), ones(hi - lo + 1) << lo, value << lo};
}

inline Case case_of(const std::vector<Change>& changes) {
  Case c = golden_case(schema(), *find_profile(schema(), "kvm61"));
  for (const Change& x : changes) c.v[x.slot] = (c.v[x.slot] & ~x.clear) | x.set;
  return c;
}

using Changes = std::vector<Change>;
inline Changes operator+(Changes a, const Changes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Secondary controls, activated.
inline Changes with2(std::uint64_t controls) { return {on(Proc, proc::SECONDARY), put(Proc2, controls)}; }
inline Changes with_ept(std::uint64_t more = 0) {
  return with2(one(proc2::EPT) | more) + Changes{put(Eptp, kEptPml4 | 0x1e)};
}
inline Changes unrestricted() { return with_ept(one(proc2::URG)); }
inline Changes tpr_shadow(std::uint64_t address = kScratch) {
  return {on(Proc, proc::TPRSH), put(VirtualApicAddr, address)};
}
// 32-bit protected mode without paging extensions of 64-bit mode.
inline Changes legacy() {
  return {off(Entry, entry_ctl::IA32E), put(GuestIa32Efer, 0x001), off(GuestCsAr, ar::L), on(GuestCsAr, ar::DB)};
}
inline Changes pae_at(std::uint64_t cr3) {
  Changes c = legacy() + Changes{put(GuestCr3, cr3)};
  for (unsigned i = 0; i < 4; ++i) c.push_back(put(Cr3Pdpte + i, 0));
  return c;
}
// A legal virtual-8086 guest.
inline Changes v86() {
  Changes c = pae_at(kScratch) + Changes{off(GuestCsAr, ar::DB), on(GuestRflags, rflags::VM)};
  for (const Slot s :
       {GuestCsSelector, GuestSsSelector, GuestDsSelector, GuestEsSelector, GuestFsSelector, GuestGsSelector})
    c.push_back(put(s, 0));
  for (const Slot s : {GuestCsAr, GuestSsAr, GuestDsAr, GuestEsAr, GuestFsAr, GuestGsAr}) c.push_back(put(s, 0xf3));
  for (const Slot s : {GuestCsLimit, GuestSsLimit, GuestDsLimit, GuestEsLimit, GuestFsLimit, GuestGsLimit})
    c.push_back(put(s, 0xffff));
  return c;
}
inline Changes msr_entry(unsigned i, std::uint64_t index, std::uint64_t value = 0) {
  return {put(EntryMsrIndex + i - 1, index), put(EntryMsrValue + i - 1, value)};
}
inline Changes msr_list(unsigned count) {
  return {put(EntryMsrLoadCount, count), put(EntryMsrLoadAddr, kEntryMsrList)};
}
inline Changes inject(unsigned type, unsigned vector, bool error_code = false) {
  return {put(EntryIntrInfo, one(31) | std::uint64_t{type} << 8 | vector | (error_code ? one(11) : 0))};
}

}  // namespace diffvisor::vmx::kvm_test
