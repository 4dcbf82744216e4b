// SPDX-License-Identifier: Apache-2.0
// Mutators are values: built once from a schema, combined, then called for every case. A mutator keeps a valid case
// valid, changes nothing but the case, and draws everything from the generator it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::mutate {

// `other` is a second case of the same schema to borrow from; it may be of another profile. Rule-driven mutators have
// this type too. One that finds nothing to do leaves the case as it is.
using Mutator = std::function<void(Rng&, Case&, const Case& other)>;

// ---- combining
struct Weighted {
  unsigned weight;  // 0: never
  Mutator mutator;
};
// One of them, by weight.
Mutator choose(std::vector<Weighted> from);
// All of them in order.
Mutator sequence(std::vector<Mutator> all);
// least to most times, each number equally likely.
Mutator repeat(unsigned least, unsigned most, Mutator m);
// At least once, then again as long as a coin of one in n says so, `most` times at most.
Mutator repeat_geometric(unsigned n, unsigned most, Mutator m);
// If m changed capabilities or context, slots that held golden values take the new golden values.
Mutator following_golden(Mutator m);

// ---- what to aim at
struct Target {
  Slot slot;
  const Field* field;
};
using Targets = std::vector<Target>;
Targets targets(const Schema& schema, std::initializer_list<Role> roles);

// Values at the edges of a width: 0, 1, all ones, a power of two and its neighbours, a sign-extended or canonical edge.
std::uint64_t boundary_value(Rng& rng, unsigned width);

// ---- one field
Mutator flip_bit(Targets t);
Mutator flip_named_bit(const Targets& t);  // a named range gets another value
Mutator set_boundary(Targets t);
Mutator set_interesting(const Targets& t);  // of fields that list any
Mutator set_random(Targets t);
Mutator add_small(Targets t);    // up to 16 units or pages, either way
Mutator copy_within(Targets t);  // another field's value, cut to width
Mutator to_golden(Targets t);

// ---- from the other case
Mutator copy_field(Targets t);
Mutator copy_group(const Targets& t);  // every slot of t in one of the schema's groups
Mutator cross_fields(Targets t);       // each slot with probability 1/2
Mutator take_profile();                // its profile with its capabilities
Mutator copy_area();
Mutator splice_area();  // own front, the other's back
Mutator splice_operations();

// ---- profile
Mutator random_profile();  // the named profile as it is

// ---- one byte area
Mutator flip_area_bit();
Mutator set_area_byte();
Mutator insert_area_bytes();
Mutator erase_area_bytes();

// ---- operations
Mutator insert_operation();
Mutator erase_operation();
Mutator duplicate_operation();
Mutator swap_operations();
Mutator change_argument();

}  // namespace diffvisor::mutate
