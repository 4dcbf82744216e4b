// SPDX-License-Identifier: Apache-2.0
#include "harness/mutate/bytes.h"

#include <algorithm>
#include <utility>

#include "harness/base/check.h"
#include "harness/case/binary.h"

namespace diffvisor::mutate {

BytesMutator::BytesMutator(const Schema& schema, Mutator mutator, Mutator crossover)
    : schema_(schema), mutator_(std::move(mutator)), crossover_(std::move(crossover)) {}

std::size_t BytesMutator::mutate(Rng& rng, std::span<std::byte> buffer, std::size_t size,
                                 std::span<const std::byte> other) {
  CHECK(size <= buffer.size());
  decode_binary(buffer.first(size), schema_, case_);
  decode_binary(other, schema_, other_);
  mutator_(rng, case_, other_);
  return encode_binary(case_, buffer);
}

std::size_t BytesMutator::shrink(Rng& rng, std::span<std::byte> buffer, std::size_t size, std::size_t room) {
  constexpr int kTries = 64;
  CHECK(size <= buffer.size() && room <= buffer.size());
  const std::span<const std::byte> input = buffer.first(size);
  whole_.resize(largest_binary(schema_));
  decode_binary({}, schema_, other_);
  std::size_t length = room + 1;
  for (int i = 0; i < kTries && length > room; ++i) {
    decode_binary(input, schema_, case_);
    mutator_(rng, case_, other_);
    length = encode_binary(case_, whole_);
  }
  if (length > room) return encode_binary(case_, buffer.first(room));
  std::copy_n(whole_.begin(), length, buffer.begin());
  return length;
}

std::size_t BytesMutator::cross(Rng& rng, std::span<const std::byte> a, std::span<const std::byte> b,
                                std::span<std::byte> out) {
  decode_binary(a, schema_, case_);
  decode_binary(b, schema_, other_);
  crossover_(rng, case_, other_);
  return encode_binary(case_, out);
}

}  // namespace diffvisor::mutate
