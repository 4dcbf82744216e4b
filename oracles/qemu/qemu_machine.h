// SPDX-License-Identifier: Apache-2.0
// Stock QEMU as a machine for the agent: TCG interprets the guest, KVM runs it on the kernel under test.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor::qemu {

// Executor "qemu", version "7.2.22 ryzen".
Result<AgentMachine> tcg(const MachineOptions& options);

// Executor "kvm", version "6.1.0-18-amd64 ryzen": what is tested is the running kernel.
Result<AgentMachine> kvm(const MachineOptions& options);

// "7.2.22", from what `qemu-system-x86_64 --version` prints; "" if it is no QEMU.
std::string version_in(std::string_view printed);

}  // namespace diffvisor::qemu
