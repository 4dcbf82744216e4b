// SPDX-License-Identifier: Apache-2.0
// What a decoder has read of a case's values before golden is known: golden depends on context and capabilities, which
// may come anywhere in the input.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>

#include "harness/case/case.h"

namespace diffvisor {

class SparseValues {
 public:
  void set(std::size_t slot, std::uint64_t value) {
    present_.set(slot);
    value_[slot] = value;
  }
  bool has(std::size_t slot) const { return present_.test(slot); }

  // c.v becomes the baseline of c's profile with these values on top.
  void apply(Case& c) const {
    c.v = profile_values(*c.schema, c.profile);
    write(c);
    reset_to_golden(c);
    write(c);
  }

 private:
  void write(Case& c) const {
    for (std::size_t s = 0; s < c.schema->slots; ++s)
      if (present_.test(s)) c.v[s] = value_[s];
  }

  std::bitset<kMaxSlots> present_;
  std::array<std::uint64_t, kMaxSlots> value_;  // meaningful where present_
};

}  // namespace diffvisor
