// SPDX-License-Identifier: Apache-2.0
// The list of machines that boot the agent. Which of them can run a domain is the machine's own answer.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "harness/base/result.h"
#include "harness/run/executor.h"
#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor {

struct MachineEntry {
  std::string_view executor;
  Result<AgentMachine> (*make)(const MachineOptions&);
};

std::span<const MachineEntry> machines();

// Starts the executor of that name for a domain; an unknown name is an error.
Result<std::unique_ptr<Executor>> make_oracle(std::string_view executor, const agent::DomainCodec& domain,
                                              const MachineOptions& options);

}  // namespace diffvisor
