// SPDX-License-Identifier: Apache-2.0
#include "oracles/agent/domain_codec.h"

#include "harness/base/check.h"

namespace diffvisor::agent {

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
