// SPDX-License-Identifier: Apache-2.0
// Stock Bochs as a machine for the agent: its configuration, its version, and what its end means.
#pragma once

#include <filesystem>
#include <string>

#include "harness/base/result.h"
#include "oracles/emulator_process/emulator_process.h"

namespace diffvisor::bochs {

struct Machine {
  std::string binary = "bochs-bin";
  std::string model = "tigerlake";  // one of `bochs-bin --help cpu`
  std::filesystem::path rom;
};

// The agent's ROM beside the running program, or above it in the build tree.
Result<std::filesystem::path> find_agent_rom();

// "2.7", from what a running Bochs printed; "" if it is no Bochs.
std::string version_in(const std::string& console);

emulator::EmulatorSpec spec_of(const Machine& machine);

}  // namespace diffvisor::bochs
