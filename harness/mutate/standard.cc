// SPDX-License-Identifier: Apache-2.0
#include "harness/mutate/standard.h"

#include <utility>

namespace diffvisor::mutate {
namespace {

constexpr unsigned kMostEdits = 8;

template <class P>
bool any_target(const Targets& t, P has) {
  for (const Target& at : t)
    if (has(*at.field)) return true;
  return false;
}

Mutator edit_fields(const Targets& t) {
  const bool named = any_target(t, [](const Field& f) { return !f.bits.empty(); });
  const bool listed = any_target(t, [](const Field& f) { return !f.interesting.empty(); });
  return choose({
      {30, flip_bit(t)},
      {named ? 25u : 0u, flip_named_bit(t)},
      {15, set_boundary(t)},
      {listed ? 10u : 0u, set_interesting(t)},
      {3, set_random(t)},
      {8, add_small(t)},
      {3, copy_within(t)},
      {6, to_golden(t)},
      {6, copy_field(t)},
      {2, copy_group(t)},
  });
}

Mutator edit_areas() {
  return choose({
      {30, flip_area_bit()},
      {30, set_area_byte()},
      {20, insert_area_bytes()},
      {15, erase_area_bytes()},
      {5, splice_area()},
  });
}

Mutator edit_operations() {
  return choose({
      {35, insert_operation()},
      {15, erase_operation()},
      {10, duplicate_operation()},
      {10, swap_operations()},
      {25, change_argument()},
      {5, splice_operations()},
  });
}

}  // namespace

Mutator standard_mutator(const Schema& schema, const Options& options) {
  const Targets state = targets(schema, {Role::State, Role::Fact});
  const Targets context = targets(schema, {Role::Context});
  const Targets capabilities = targets(schema, {Role::Capability});
  std::vector<Weighted> mix = options.extra;
  if (!state.empty()) mix.push_back({100, edit_fields(state)});
  if (options.context && !context.empty()) mix.push_back({4, following_golden(edit_fields(context))});
  if (options.capabilities && !capabilities.empty()) mix.push_back({4, following_golden(edit_fields(capabilities))});
  if (options.profiles && schema.profiles.size() > 1) mix.push_back({2, random_profile()});
  if (!schema.areas.empty()) mix.push_back({40, edit_areas()});
  if (!schema.operations.empty()) mix.push_back({80, edit_operations()});
  return repeat_geometric(2, kMostEdits, choose(std::move(mix)));
}

Mutator standard_crossover(const Schema& schema, const Options& options) {
  const Targets state = targets(schema, {Role::State, Role::Fact});
  const Targets context = targets(schema, {Role::Context});
  std::vector<Mutator> all;
  if (options.profiles) all.push_back(choose({{1, take_profile()}, {1, sequence({})}}));
  if (options.context) all.push_back(following_golden(cross_fields(context)));
  all.push_back(choose({{3, repeat(1, 3, copy_group(state))}, {2, cross_fields(state)}, {1, sequence({})}}));
  if (!schema.areas.empty()) all.push_back(choose({{1, copy_area()}, {2, splice_area()}, {1, sequence({})}}));
  if (!schema.operations.empty()) all.push_back(splice_operations());
  return sequence(std::move(all));
}

}  // namespace diffvisor::mutate
