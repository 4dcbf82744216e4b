// SPDX-License-Identifier: Apache-2.0
#include "harness/minimise/single_steps.h"

#include <algorithm>

namespace diffvisor::minimise {
namespace {

// Golden may move with what was changed; the fields that were golden then stay or follow.
void add(std::vector<Case>& all, const Case& c, const Case& changed) {
  all.push_back(changed);
  all.push_back(changed);
  follow_golden(all.back(), golden_values(c));
}

void add_profile_step(std::vector<Case>& all, const Case& c) {
  const auto before = profile_values(*c.schema, c.profile), after = profile_values(*c.schema, 0);
  Case changed = c;
  changed.profile = 0;
  for (std::size_t s = 0; s < c.schema->slots; ++s)
    if (c.v[s] == before[s] && field_of_slot(*c.schema, static_cast<Slot>(s)).role == Role::Capability)
      changed.v[s] = after[s];
  add(all, c, changed);
}

void add_slot_steps(std::vector<Case>& all, const Case& c) {
  const auto base = baseline_values(c);
  for (std::size_t s = 0; s < c.schema->slots; ++s) {
    if (c.v[s] == base[s]) continue;
    std::vector<std::uint64_t> values = {base[s]};
    for (std::uint64_t x = c.v[s] ^ base[s]; x != 0; x &= x - 1) values.push_back(c.v[s] ^ (x & (0 - x)));
    if (const Field& f = field_of_slot(*c.schema, static_cast<Slot>(s)); f.role == Role::Context && f.bits.empty())
      values.push_back(c.v[s] / 2);
    for (const std::uint64_t v : values) {
      Case changed = c;
      changed.v[s] = v;
      add(all, c, changed);
    }
  }
}

void add_operation_steps(std::vector<Case>& all, const Case& c) {
  for (std::size_t i = 0; i < c.operations.size(); ++i) {
    all.push_back(c);
    all.back().operations.erase(all.back().operations.begin() + static_cast<std::ptrdiff_t>(i));
    for (std::size_t a = 0; a < kMaxOperationArgs; ++a) {
      all.push_back(c);
      all.back().operations[i].args[a] >>= 1;
      for (unsigned b = 0; b < 64; ++b) {
        all.push_back(c);
        all.back().operations[i].args[a] &= ~(std::uint64_t{1} << b);
      }
    }
  }
}

void add_area_steps(std::vector<Case>& all, const Case& c) {
  for (std::size_t i = 0; i < c.areas.size(); ++i)
    for (std::size_t k = 0; k < c.areas[i].size(); ++k) {
      all.push_back(c);
      all.back().areas[i].erase(all.back().areas[i].begin() + static_cast<std::ptrdiff_t>(k));
      for (unsigned b = 0; b < 8; ++b) {
        all.push_back(c);
        all.back().areas[i][k] &= ~static_cast<std::byte>(1u << b);
      }
    }
}

}  // namespace

std::vector<Case> single_steps(const Case& c, const Options& options) {
  std::vector<Case> all;
  if (options.any_profile) add_profile_step(all, c);
  add_slot_steps(all, c);
  add_operation_steps(all, c);
  add_area_steps(all, c);
  if (options.shorter != nullptr)
    for (Case& shorter : options.shorter(c)) all.push_back(std::move(shorter));
  return all;
}

std::optional<Case> smaller_by_one_step(const Case& c, const Predicate& shows, const Options& options) {
  const Size size = size_of(c);
  for (Case& step : single_steps(c, options)) {
    if (options.normalise != nullptr) options.normalise(step.v.data());
    if (size_of(step) < size && shows(step)) return std::move(step);
  }
  return std::nullopt;
}

}  // namespace diffvisor::minimise
