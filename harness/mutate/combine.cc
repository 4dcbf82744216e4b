// SPDX-License-Identifier: Apache-2.0
// Mutators made of mutators.
#include <numeric>
#include <utility>

#include "harness/base/check.h"
#include "harness/mutate/mutator.h"

namespace diffvisor::mutate {

Mutator choose(std::vector<Weighted> from) {
  const auto add = [](std::uint64_t sum, const Weighted& w) { return sum + w.weight; };
  const std::uint64_t total = std::accumulate(from.begin(), from.end(), std::uint64_t{0}, add);
  CHECK(total > 0);
  return [from = std::move(from), total](Rng& rng, Case& c, const Case& other) {
    std::uint64_t at = rng.below(total);
    for (const Weighted& w : from) {
      if (at < w.weight) return w.mutator(rng, c, other);
      at -= w.weight;
    }
  };
}

Mutator sequence(std::vector<Mutator> all) {
  return [all = std::move(all)](Rng& rng, Case& c, const Case& other) {
    for (const Mutator& m : all) m(rng, c, other);
  };
}

Mutator repeat(unsigned least, unsigned most, Mutator m) {
  CHECK(least <= most);
  return [least, most, m = std::move(m)](Rng& rng, Case& c, const Case& other) {
    for (std::uint64_t n = least + rng.below(most - least + 1u); n > 0; --n) m(rng, c, other);
  };
}

Mutator repeat_geometric(unsigned n, unsigned most, Mutator m) {
  return [n, most, m = std::move(m)](Rng& rng, Case& c, const Case& other) {
    unsigned done = 0;
    do m(rng, c, other);
    while (++done < most && rng.one_in(n));
  };
}

Mutator following_golden(Mutator m) {
  return [m = std::move(m)](Rng& rng, Case& c, const Case& other) {
    const auto before = golden_values(c);
    m(rng, c, other);
    follow_golden(c, before);
  };
}

}  // namespace diffvisor::mutate
