// SPDX-License-Identifier: Apache-2.0
#include "oracles/bochs/bochs_machine.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/base/file.h"
#include "oracles/emulator_process/run_directory.h"

namespace diffvisor::bochs {
namespace {

constexpr std::string_view kBanner = "Bochs x86 Emulator ";
constexpr std::size_t kRomBytes = 128 << 10;

// No firmware, no display, no disk. ips stays low: the emulated devices then cost least.
std::string configuration(const Machine& machine) {
  return fmt::format(
      "plugin_ctrl: unmapped=1, biosdev=0, speaker=0, extfpuirq=0, parallel=0, serial=0, gameport=0, iodebug=0\n"
      "config_interface: textconfig\n"
      "display_library: term\n"
      "romimage: file={}\n"
      "cpu: model={}, count=1, ips=1000000, reset_on_triple_fault=0, ignore_bad_msrs=0\n"
      "memory: guest={}, host={}\n"
      "clock: sync=none, time0=946684800\n"
      "pci: enabled=0\n"
      "ata0: enabled=0\n"
      "ata1: enabled=0\n"
      "floppy_bootsig_check: disabled=1\n"
      "boot: floppy\n"
      "port_e9_hack: enabled=1\n"
      "log: bochs.log\n"
      "panic: action=fatal\n"
      "error: action=ignore\n"
      "info: action=ignore\n"
      "debug: action=ignore\n",
      machine.rom.string(), machine.model, vmx::kRamEnd >> 20, vmx::kRamEnd >> 20);
}

Result<emulator::ChildSpec> prepare(const Machine& machine, const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::file_size(machine.rom, error) != kRomBytes || error)
    return fail(ErrorCode::Environment, machine.rom.string(), "no agent ROM of 128 KiB here");
  if (auto done = write_file_atomically(directory / "bochsrc", configuration(machine)); !done)
    return tl::unexpected<Error>(done.error());
  // The distribution's binary has the debugger built in, which waits for commands: continue, and quit when it stops.
  if (auto done = write_file_atomically(directory / "debugger.rc", "c\nq\n"); !done)
    return tl::unexpected<Error>(done.error());
  return emulator::ChildSpec{{machine.binary, "-q", "-f", "bochsrc", "-rc", "debugger.rc"}, {"TERM=dumb"}, directory};
}

// "[CPU0 ] VMENTER CR0 is broken !" without the device.
std::string complaint(const std::string& console) {
  constexpr std::string_view kFatal = "following message:";
  const std::size_t at = console.find(kFatal);
  if (at == std::string::npos) return {};
  std::size_t from = console.find(']', at);
  from = from == std::string::npos ? at + kFatal.size() : from + 1;
  from = std::min(console.find_first_not_of(" \n", from), console.size());
  return console.substr(from, console.find('\n', from) - from);
}

}  // namespace

Result<std::filesystem::path> find_agent_rom() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::filesystem::path directory = program.parent_path();
  for (int level = 0; level < 5 && !error; ++level, directory = directory.parent_path())
    if (std::filesystem::exists(directory / "agent.rom", error)) return directory / "agent.rom";
  return fail(ErrorCode::Environment, "agent.rom", fmt::format("not found beside {} or above it", program.string()));
}

std::string version_in(const std::string& console) {
  const std::size_t banner = console.find(kBanner);
  if (banner == std::string::npos) return {};
  const std::size_t from = banner + kBanner.size();
  return console.substr(from, console.find_first_of(" \n", from) - from);
}

emulator::EmulatorSpec spec_of(const Machine& machine) {
  emulator::EmulatorSpec spec;
  spec.name = machine.binary;
  spec.ram_bytes = vmx::kRamEnd;
  spec.prepare = [machine](const std::filesystem::path& directory) { return prepare(machine, directory); };
  spec.reach_memory = [](pid_t pid, const std::filesystem::path&) {
    return emulator::find_process_ram(pid, vmx::kRamEnd);
  };
  spec.complaint = complaint;
  return spec;
}

}  // namespace diffvisor::bochs
