// SPDX-License-Identifier: Apache-2.0
#include "harness/case/case.h"

#include <algorithm>

#include "harness/base/bits.h"
#include "harness/base/check.h"
#include "harness/base/digest.h"

namespace diffvisor {

Case golden_case(const Schema& schema, std::uint16_t profile) {
  Case c;
  c.schema = &schema;
  c.profile = profile;
  c.v = profile_values(schema, profile);
  c.areas.resize(schema.areas.size());
  schema.golden(c.v.data());
  return c;
}

void reset_to_golden(Case& c) { c.schema->golden(c.v.data()); }

std::array<std::uint64_t, kMaxSlots> golden_values(const Case& c) {
  auto v = c.v;
  c.schema->golden(v.data());
  return v;
}

std::array<std::uint64_t, kMaxSlots> profile_values(const Schema& schema, std::uint16_t profile) {
  CHECK(profile < schema.profiles.size());
  std::array<std::uint64_t, kMaxSlots> v{};
  for (const Capability& c : schema.profiles[profile].values) v[c.slot] = c.value;
  return v;
}

std::array<std::uint64_t, kMaxSlots> baseline_values(const Case& c) {
  auto v = golden_values(c);
  const auto named = profile_values(*c.schema, c.profile);
  for (const Field& f : c.schema->fields)
    if (!is_baseline_role(f.role)) std::copy_n(named.begin() + f.slot, f.count, v.begin() + f.slot);
  return v;
}

void follow_golden(Case& c, const std::array<std::uint64_t, kMaxSlots>& before) {
  const auto now = golden_values(c);
  for (std::size_t s = 0; s < c.schema->slots; ++s)
    if (now[s] != before[s] && c.v[s] == before[s]) c.v[s] = now[s];
}

namespace {

bool values_fit(const Case& c) {
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i)
      if ((c.v[f.slot + i] & ~ones(f.width)) != 0) return false;
  return std::all_of(c.v.begin() + static_cast<std::ptrdiff_t>(c.schema->slots), c.v.end(),
                     [](std::uint64_t v) { return v == 0; });
}

bool operation_fits(const Schema& schema, const Operation& o) {
  const OperationKind* kind = find_operation(schema, o.opcode);
  return kind != nullptr && std::all_of(o.args.begin() + kind->args, o.args.end(), [](auto a) { return a == 0; });
}

bool areas_fit(const Case& c) {
  if (c.areas.size() != c.schema->areas.size()) return false;
  for (std::size_t i = 0; i < c.areas.size(); ++i)
    if (c.areas[i].size() > c.schema->areas[i].largest) return false;
  return true;
}

}  // namespace

bool is_valid(const Case& c) {
  return c.schema != nullptr && c.profile < c.schema->profiles.size() && values_fit(c) && areas_fit(c) &&
         c.operations.size() <= c.schema->most_operations &&
         std::ranges::all_of(c.operations, [&](const Operation& o) { return operation_fits(*c.schema, o); });
}

const Field* find_field(const Schema& schema, std::string_view name) {
  const auto it = std::ranges::find(schema.fields, name, &Field::name);
  return it == schema.fields.end() ? nullptr : &*it;
}

const Field* field_by_id(const Schema& schema, std::uint16_t id) {
  const auto it = std::ranges::find(schema.fields, id, &Field::id);
  return it == schema.fields.end() ? nullptr : &*it;
}

const Field& field_of_slot(const Schema& schema, Slot slot) {
  CHECK(slot < schema.slots);
  const auto after = std::ranges::upper_bound(schema.fields, slot, {}, &Field::slot);
  return *(after - 1);
}

const OperationKind* find_operation(const Schema& schema, std::uint8_t opcode) {
  const auto it = std::ranges::find(schema.operations, opcode, &OperationKind::opcode);
  return it == schema.operations.end() ? nullptr : &*it;
}

std::optional<std::uint16_t> find_profile(const Schema& schema, std::string_view name) {
  const auto it = std::ranges::find(schema.profiles, name, &ProfileSpec::name);
  if (it == schema.profiles.end()) return std::nullopt;
  return static_cast<std::uint16_t>(it - schema.profiles.begin());
}

void clip_to_widths(Case& c) {
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i) c.v[f.slot + i] &= ones(f.width);
}

std::uint64_t schema_digest(const Schema& schema) {
  Digest d;
  d.add(schema.domain).add(schema.version);
  for (const Field& f : schema.fields)
    d.add(f.id).add(f.name).add(f.width).add(f.count).add(static_cast<std::uint64_t>(f.role));
  for (const ByteArea& a : schema.areas) d.add(a.id).add(a.name).add(a.largest);
  for (const OperationKind& o : schema.operations) d.add(o.opcode).add(o.name).add(o.args);
  return d.value();
}

std::uint64_t golden_digest(const Schema& schema, std::uint16_t profile) {
  const Case c = golden_case(schema, profile);
  Digest d;
  for (std::size_t s = 0; s < schema.slots; ++s) d.add(c.v[s]);
  return d.value();
}

std::uint64_t profile_digest(const Schema& schema, std::uint16_t profile) {
  Digest d;
  d.add(schema.profiles[profile].name);
  for (const Capability& c : schema.profiles[profile].values) d.add(c.slot).add(c.value);
  return d.value();
}

}  // namespace diffvisor
