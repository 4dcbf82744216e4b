// SPDX-License-Identifier: Apache-2.0
// What an entry can come to, packed into one word: kind in the top byte, its number below. The kinds are the vendor's,
// but Entered is one of them, and its number is the first exit. Freestanding.
#pragma once

#include <cstdint>

namespace diffvisor::x86 {

using Outcome = std::uint32_t;

inline constexpr std::uint32_t kAnyExit = 0xffff;

template <class Kind>
constexpr Outcome make_outcome(Kind kind, std::uint32_t number = 0) {
  return static_cast<std::uint32_t>(kind) << 24 | (number & 0xffffff);
}
template <class Kind>
constexpr Kind kind_of(Outcome o) {
  return static_cast<Kind>(o >> 24);
}
constexpr std::uint32_t number_of(Outcome o) { return o & 0xffffff; }

// What `seen` must be for `expected`: equal, or any entry when the expected exit is open.
template <class Kind>
constexpr bool outcome_matches(Outcome expected, Outcome seen) {
  return expected == seen ||
         (expected == make_outcome(Kind::Entered, kAnyExit) && kind_of<Kind>(seen) == Kind::Entered);
}

}  // namespace diffvisor::x86
