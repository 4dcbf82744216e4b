// SPDX-License-Identifier: Apache-2.0
// The conditions of the entry rules that are functions: their truth or their repair needs more than one comparison.
#pragma once

#include <array>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/msrs.h"
#include "harness/base/bits.h"
#include "harness/rules/expr.h"

namespace diffvisor::vmx::arch {

// a: an entry's MSR index, b: its value.
inline bool msr_is_modelled(const std::uint64_t* v, rules::Slice a, rules::Slice b) {
  return is_modelled(v, static_cast<std::uint32_t>(v[a.slot]), v[b.slot]);
}
inline std::uint64_t msr_is_modelled_each(const std::uint64_t* const* states, std::uint64_t among, rules::Slice a,
                                          rules::Slice b) {
  return among & ~wrmsr_each(states, among, a.slot, b.slot, Wrmsr::NotModelled);
}
inline bool wrmsr_is_legal(const std::uint64_t* v, rules::Slice a, rules::Slice b) {
  return wrmsr(v, static_cast<std::uint32_t>(v[a.slot]), v[b.slot]) != Wrmsr::Faults;
}
inline std::uint64_t wrmsr_is_legal_each(const std::uint64_t* const* states, std::uint64_t among, rules::Slice a,
                                         rules::Slice b) {
  return among & ~wrmsr_each(states, among, a.slot, b.slot, Wrmsr::Faults);
}
// Bits 60:0 of CR3 (a) fit the physical width with its TME key bits (b).
inline bool cr3_fits_with_keys(const std::uint64_t* v, rules::Slice a, rules::Slice b) {
  return shift_right(v[a.slot] & ones(61), v[CapMaxphyaddr] + v[b.slot]) == 0;
}

// The dword the link pointer (a) names holds the revision identifier in the bits of b.
inline bool link_has_revision(const std::uint64_t* v, rules::Slice, rules::Slice b) {
  return (v[b.slot] & 0x7fffffff) == (v[CapVmxBasic] & 0x7fffffff);
}

bool make_msr_modelled(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want,
                       Rng& rng);
bool make_wrmsr_legal(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want, Rng& rng);
bool make_cr3_fit_with_keys(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want,
                            Rng& rng);
// Moves a pointer above RAM, where nothing can be written, into a page of the case.
bool make_link_have_revision(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want,
                             Rng& rng);

enum ConditionIndex : unsigned { kMsrModelled, kWrmsrLegal, kCr3WithKeys, kLinkRevision };

inline constexpr Slot kIndexToValue = EntryMsrValue - EntryMsrIndex;
inline constexpr auto kConditions = std::to_array<rules::FreeCondition>({
    {"msr_modelled", &msr_is_modelled, &make_msr_modelled, kIndexToValue, &msr_is_modelled_each},
    {"wrmsr_legal", &wrmsr_is_legal, &make_wrmsr_legal, kIndexToValue, &wrmsr_is_legal_each},
    {"cr3_fits_with_keys", &cr3_fits_with_keys, &make_cr3_fit_with_keys, 0},
    {"link_has_revision", &link_has_revision, &make_link_have_revision, LinkDword0 - VmcsLinkPointer},
});

}  // namespace diffvisor::vmx::arch
