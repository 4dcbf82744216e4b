// SPDX-License-Identifier: Apache-2.0
#include "harness/base/digest.h"

#include <bit>

#include <xxhash.h>

#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "harness/base/check.h"

namespace diffvisor {

struct Digest::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { CHECK(xxh != nullptr && XXH3_64bits_reset(xxh) == XXH_OK); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Digest::Digest() : state_(std::make_unique<State>()) {}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::add(std::uint64_t value) {
  std::array<unsigned char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
  CHECK(XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size()) == XXH_OK);
  return *this;
}

Digest& Digest::add(std::string_view text) {
  add(static_cast<std::uint64_t>(text.size()));
  CHECK(XXH3_64bits_update(state_->xxh, text.data(), text.size()) == XXH_OK);
  return *this;
}

std::uint64_t Digest::value() const { return XXH3_64bits_digest(state_->xxh); }
std::string Digest::hex() const { return fmt::format("{:016x}", value()); }

std::uint64_t digest_of(std::span<const std::uint64_t> words) {
  static_assert(std::endian::native == std::endian::little);
  return XXH3_64bits(words.data(), words.size_bytes());
}

}  // namespace diffvisor
