// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/domain_codec.h"

#include "harness/base/check.h"

namespace diffvisor::agent {

void read_announced(const Capabilities& machine, std::span<const AnnouncedBit> bits, std::span<std::uint64_t> values) {
  for (const AnnouncedBit& b : bits) {
    const std::uint64_t mask = std::uint64_t{1} << b.bit;
    const bool has = (cpuid_word(machine, b.leaf, b.subleaf, b.word) >> b.cpuid_bit & 1) != 0;
    values[b.slot] = (values[b.slot] & ~mask) | (has ? mask : 0);
  }
}

std::uint32_t cpuid_word(const Capabilities& machine, std::uint32_t leaf, std::uint32_t subleaf,
                         std::uint32_t CpuidReading::*word) {
  for (const CpuidReading& r : machine.cpuid)
    if (r.leaf == leaf && r.subleaf == subleaf) return r.*word;
  return 0;
}

std::uint64_t msr_value(const Capabilities& machine, std::uint32_t msr) {
  for (const MsrReading& reading : machine.msrs)
    if (reading.index == msr) return reading.readable != 0 ? reading.value : 0;
  CHECK(false);
  return 0;
}

}  // namespace diffvisor::agent
