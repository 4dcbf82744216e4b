// SPDX-License-Identifier: Apache-2.0
// The vocabulary of a domain as constant data: fields, choices, byte areas, operations, profiles. Declaring a field
// once here (through the subject's .def table) gives it text, bytes, printing, mutation and minimising.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace diffvisor {

using Slot = std::uint16_t;  // index into a case's values; not stable between versions, unlike Field::id

inline constexpr std::size_t kMaxSlots = 256;
inline constexpr std::size_t kMaxOperationArgs = 4;

enum class Role : std::uint8_t {
  Capability,  // part of the profile: what the machine offers
  Context,     // how the case is started and observed (a set of flags or a choice); golden depends on it
  State,       // an ordinary field
  Fact,        // a value in guest memory that rules read; the domain's normaliser ties it to the address that names it
};

// A named bit range, or with lo == hi one bit.
struct BitName {
  std::uint8_t hi;
  std::uint8_t lo;
  std::string_view name;
};

struct Field {
  std::uint16_t id;       // stable: written to binary cases, never reused
  std::string_view name;  // stable: written to text cases, the manual's spelling
  std::uint8_t width;     // bits, 1..64; values never have bits above it
  std::uint16_t count;    // 1 for a scalar; an array occupies slots slot .. slot+count-1
  Slot slot;
  Role role;
  std::string_view group;                      // heading in listings: "controls", "host", "guest" ...
  std::uint32_t tag;                           // the subject's own number for it (a VMCS encoding), 0 if none
  std::span<const BitName> bits;               // names of its bits, may be empty
  std::span<const std::uint64_t> interesting;  // values worth trying besides the boundary bits, may be empty
};

// The tag of a field whose id is the subject's own number for it; facts, context and capabilities have none.
constexpr std::uint32_t tag_of(std::uint16_t id) { return id < 0xe000 ? id : 0; }

// Fields follow one another without a gap from slot 0 to `slots`.
constexpr bool slots_are_sound(std::span<const Field> fields, std::size_t slots) {
  std::size_t next = 0;
  for (const Field& f : fields) {
    if (f.slot != next || f.width < 1 || f.width > 64) return false;
    next += f.count;
  }
  return next == slots && slots <= kMaxSlots;
}

struct ByteArea {
  std::uint16_t id;
  std::string_view name;
  std::size_t largest;  // bytes
};

struct OperationKind {
  std::uint8_t opcode;
  std::string_view name;
  std::uint8_t args;  // 0..kMaxOperationArgs
};

// A value for one capability slot.
struct Capability {
  Slot slot;
  std::uint64_t value;
};

struct ProfileSpec {
  std::string_view name;
  std::string_view note;               // where it comes from, and what second opinion exists
  std::span<const Capability> values;  // capabilities not listed are 0
};

struct Schema {
  std::string_view domain;
  std::uint16_t version;            // of the binary form; changes only with the codec's reading of it
  std::span<const Field> fields;    // ascending slots, no gaps
  std::size_t slots;                // <= kMaxSlots
  std::span<const ByteArea> areas;  // order = index in Case::areas
  std::span<const OperationKind> operations;
  std::size_t most_operations;
  std::span<const ProfileSpec> profiles;  // the first is the default
  // Writes the State and Fact slots of the valid baseline that belongs to the Capability and Context slots in v.
  void (*golden)(std::uint64_t* v);
};

}  // namespace diffvisor
