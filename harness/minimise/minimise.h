// SPDX-License-Identifier: Apache-2.0
// Makes a finding's case as small as its bucket allows: every difference from golden that is left is needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "harness/base/result.h"
#include "harness/case/case.h"

namespace diffvisor::minimise {

// True: this case still shows the same bucket. Must give the same answer every time.
using Predicate = std::function<bool(const Case&)>;

struct Options {
  std::size_t most_calls = 20000;                 // of the predicate
  void (*normalise)(std::uint64_t* v) = nullptr;  // the domain's, applied before each call; idempotent
  bool any_profile = false;                       // the predicate can answer for other profiles than the case's
  // The domain's own ways to a smaller case, such as a sequence without one of its steps; may be null.
  std::vector<Case> (*shorter)(const Case& c) = nullptr;
};

// How far a case is from golden; smaller in the first place where two differ is smaller. A step is taken only when it
// makes the case smaller after normalising, which is why minimising ends.
struct Size {
  std::size_t profile = 0;       // 1: not the domain's first
  std::size_t capabilities = 0;  // capability slots that deviate from the named profile
  std::size_t fields = 0;        // other slots that differ
  std::size_t operations = 0;
  std::size_t area_bytes = 0;
  std::size_t field_bits = 0;  // differing bits in slots
  std::size_t arguments = 0;   // set bits of operations' arguments, and the length of each
  std::size_t area_bits = 0;   // set bits in byte areas
  std::size_t counts = 0;      // contexts without named bits: choices and numbers of steps, added up
  auto operator<=>(const Size&) const = default;
};
Size size_of(const Case& c);

struct Minimised {
  Case best;               // normalised
  std::size_t calls = 0;   // of the predicate
  bool is_minimal = true;  // false: the calls ran out before every single step had been shown to lose the bucket
};

// Deterministic. The result shows the bucket, and is minimal: no single step - the profile, a slot, a differing bit,
// half a number of steps, an operation, a bit of an argument or half of it, a byte or a bit of an area towards golden,
// and what `shorter` offers - keeps the bucket and makes the case smaller. An error if `from` itself does not show the
// bucket after normalising.
Result<Minimised> minimise(const Case& from, const Predicate& shows, const Options& options = {});

}  // namespace diffvisor::minimise
