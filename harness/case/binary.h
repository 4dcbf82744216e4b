// SPDX-License-Identifier: Apache-2.0
// Cases as bytes for fuzzing engines and corpora: sparse, compact, and total. Any bytes are a case; FORMAT.md has the
// layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/case/case.h"

namespace diffvisor {

inline constexpr std::uint8_t kBinaryVersion = 1;

// Writes c's differences from its baseline; decode_binary(encode_binary(c)) == c for every valid c.
std::vector<std::byte> encode_binary(const Case& c);

// The same into a buffer: whole records, as many as fit. Returns the bytes written. Does not allocate.
std::size_t encode_binary(const Case& c, std::span<std::byte> out);

// Upper bound of what encode_binary writes for a case of this schema.
std::size_t largest_binary(const Schema& schema);

// Total: whatever the bytes are, the result is_valid(). The second form reuses c's storage.
Case decode_binary(std::span<const std::byte> bytes, const Schema& schema);
void decode_binary(std::span<const std::byte> bytes, const Schema& schema, Case& c);

}  // namespace diffvisor
