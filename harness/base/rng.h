// SPDX-License-Identifier: Apache-2.0
// The only source of randomness: a counter-based generator, so that case i needs no knowledge of case i-1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "harness/base/check.h"

namespace diffvisor {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// Two generators with different (seed, stream) are independent; equal ones give equal sequences everywhere.
class Rng {
 public:
  constexpr explicit Rng(std::uint64_t seed, std::uint64_t stream = 0)
      : state_(mix64(mix64(seed + 0x9e3779b97f4a7c15u) ^ (stream * 0xd1342543de82ef95u + 0x2545f4914f6cdd1du))) {}

  constexpr std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15u); }

  // Uniform in [0, n); n must not be 0.
  constexpr std::uint64_t below(std::uint64_t n) {
    CHECK(n != 0);
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * n) >> 64);
  }

  constexpr bool one_in(std::uint64_t n) { return below(n) == 0; }

  template <class T>
  const T& pick(std::span<const T> from) {
    return from[static_cast<std::size_t>(below(from.size()))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace diffvisor
