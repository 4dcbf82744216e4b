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
