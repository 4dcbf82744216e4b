// SPDX-License-Identifier: Apache-2.0
// Bit arithmetic that is defined for every operand: no shift by the width or more, no signed overflow.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

namespace diffvisor {

// The low n bits set; n may be anything, 64 and above give all ones.
constexpr std::uint64_t ones(unsigned n) { return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; }

// Logical shift right; a count of 64 or more gives 0.
constexpr std::uint64_t shift_right(std::uint64_t v, std::uint64_t n) { return n >= 64 ? 0 : v >> n; }

// The word with those bits set.
constexpr std::uint64_t bits_at(std::initializer_list<unsigned> places) {
  std::uint64_t word = 0;
  for (const unsigned place : places) word |= std::uint64_t{1} << place;
  return word;
}

constexpr std::uint64_t field_of(std::uint64_t v, unsigned hi, unsigned lo) {
  return shift_right(v, lo) & ones(hi - lo + 1);
}

// A width of 0 or above 64 counts as 64.
constexpr std::uint64_t sign_extend(std::uint64_t v, std::uint64_t width) {
  const unsigned s = width - 1 < 64 ? static_cast<unsigned>(64 - width) : 0;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(v << s) >> s);
}

// Bits 63:(width-1) of v are all equal.
constexpr bool is_canonical(std::uint64_t v, std::uint64_t width) { return sign_extend(v, width) == v; }

}  // namespace diffvisor
