// SPDX-License-Identifier: Apache-2.0
// A case: one self-contained input of one domain. A plain value; copying it is the way to try a variation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/arch/schema.h"

namespace diffvisor {

struct Operation {
  std::uint8_t opcode = 0;
  std::array<std::uint64_t, kMaxOperationArgs> args{};  // those beyond OperationKind::args are 0
  bool operator==(const Operation&) const = default;
};

struct Case {
  const Schema* schema = nullptr;
  std::uint16_t profile = 0;  // index in schema->profiles; Capability slots may differ from it
  std::array<std::uint64_t, kMaxSlots> v{};
  std::vector<std::vector<std::byte>> areas;  // one for each schema->areas, or empty when the schema has none
  std::vector<Operation> operations;

  std::uint64_t operator[](Slot s) const { return v[s]; }
  std::uint64_t& operator[](Slot s) { return v[s]; }
  bool operator==(const Case&) const = default;
};

// The golden case of a profile, with every Context slot 0.
Case golden_case(const Schema& schema, std::uint16_t profile = 0);

// Writes the golden State and Fact values that belong to c's capabilities and context.
void reset_to_golden(Case& c);

// The values golden has for c's capabilities and context: what text forms and reports show differences from.
std::array<std::uint64_t, kMaxSlots> golden_values(const Case& c);

// The capability values of c's named profile, without c's own deviations; other slots are 0.
std::array<std::uint64_t, kMaxSlots> profile_values(const Schema& schema, std::uint16_t profile);

// What stored forms leave unsaid: the named profile's capabilities, context 0, and for the rest golden_values(c).
std::array<std::uint64_t, kMaxSlots> baseline_values(const Case& c);

// After capabilities or context of c changed: State and Fact slots that still hold `before`, the golden values of
// before the change, take the golden values of now. What the case had of its own stays.
void follow_golden(Case& c, const std::array<std::uint64_t, kMaxSlots>& before);

// Whether c is a case of its schema: every value fits its field, every list its bound, nothing lies outside.
bool is_valid(const Case& c);

constexpr bool is_baseline_role(Role r) { return r == Role::State || r == Role::Fact; }

const Field* find_field(const Schema& schema, std::string_view name);
const Field* field_by_id(const Schema& schema, std::uint16_t id);
const Field& field_of_slot(const Schema& schema, Slot slot);
const OperationKind* find_operation(const Schema& schema, std::uint8_t opcode);
std::optional<std::uint16_t> find_profile(const Schema& schema, std::string_view name);

// Clears bits above the field's width in every slot.
void clip_to_widths(Case& c);

// Fingerprints of the declared vocabulary and of the baseline: two programs that agree on both read a case alike.
std::uint64_t schema_digest(const Schema& schema);
std::uint64_t golden_digest(const Schema& schema, std::uint16_t profile);
std::uint64_t profile_digest(const Schema& schema, std::uint16_t profile);

}  // namespace diffvisor
