// SPDX-License-Identifier: Apache-2.0
// Mutators of field values.
#include <algorithm>
#include <utility>

#include "harness/base/bits.h"
#include "harness/mutate/mutator.h"

namespace diffvisor::mutate {
namespace {

constexpr std::uint64_t kLargestStep = 16;
constexpr unsigned kPageShift = 12;

// A mutator that picks one target and gives it the value f returns, cut to the field's width.
template <class F>
Mutator on_one(Targets t, F f) {
  return [t = std::move(t), f](Rng& rng, Case& c, const Case& other) {
    if (t.empty()) return;
    const Target& target = rng.pick(std::span<const Target>(t));
    c.v[target.slot] = f(rng, target, c, other) & ones(target.field->width);
  };
}

template <class P>
Targets only(const Targets& t, P wanted) {
  Targets some;
  std::ranges::copy_if(t, std::back_inserter(some), wanted);
  return some;
}

std::vector<Targets> groups_of(const Targets& t) {
  std::vector<Targets> groups;
  for (const Target& target : t) {
    const auto same = [&](const Targets& g) { return g[0].field->group == target.field->group; };
    auto it = std::ranges::find_if(groups, same);
    if (it == groups.end()) it = groups.insert(it, Targets());
    it->push_back(target);
  }
  return groups;
}

}  // namespace

Targets targets(const Schema& schema, std::initializer_list<Role> roles) {
  Targets all;
  for (const Field& f : schema.fields)
    if (std::ranges::find(roles, f.role) != roles.end())
      for (unsigned i = 0; i < f.count; ++i) all.push_back({static_cast<Slot>(f.slot + i), &f});
  return all;
}

std::uint64_t boundary_value(Rng& rng, unsigned width) {
  const std::uint64_t power = std::uint64_t{1} << rng.below(width);
  switch (rng.below(7)) {
    case 0:
      return 0;
    case 1:
      return ones(width);
    case 2:
      return power;
    case 3:
      return power - 1;
    case 4:
      return (power + 1) & ones(width);
    case 5:
      return ~power & ones(width);
    default:
      return (0 - power) & ones(width);  // every bit from the power up: a canonical edge
  }
}

Mutator flip_bit(Targets t) {
  return on_one(std::move(t), [](Rng& rng, const Target& at, const Case& c, const Case&) {
    return c.v[at.slot] ^ std::uint64_t{1} << rng.below(at.field->width);
  });
}

Mutator flip_named_bit(const Targets& t) {
  const auto named = [](const Target& at) { return !at.field->bits.empty(); };
  return on_one(only(t, named), [](Rng& rng, const Target& at, const Case& c, const Case&) {
    const BitName& b = rng.pick(at.field->bits);
    const std::uint64_t mask = ones(b.hi - b.lo + 1u);
    const std::uint64_t change = b.hi == b.lo ? 1 : rng.next() & mask;
    return c.v[at.slot] ^ (change == 0 ? mask : change) << b.lo;
  });
}

Mutator set_boundary(Targets t) {
  return on_one(std::move(t), [](Rng& rng, const Target& at, const Case&, const Case&) {
    return boundary_value(rng, at.field->width);
  });
}

Mutator set_interesting(const Targets& t) {
  const auto listed = [](const Target& at) { return !at.field->interesting.empty(); };
  return on_one(only(t, listed),
                [](Rng& rng, const Target& at, const Case&, const Case&) { return rng.pick(at.field->interesting); });
}

Mutator set_random(Targets t) {
  return on_one(std::move(t), [](Rng& rng, const Target&, const Case&, const Case&) { return rng.next(); });
}

Mutator add_small(Targets t) {
  return on_one(std::move(t), [](Rng& rng, const Target& at, const Case& c, const Case&) {
    const std::uint64_t unit = at.field->width > kPageShift && rng.one_in(3) ? std::uint64_t{1} << kPageShift : 1;
    const std::uint64_t step = (1 + rng.below(kLargestStep)) * unit;
    return rng.one_in(2) ? c.v[at.slot] + step : c.v[at.slot] - step;
  });
}

Mutator copy_within(Targets t) {
  return [t = std::move(t)](Rng& rng, Case& c, const Case&) {
    if (t.empty()) return;
    const Target& from = rng.pick(std::span<const Target>(t));
    const Target& to = rng.pick(std::span<const Target>(t));
    c.v[to.slot] = c.v[from.slot] & ones(to.field->width);
  };
}

Mutator to_golden(Targets t) {
  return on_one(std::move(t),
                [](Rng&, const Target& at, const Case& c, const Case&) { return baseline_values(c)[at.slot]; });
}

Mutator copy_field(Targets t) {
  return on_one(std::move(t), [](Rng&, const Target& at, const Case&, const Case& other) { return other.v[at.slot]; });
}

Mutator copy_group(const Targets& t) {
  return [groups = groups_of(t)](Rng& rng, Case& c, const Case& other) {
    if (groups.empty()) return;
    for (const Target& at : rng.pick(std::span<const Targets>(groups))) c.v[at.slot] = other.v[at.slot];
  };
}

Mutator cross_fields(Targets t) {
  return [t = std::move(t)](Rng& rng, Case& c, const Case& other) {
    for (const Target& at : t)
      if (rng.one_in(2)) c.v[at.slot] = other.v[at.slot];
  };
}

namespace {
void copy_capabilities(Case& c, const std::uint64_t* from) {
  for (const Field& f : c.schema->fields)
    if (f.role == Role::Capability) std::copy_n(from + f.slot, f.count, c.v.begin() + f.slot);
}
}  // namespace

Mutator take_profile() {
  return following_golden([](Rng&, Case& c, const Case& other) {
    c.profile = other.profile;
    copy_capabilities(c, other.v.data());
  });
}

Mutator random_profile() {
  return following_golden([](Rng& rng, Case& c, const Case&) {
    c.profile = static_cast<std::uint16_t>(rng.below(c.schema->profiles.size()));
    copy_capabilities(c, profile_values(*c.schema, c.profile).data());
  });
}

}  // namespace diffvisor::mutate
