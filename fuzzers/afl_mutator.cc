// SPDX-License-Identifier: Apache-2.0
// AFL++'s custom mutator, a shared library loaded through AFL_CUSTOM_MUTATOR_LIBRARY and served by harness/mutate.
#include <algorithm>
#include <span>
#include <vector>

#include "fuzzers/fuzz_target.h"
#include "harness/mutate/bytes.h"
#include "harness/mutate/standard.h"

namespace {

using namespace diffvisor;

constexpr std::uint64_t kAflStream = 3;
constexpr std::uint64_t kCrossovers = 8;  // one in so many, when AFL++ offers a second input

struct AflMutator {
  explicit AflMutator(unsigned seed)
      : rng(seed, kAflStream),
        bytes(fuzz_schema(), mutate::standard_mutator(fuzz_schema(), fuzz_mutations()),
              mutate::standard_crossover(fuzz_schema())) {}

  Rng rng;
  mutate::BytesMutator bytes;
  std::vector<std::byte> out;  // AFL++ reads it until the next call
};

}  // namespace

extern "C" void* afl_custom_init(void*, unsigned seed) { return new AflMutator(seed); }

extern "C" void afl_custom_deinit(void* self) { delete static_cast<AflMutator*>(self); }

extern "C" std::size_t afl_custom_fuzz(void* self, std::uint8_t* data, std::size_t size, std::uint8_t** out,
                                       std::uint8_t* other_data, std::size_t other_size, std::size_t room) {
  auto& m = *static_cast<AflMutator*>(self);
  m.out.resize(room);
  *out = reinterpret_cast<std::uint8_t*>(m.out.data());
  const auto input = std::as_bytes(std::span(data, std::min(size, room)));
  const auto other = std::as_bytes(std::span(other_data, other_data == nullptr ? 0 : other_size));
  if (!other.empty() && m.rng.one_in(kCrossovers)) return m.bytes.cross(m.rng, input, other, m.out);
  std::copy(input.begin(), input.end(), m.out.begin());
  return m.bytes.mutate(m.rng, m.out, input.size(), other);
}
