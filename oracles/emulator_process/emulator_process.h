// SPDX-License-Identifier: Apache-2.0
// One running emulator with the agent in it: started, greeted, its memory found, its mailbox served.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/arch/agent/mailbox.h"
#include "harness/base/result.h"
#include "oracles/emulator_process/child_process.h"
#include "oracles/emulator_process/guest_memory.h"

namespace diffvisor::emulator {

// What an emulator must say about itself to be run here; the whole difference between Bochs and the next one.
struct EmulatorSpec {
  std::string name;  // for messages
  std::size_t ram_bytes = 0;
  // Writes its configuration into `directory` and returns how to start it there.
  std::function<Result<ChildSpec>(const std::filesystem::path& directory)> prepare;
  // Reaches the RAM of the started child, whose agent waits behind its greeting.
  std::function<Result<std::unique_ptr<GuestMemory>>(pid_t pid, const std::filesystem::path& directory)> reach_memory;
  // The emulator's own last message in what it printed, e.g. a panic; "" if there is none.
  std::function<std::string(const std::string& console)> complaint;
};

class EmulatorProcess {
 public:
  // `spec` outlives it. One that somebody kills while it starts is started again.
  static Result<std::unique_ptr<EmulatorProcess>> start(const EmulatorSpec& spec,
                                                        const std::filesystem::path& directory);

  // Writes a request into the next slot. At most agent::kMailboxSlots may be unanswered.
  Result<std::uint64_t> post(agent::Command command, std::uint32_t count, std::uint64_t argument,
                             std::span<const std::byte> input);
  // The request is answered when Response::sequence is its own.
  Result<agent::Response> response(std::uint64_t sequence) const;
  Result<void> read_output(std::uint64_t sequence, std::span<std::byte> output) const;

  // Posts, waits, reads: for start-up and tests.
  Result<agent::Answer> call(agent::Command command, std::uint64_t argument, std::span<const std::byte> input,
                             std::span<std::byte> output);

  ChildProcess& child() { return *child_; }
  GuestMemory& memory() { return *memory_; }
  // One line about how it ended and what it said.
  std::string last_words();
  // The same as a word of lower-case letters and underscores: "crash", "panic_...", "agent_...", "exit".
  std::string end_word();

 private:
  explicit EmulatorProcess(const EmulatorSpec& spec) : spec_(&spec) {}
  Result<void> bring_up(const std::filesystem::path& directory);
  Result<void> greet();

  const EmulatorSpec* spec_ = nullptr;  // outlives this
  std::unique_ptr<ChildProcess> child_;
  std::unique_ptr<GuestMemory> memory_;
  std::uint64_t next_sequence_ = 1;
};

inline constexpr std::chrono::seconds kStartLimit{20};
inline constexpr int kMostKills = 3;  // while it starts

}  // namespace diffvisor::emulator
