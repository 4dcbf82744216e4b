// SPDX-License-Identifier: Apache-2.0
#include "oracles/bochs/bochs_machine.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "harness/arch/agent/memory_map.h"
#include "harness/arch/svm/fields.h"
#include "harness/base/file.h"

namespace diffvisor::bochs {
namespace {

struct ModelProfile {
  std::string_view model, profile;
};
constexpr ModelProfile kModels[] = {
    {"tigerlake", "tigerlake"},
    {"corei7_icelake_u", "icelake_u"},
    {"corei7_skylake_x", "skylake_x"},
    {"ryzen", "ryzen"},
};

// Its CPUID copies a real processor's SEV, which it does not have.
constexpr Capability kRyzenDiffers[] = {{svm::CapFeatures, std::uint64_t{1} << svm::feature::SEV}};

// A segment register that is present and a system segment, but neither TSS nor LDT, gets no base and no limit: what the
// emulator's own stack holds decides, host addresses among it.
bool is_left_unset(std::uint64_t attributes) {
  constexpr std::uint32_t kWithBase = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 9 | 1u << 11;
  const bool system = (attributes >> svm::attr::P & 1) != 0 && (attributes >> svm::attr::S & 1) == 0;
  return system && (kWithBase >> (attributes & 15) & 1) == 0;
}

std::string_view svm_refusal(const Case& c) {
  for (const Slot s : {svm::CsAttr, svm::SsAttr, svm::DsAttr, svm::EsAttr})
    if (is_left_unset(c[s])) return "bochs_segment_unset";
  return {};
}

constexpr std::string_view kBanner = "Bochs x86 Emulator ";

struct Start {
  std::string binary, model;
  std::filesystem::path rom;
};

Result<emulator::ChildSpec> prepare(const Start& start, const std::filesystem::path& directory) {
  if (auto done = write_file_atomically(directory / "bochsrc", configuration(start.model, start.rom.string())); !done)
    return tl::unexpected<Error>(done.error());
  // The distribution's binary has the debugger built in, which waits for commands: continue, and quit when it stops.
  if (auto done = write_file_atomically(directory / "debugger.rc", "c\nq\n"); !done)
    return tl::unexpected<Error>(done.error());
  return emulator::ChildSpec{{start.binary, "-q", "-f", "bochsrc", "-rc", "debugger.rc"}, {"TERM=dumb"}, directory};
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

std::string_view model_of_profile(std::string_view profile) {
  for (const ModelProfile& m : kModels)
    if (m.profile == profile) return m.model;
  return {};
}

// No firmware, no display, no disk. ips stays low: the emulated devices then cost least.
std::string configuration(const std::string& model, const std::string& rom) {
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
      rom, model, agent::kRamEnd >> 20, agent::kRamEnd >> 20);
}

std::string version_in(const std::string& console) {
  const std::size_t banner = console.find(kBanner);
  if (banner == std::string::npos) return {};
  const std::size_t from = banner + kBanner.size();
  return console.substr(from, console.find_first_of(" \n", from) - from);
}

Result<AgentMachine> machine(const MachineOptions& options) {
  const std::string model(model_of_profile(options.profile));
  if (model.empty())
    return fail(ErrorCode::Usage, "bochs", fmt::format("has no machine model for profile {}", options.profile));
  const auto rom = agent_rom(options);
  if (!rom) return tl::unexpected<Error>(rom.error());
  const Start start{options.binary.empty() ? "bochs-bin" : options.binary, model, *rom};
  AgentMachine m;
  m.executor = "bochs";
  m.model = model;
  if (model == "ryzen") {
    m.differs = kRyzenDiffers;
    m.refusal = &svm_refusal;
  }
  m.emulator.name = start.binary;
  m.emulator.ram_bytes = agent::kRamEnd;
  m.emulator.prepare = [start](const std::filesystem::path& directory) { return prepare(start, directory); };
  m.emulator.reach_memory = [](pid_t pid, const std::filesystem::path&) {
    return emulator::find_process_ram(pid, agent::kRamEnd);
  };
  m.emulator.complaint = complaint;
  m.version = [](emulator::EmulatorProcess& running) -> Result<std::string> {
    return version_in(running.child().console());
  };
  return m;
}

}  // namespace diffvisor::bochs
