// SPDX-License-Identifier: Apache-2.0
// What CPU this is (SDM 2A CPUID, APM 3 appendix E).
#pragma once

#include <cstdint>
#include <string>

namespace diffvisor::native {

struct HostCpu {
  unsigned vendor = 0;         // insn::Vendor
  std::uint64_t features = 0;  // bits of insn::feature
  std::string version;         // "GenuineIntel Intel(R) Xeon(R) Processor, family 6 model 207 stepping 2"
};

// An empty version: neither Intel nor AMD, or not an x86.
const HostCpu& host_cpu();

}  // namespace diffvisor::native
