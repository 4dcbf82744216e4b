// SPDX-License-Identifier: Apache-2.0
// Where the agent's ROM is.
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "oracles/agent_executor/agent_executor.h"

namespace diffvisor {
namespace {

constexpr std::size_t kRomBytes = 128 << 10;

Result<std::filesystem::path> beside_or_above_program() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::filesystem::path directory = program.parent_path();
  for (int level = 0; level < 5 && !error; ++level, directory = directory.parent_path())
    if (std::filesystem::exists(directory / "agent.rom", error)) return directory / "agent.rom";
  return fail(ErrorCode::Environment, "agent.rom", fmt::format("not found beside {} or above it", program.string()));
}

}  // namespace

Result<std::filesystem::path> agent_rom(const MachineOptions& options) {
  std::error_code error;
  const auto rom = options.rom.empty() ? beside_or_above_program() : std::filesystem::absolute(options.rom, error);
  if (!rom) return rom;
  if (std::filesystem::file_size(*rom, error) != kRomBytes || error)
    return fail(ErrorCode::Environment, rom->string(), "no agent ROM of 128 KiB here");
  return rom;
}

}  // namespace diffvisor
