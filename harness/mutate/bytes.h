// SPDX-License-Identifier: Apache-2.0
// Mutators for engines that hold cases as bytes: libFuzzer's custom mutator and crossover, AFL++'s afl_custom_fuzz.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "harness/mutate/mutator.h"

namespace diffvisor::mutate {

// Decode, mutate, encode. Built once per process; keeps its storage, so that nothing is allocated per input of a domain
// without areas and operations. The result depends on the generator and the inputs alone. Not thread-safe.
class BytesMutator {
 public:
  BytesMutator(const Schema& schema, Mutator mutator, Mutator crossover);

  // Replaces the first `size` bytes of `buffer` with a mutated case and returns its size, at most buffer.size().
  // `other` are the bytes of a second case; with none, golden is borrowed from.
  std::size_t mutate(Rng& rng, std::span<std::byte> buffer, std::size_t size, std::span<const std::byte> other = {});

  // The same of an input that has to become shorter than it is: what is too long is not cut off, which would be another
  // case, but mutated anew, a number of times. Returns at most `room`.
  std::size_t shrink(Rng& rng, std::span<std::byte> buffer, std::size_t size, std::size_t room);

  // Writes a mix of both cases to `out` and returns its size. `out` must not overlap the inputs.
  std::size_t cross(Rng& rng, std::span<const std::byte> a, std::span<const std::byte> b, std::span<std::byte> out);

 private:
  const Schema& schema_;
  Mutator mutator_;
  Mutator crossover_;
  Case case_;
  Case other_;
  std::vector<std::byte> whole_;  // of a result that may not fit
};

}  // namespace diffvisor::mutate
