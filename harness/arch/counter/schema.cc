// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/counter/schema.h"

#include <algorithm>

namespace diffvisor::counter {
namespace {

constexpr BitName kFeatureBits[] = {{0, 0, "saturate"}, {1, 1, "tape"}};
constexpr BitName kModeBits[] = {{0, 0, "saturate"}, {1, 1, "signed"}};
constexpr std::uint64_t kWidths[] = {1, 8, 16, 31, 32, 33};

constexpr std::span<const BitName> bits_of(std::uint16_t slot) {
  if (slot == Features) return kFeatureBits;
  return slot == Mode ? std::span<const BitName>(kModeBits) : std::span<const BitName>();
}

constexpr std::span<const std::uint64_t> interesting_of(std::uint16_t slot) {
  return slot == Width ? std::span<const std::uint64_t>(kWidths) : std::span<const std::uint64_t>();
}

constexpr Field kFields[] = {
#define FIELD(id, name, constant, width, count, role, group) \
  {id, #name, width, count, constant, Role::role, group, 0, bits_of(constant), interesting_of(constant)},
#include "harness/arch/counter/fields.def"
#undef FIELD
};

constexpr ByteArea kAreas[] = {{1, "tape", kLongestTape}};

constexpr std::uint8_t code(Opcode o) { return static_cast<std::uint8_t>(o); }
constexpr OperationKind kOperations[] = {
    {code(Opcode::Add), "add", 1},   {code(Opcode::Sub), "sub", 1},     {code(Opcode::Reset), "reset", 0},
    {code(Opcode::Load), "load", 1}, {code(Opcode::Latch), "latch", 0}, {code(Opcode::Read), "read", 0},
    {code(Opcode::Play), "play", 0},
};

constexpr Capability kClassic[] = {{MaxWidth, 16}, {Features, 0}};
constexpr Capability kModern[] = {{MaxWidth, 32}, {Features, 1 << kCanSaturate | 1 << kHasTape}};
constexpr ProfileSpec kProfiles[] = {
    {"modern", "all features", kModern},
    {"classic", "16 bits, wraps, no tape", kClassic},
};

void golden(std::uint64_t* v) {
  v[Width] = std::clamp<std::uint64_t>(v[MaxWidth], 1, 32);
  v[Step] = 1;
  v[Initial] = (v[Mode] >> kSaturate & 1) != 0 ? 1 : 0;  // in the middle of the range: both ends are reachable
  for (unsigned i = 0; i < kAlarms; ++i) {
    v[AlarmAddr + i] = 0x10 * (i + 1);
    v[Alarm + i] = 0;
  }
}

}  // namespace

const Schema& schema() {
  static constexpr Schema kSchema = {"counter",       1,         kFields, kSlots, kAreas, kOperations,
                                     kMostOperations, kProfiles, &golden};
  return kSchema;
}

void settle_facts(std::uint64_t* v) {
  for (unsigned i = 0; i < kAlarms; ++i) {
    if (v[AlarmAddr + i] >= kMemoryEnd) v[Alarm + i] = kReadsAbove;
    for (unsigned earlier = 0; earlier < i; ++earlier)
      if (v[AlarmAddr + earlier] == v[AlarmAddr + i]) v[Alarm + earlier] = v[Alarm + i];
  }
}

std::string outcome_text(std::uint32_t outcome) {
  switch (static_cast<Outcome>(outcome)) {
    case Outcome::Finished:
      return "finished";
    case Outcome::BadWidth:
      return "refused(width)";
    case Outcome::BadMode:
      return "refused(mode)";
    case Outcome::BadInitial:
      return "refused(initial)";
    case Outcome::NoTape:
      return "refused(tape)";
  }
  return "unknown";
}

}  // namespace diffvisor::counter
