// SPDX-License-Identifier: Apache-2.0
// A streaming 64-bit digest (XXH3) of explicitly ordered values: the fingerprint of schemas, tables and verdict logs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace diffvisor {

// Not cryptographic. Integers are fed as 8 little-endian bytes and text with its length, so that
// different sequences of calls cannot feed the same bytes.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  Digest& add(std::uint64_t value);
  Digest& add(std::string_view text);
  std::uint64_t value() const;
  std::string hex() const;  // 16 lower-case digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of words in one go: as good, and an order of magnitude faster for long arrays.
std::uint64_t digest_of(std::span<const std::uint64_t> words);

}  // namespace diffvisor
