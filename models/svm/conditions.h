// SPDX-License-Identifier: Apache-2.0
// The conditions of the VMRUN rules that are functions: a physical address is legal when no bit at or above MAXPHYADDR
// is set, the bit that means encryption excepted.
#pragma once

#include <array>

#include "harness/arch/svm/fields.h"
#include "harness/base/bits.h"
#include "harness/rules/expr.h"

namespace diffvisor::svm::arch {

// Sizes in bytes of what lies at an address. Tables start at its page; their last byte counts too.
inline constexpr std::uint64_t kMsrpmBytes = 0x2000, kIopmBytes = 0x3000;

// a: the address, b: the C-bit.
template <std::uint64_t kBytes>
bool address_is_legal(const std::uint64_t* v, rules::Slice a, rules::Slice b) {
  const auto legal = [&](std::uint64_t at) { return shift_right(at & ~v[b.slot], v[CapMaxphyaddr]) == 0; };
  if (kBytes == 1) return legal(v[a.slot]);
  const std::uint64_t page = v[a.slot] & ~std::uint64_t{0xfff};
  return legal(page) && legal(page + kBytes - 1);
}

bool make_address_legal(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want,
                        Rng& rng);
// Also breaks it by the extent only.
bool make_table_legal(std::uint64_t* v, const rules::Locks& locks, rules::Slice a, rules::Slice b, bool want, Rng& rng);

enum TableCondition : unsigned { kLegalAddress, kLegalMsrpm, kLegalIopm };

inline constexpr auto kConditions = std::to_array<rules::FreeCondition>({
    {"legal_address", &address_is_legal<1>, &make_address_legal, 0},
    {"legal_msrpm", &address_is_legal<kMsrpmBytes>, &make_table_legal, 0},
    {"legal_iopm", &address_is_legal<kIopmBytes>, &make_table_legal, 0},
});

}  // namespace diffvisor::svm::arch
