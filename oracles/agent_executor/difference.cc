// SPDX-License-Identifier: Apache-2.0
// Whether a machine is the profile that its cases name.
#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor {
namespace {

std::string bit_text(const Field& field, unsigned bit) {
  for (const BitName& b : field.bits)
    if (b.hi == bit && b.lo == bit) return fmt::format("bit {}, {}", bit, b.name);
  return fmt::format("bit {}", bit);
}

std::uint64_t excepted(std::span<const Capability> except, Slot slot) {
  std::uint64_t bits = 0;
  for (const Capability& c : except)
    if (c.slot == slot) bits |= c.value;
  return bits;
}

}  // namespace

std::string difference_from_profile(const agent::DomainCodec& domain, const agent::Capabilities& machine,
                                    std::span<const std::uint64_t> profile, std::span<const Capability> except) {
  std::array<std::uint64_t, kMaxSlots> values{};
  std::copy(profile.begin(), profile.end(), values.begin());
  if (const std::string_view refusal = domain.read_profile(machine, values); !refusal.empty())
    return std::string(refusal);
  for (Slot slot = 0; slot < domain.capabilities; ++slot) {
    const std::uint64_t differing = (values[slot] ^ profile[slot]) & ~excepted(except, slot);
    if (differing == 0) continue;
    const Field& field = field_of_slot(domain.schema(), slot);
    return fmt::format("{} is {:#x}, the profile says {:#x}: {}", field.name, values[slot], profile[slot],
                       bit_text(field, static_cast<unsigned>(std::countr_zero(differing))));
  }
  return {};
}

}  // namespace diffvisor
