// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/make_leaf.h"

namespace diffvisor::rules {

bool make_leaf(const Node& n, std::uint64_t* v, const Locks& locks, bool want, Rng& rng,
               std::span<const FreeCondition> functions) {
  const bool is = n.op == Op::Free ? functions[n.c].holds(v, n.a, n.b) : leaf_holds(n, v);
  return is == want || make_broken_leaf(n, v, locks, want, rng, functions);
}

}  // namespace diffvisor::rules
