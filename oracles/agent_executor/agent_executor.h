// SPDX-License-Identifier: Apache-2.0
// The executor of any domain the agent speaks, on any machine that boots the agent.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/run/executor.h"
#include "oracles/agent/domain_codec.h"
#include "oracles/emulator_process/emulator_process.h"

namespace diffvisor {

// What a user chooses of any machine.
struct MachineOptions {
  std::string profile;               // of the domain's schema; a machine has a model for it or not
  unsigned jobs = 1;                 // emulator processes; batch b goes to process b mod jobs
  std::filesystem::path rom;         // empty: beside the program or above it
  bool keep_directory = false;       // leave configuration and log for a person
  std::string binary;                // empty: the machine's own
  std::filesystem::path run_parent;  // of the directory for this run; empty: see emulator::default_run_parent()
};

// A machine that can be started: how, and what it calls itself.
struct AgentMachine {
  std::string executor;  // "bochs"
  std::string model;     // "tigerlake": the second word of the version
  emulator::EmulatorSpec emulator;
  // Capability bits in which the machine is not its profile and cannot be made so: the judge knows them as divergences.
  std::span<const Capability> differs{};
  // Why the emulator has no answer to a case that repeats, or ""; such a case is Incomparable. May be null.
  std::string_view (*refusal)(const Case&) = nullptr;
  // Of the running emulator, without the model: "2.7".
  std::function<Result<std::string>(emulator::EmulatorProcess& running)> version;
};

// Starts the emulators; trust Independent. A case whose Capability slots are not exactly the profile's is
// Incomparable("profile"). A machine that is not its profile is an error that names the first difference.
Result<std::unique_ptr<Executor>> make_agent_executor(const agent::DomainCodec& domain, const AgentMachine& machine,
                                                      const MachineOptions& options);

// The first capability that differs from the profile's slots, but for the bits in `except`: "VMX_MISC is 0x1, the
// profile says 0x2: bit 0"; "" if there is none.
std::string difference_from_profile(const agent::DomainCodec& domain, const agent::Capabilities& machine,
                                    std::span<const std::uint64_t> profile, std::span<const Capability> except);

// The ROM that `options` name, or else the one of the build tree.
Result<std::filesystem::path> agent_rom(const MachineOptions& options);

}  // namespace diffvisor
