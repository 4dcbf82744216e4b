// SPDX-License-Identifier: Apache-2.0
// For tests: a schema with every awkward shape a domain may have, and random cases of any schema.
#pragma once

#include "harness/base/bits.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::samples {

enum AwkwardSlot : std::uint16_t {
  kCap,
  kCapArray,
  kContext = kCapArray + 3,
  kChoice,
  kBit,
  kWide,
  kNamed,
  kList,
  kFact = kList + 5,
  kSlots
};

inline void awkward_golden(std::uint64_t* v) {
  v[kBit] = v[kChoice] & 1;
  v[kWide] = v[kCap] << 8 | v[kContext];
  v[kNamed] = 0x93;
  for (unsigned i = 0; i < 5; ++i) v[kList + i] = v[kCapArray + i % 3] & 0x1fff;
  v[kFact] = 7;
}

// One-bit and 64-bit fields, odd widths, arrays in every role, overlapping bit names, two areas, no-argument and
// four-argument operations, profiles that leave capabilities out, golden that depends on both capabilities and context.
inline const Schema& awkward_schema() {
  static constexpr BitName kFlags[] = {{0, 0, "one"}, {1, 1, "two"}, {7, 7, "top"}};
  static constexpr BitName kAccess[] = {{3, 0, "type"}, {4, 4, "S"}, {6, 5, "DPL"}, {7, 7, "P"}, {6, 4, "over"}};
  static constexpr std::uint64_t kTry[] = {0x93, 0x9b, 0x10000};
  static constexpr Field kFields[] = {
      {0xffff, "CAP", 56, 1, kCap, Role::Capability, "profile", 0, {}, {}},
      {0x0000, "CAP_ARRAY", 13, 3, kCapArray, Role::Capability, "profile", 0, {}, {}},
      {0x0100, "CONTEXT", 8, 1, kContext, Role::Context, "context", 0, kFlags, {}},
      {0x0101, "CHOICE", 3, 1, kChoice, Role::Context, "context", 0, {}, {}},
      {0x0003, "BIT", 1, 1, kBit, Role::State, "one", 0, {}, {}},
      {0x0002, "WIDE", 64, 1, kWide, Role::State, "one", 0, {}, {}},
      {0x0001, "NAMED", 17, 1, kNamed, Role::State, "two", 0, kAccess, kTry},
      {0x00ff, "LIST", 13, 5, kList, Role::State, "two", 0, {}, {}},
      {0xe000, "FACT", 32, 1, kFact, Role::Fact, "two", 0, {}, {}},
  };
  static constexpr ByteArea kAreas[] = {{9, "code", 300}, {7, "data", 3}};
  static constexpr OperationKind kOperations[] = {{7, "nop", 0}, {0, "four", 4}, {255, "one", 1}};
  static constexpr Capability kBig[] = {{kCap, 0xff000000000001}, {kCapArray + 1, 0x1fff}};
  static constexpr ProfileSpec kProfiles[] = {{"none", "", {}}, {"big", "", kBig}};
  static constexpr Schema kSchema = {"awkward", 1, kFields, kSlots, kAreas, kOperations, 6, kProfiles, &awkward_golden};
  return kSchema;
}

inline std::uint64_t random_value(Rng& rng) {
  const std::uint64_t v = rng.next();
  return v >> rng.below(64);
}

inline void randomise_fields(Rng& rng, Case& c, bool baseline_roles, std::uint64_t one_in) {
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (is_baseline_role(f.role) == baseline_roles && rng.one_in(one_in))
        c.v[f.slot + i] = random_value(rng) & ones(f.width);
}

inline void add_operations(Rng& rng, Case& c) {
  if (c.schema->operations.empty()) return;
  for (std::uint64_t n = rng.below(c.schema->most_operations + 1); n > 0; --n) {
    const OperationKind& kind = rng.pick(c.schema->operations);
    Operation o;
    o.opcode = kind.opcode;
    for (unsigned i = 0; i < kind.args; ++i) o.args[i] = rng.one_in(4) ? 0 : random_value(rng);
    c.operations.push_back(o);
  }
}

// Any valid case can come out: few or many differences, deviating capabilities, full and empty areas.
inline Case random_case(Rng& rng, const Schema& schema) {
  Case c = golden_case(schema, static_cast<std::uint16_t>(rng.below(schema.profiles.size())));
  randomise_fields(rng, c, false, 1 + rng.below(8));
  reset_to_golden(c);
  randomise_fields(rng, c, true, 1 + rng.below(30));
  for (std::size_t i = 0; i < c.areas.size(); ++i) {
    c.areas[i].resize(rng.one_in(3) ? 0 : static_cast<std::size_t>(rng.below(schema.areas[i].largest + 1)));
    for (std::byte& b : c.areas[i]) b = static_cast<std::byte>(rng.next());
  }
  if (!rng.one_in(3)) add_operations(rng, c);
  return c;
}

}  // namespace diffvisor::samples
