// SPDX-License-Identifier: Apache-2.0
// libFuzzer's two mutation hooks, served by harness/mutate. Also linked for OSS-Fuzz, whose other engines ignore them.
#include <algorithm>
#include <span>

#include "fuzzers/fuzz_target.h"
#include "harness/mutate/bytes.h"
#include "harness/mutate/standard.h"

// Weak, because not every engine has it.
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t room);

namespace {

using namespace diffvisor;

constexpr std::uint64_t kMutateStream = 1;
constexpr std::uint64_t kCrossoverStream = 2;
constexpr std::uint64_t kByteMutations = 16;  // one in so many, to keep trying odd encodings and compare operands

mutate::BytesMutator& mutator() {
  static mutate::BytesMutator m(fuzz_schema(), mutate::standard_mutator(fuzz_schema(), fuzz_mutations()),
                                mutate::standard_crossover(fuzz_schema()));
  return m;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t room, unsigned seed) {
  Rng rng(seed, kMutateStream);
  if (LLVMFuzzerMutate != nullptr && rng.one_in(kByteMutations))
    return LLVMFuzzerMutate(data, std::min(size, room), room);
  // -minimize_crash wants it shorter than it is.
  if (size > room) return mutator().shrink(rng, std::as_writable_bytes(std::span(data, size)), size, room);
  return mutator().mutate(rng, std::as_writable_bytes(std::span(data, room)), size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size, const std::uint8_t* b,
                                                 std::size_t b_size, std::uint8_t* out, std::size_t room,
                                                 unsigned seed) {
  Rng rng(seed, kCrossoverStream);
  return mutator().cross(rng, std::as_bytes(std::span(a, a_size)), std::as_bytes(std::span(b, b_size)),
                         std::as_writable_bytes(std::span(out, room)));
}
