// SPDX-License-Identifier: Apache-2.0
#include "models/svm/conditions.h"

#include <bit>

#include "harness/rules/leaf.h"

namespace diffvisor::svm::arch {
namespace {

using rules::Locks;
using rules::put;
using rules::Slice;

// Bits that make an address illegal.
std::uint64_t reserved(const std::uint64_t* v, Slice b) {
  return ~ones(static_cast<unsigned>(v[CapMaxphyaddr])) & ~v[b.slot];
}

}  // namespace

bool make_address_legal(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  if (want) return put(v, locks, a.slot, v[a.slot] & ~reserved(v, b));
  std::uint64_t left = reserved(v, b) & ~locks[a.slot];
  if (left == 0) return false;
  for (auto skip = rng.below(static_cast<std::uint64_t>(std::popcount(left))); skip > 0; --skip) left &= left - 1;
  return put(v, locks, a.slot, v[a.slot] | (left & (~left + 1)));
}

bool make_table_legal(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  constexpr std::uint64_t kPageMask = ~std::uint64_t{0xfff};
  const std::uint64_t last_page = ones(static_cast<unsigned>(v[CapMaxphyaddr])) & kPageMask;
  const std::uint64_t in_page = v[a.slot] & ~kPageMask;
  if (!want) {
    if (rng.one_in(2) && put(v, locks, a.slot, last_page | in_page)) return true;
    return make_address_legal(v, locks, a, b, false, rng);
  }
  const std::uint64_t fitting = v[a.slot] & ~reserved(v, b);
  const std::uint64_t lower = fitting & ~(last_page ^ (last_page >> 1));  // without the topmost address bit
  return put(v, locks, a.slot, rng.one_in(2) ? lower : fitting & ~std::uint64_t{0x3000}) ||
         put(v, locks, a.slot, lower) || put(v, locks, a.slot, fitting & ~std::uint64_t{0x3000});
}

}  // namespace diffvisor::svm::arch
