// SPDX-License-Identifier: Apache-2.0
// What the clean-state tests are run with: a domain on a machine, and cases that leave as much behind as can be.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "oracles/agent/constant_memory.h"
#include "oracles/machines/machines.h"
#include "oracles/machines/random_cases.h"

namespace diffvisor {

struct Edit {
  Slot slot;
  std::uint64_t clear, set;
};

struct Disturbance {
  std::string what;
  Case c;
  rules::Outcome outcome;  // so that the case is known to disturb what it says
};

struct CleanStateSubject {
  const char* name;
  std::string_view machine, domain, profile;
  const char* binary;  // what must be installed
  std::vector<Disturbance> (*disturbances)();
  std::span<const agent::ConstantRange> memory;  // every byte a case may set or a guest can reach
  std::span<const std::uint32_t> loaded_msrs{};  // that each entry loads anyway, so that nobody puts them back
};

extern const CleanStateSubject kVmxOnBochs, kSvmOnBochs, kSvmOnQemu, kInsnOnBochs;

}  // namespace diffvisor
