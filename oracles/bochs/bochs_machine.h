// SPDX-License-Identifier: Apache-2.0
// Stock Bochs as a machine for the agent: its configuration, its version, and what its end means.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor::bochs {

// The Bochs CPU model (one of `bochs-bin --help cpu`) that is this profile, or "".
std::string_view model_of_profile(std::string_view profile);

// The bochsrc for that CPU model with this ROM.
std::string configuration(const std::string& model, const std::string& rom);

// Executor "bochs", version "2.7 tigerlake".
Result<AgentMachine> machine(const MachineOptions& options);

// "2.7", from what a running Bochs printed; "" if it is no Bochs.
std::string version_in(const std::string& console);

}  // namespace diffvisor::bochs
