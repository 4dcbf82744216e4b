// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.4: the VM-entry MSR-load list, one row for each of the entries a case spells out; the entries behind them
// are harmless fillers. Failure at entry i: exit 34, qualification i.
#pragma once

#include <array>

#include "models/vmx/conditions.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

constexpr Slot entry_slot(Slot first, unsigned entry) { return static_cast<Slot>(first + entry - 1); }
constexpr Expr in_list(unsigned entry) { return !le(all(EntryMsrLoadCount), entry - 1); }
constexpr Expr msr_index_is_not(unsigned entry, std::uint32_t index) {
  return !eq(all(entry_slot(EntryMsrIndex, entry)), index);
}

constexpr Rule list_entry(std::string_view id, unsigned entry, const Expr& must, const Expr& when = always()) {
  return {id,
          "29.4",
          Kind::Check,
          static_cast<std::uint8_t>(kMsrEntryPhase + 2 * entry + 1),
          static_cast<std::uint8_t>(entry),
          fail_msr(entry),
          in_list(entry) && when,
          must};
}
// Nobody here knows what WRMSR does with this MSR or value; reserved bits in the entry fail it all the same.
constexpr Rule not_modelled(unsigned entry) {
  Rule r = limit("vmx.limit.msr_not_modelled", kMsrEntryPhase + 2 * entry,
                 in_list(entry) && eq(all(entry_slot(EntryMsrReserved, entry)), 0),
                 condition(kMsrModelled, all(entry_slot(EntryMsrIndex, entry)), all(entry_slot(EntryMsrValue, entry))));
  r.entry = static_cast<std::uint8_t>(entry);
  return r;
}

inline constexpr std::uint32_t kEferMsr = 0xc0000080;

// What checks of the guest state have left: under paging, EFER.LME equals the "IA-32e mode guest" control.
constexpr Expr lme_is_kept(unsigned entry) {
  return clear(GuestCr0, cr0::PG) || same(bits(entry_slot(EntryMsrValue, entry), efer::LME, efer::LME),
                                          bits(Entry, entry_ctl::IA32E, entry_ctl::IA32E));
}
constexpr Expr writes_efer(unsigned entry) { return eq(all(entry_slot(EntryMsrIndex, entry)), kEferMsr); }

// clang-format off
#define LIST_ENTRY(i) \
  not_modelled(i), \
  list_entry("vmx.msrload.fsbase",       i, msr_index_is_not(i, 0xc0000100)), \
  list_entry("vmx.msrload.gsbase",       i, msr_index_is_not(i, 0xc0000101)), \
  list_entry("vmx.msrload.x2apic",       i, !eq(bits(entry_slot(EntryMsrIndex, i), 31, 8), 8)), \
  list_entry("vmx.msrload.smm_only",     i, msr_index_is_not(i, 0x9b)), \
  list_entry("vmx.msrload.rsvd",         i, eq(all(entry_slot(EntryMsrReserved, i)), 0)), \
  list_entry("vmx.msrload.wrmsr",        i, condition(kWrmsrLegal, all(entry_slot(EntryMsrIndex, i)), all(entry_slot(EntryMsrValue, i)))), \
  list_entry("vmx.msrload.efer_paging",  i, lme_is_kept(i), writes_efer(i))

static_assert(kEntryMsrFacts == 4);
inline constexpr auto kMsrLoadRules = std::to_array<Rule>({LIST_ENTRY(1), LIST_ENTRY(2), LIST_ENTRY(3), LIST_ENTRY(4)});
#undef LIST_ENTRY
// clang-format on

}  // namespace diffvisor::vmx::arch
