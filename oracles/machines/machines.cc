// SPDX-License-Identifier: Apache-2.0
#include "oracles/machines/machines.h"

#include <string>

#include "oracles/bochs/bochs_machine.h"
#include "oracles/qemu/qemu_machine.h"

namespace diffvisor {

std::span<const MachineEntry> machines() {
  static constexpr MachineEntry kMachines[] = {
      {"bochs", &bochs::machine},
      {"qemu", &qemu::tcg},
      {"kvm", &qemu::kvm},
  };
  return kMachines;
}

Result<std::unique_ptr<Executor>> make_oracle(std::string_view executor, const agent::DomainCodec& domain,
                                              const MachineOptions& options) {
  for (const MachineEntry& entry : machines()) {
    if (entry.executor != executor) continue;
    const auto machine = entry.make(options);
    if (!machine) return tl::unexpected<Error>(machine.error());
    return make_agent_executor(domain, *machine, options);
  }
  return fail(ErrorCode::Usage, std::string(executor), "no machine of this name");
}

}  // namespace diffvisor
