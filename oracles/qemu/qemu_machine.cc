// SPDX-License-Identifier: Apache-2.0
#include "oracles/qemu/qemu_machine.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/agent/memory_map.h"
#include "harness/base/file.h"
#include "oracles/qemu/cpu_models.h"

namespace diffvisor::qemu {
namespace {

constexpr std::string_view kBanner = "QEMU emulator version ";
constexpr char kRamFile[] = "ram";

struct Start {
  std::string binary, accelerator, cpu;
  std::filesystem::path rom;
};

// No firmware but ours, no display, no devices but a console to print on and a port to end by.
std::vector<std::string> command_line(const Start& start) {
  const std::string mib = fmt::format("{}M", agent::kRamEnd >> 20);
  return {start.binary,
          "-nodefaults",
          "-no-user-config",
          "-display",
          "none",
          "-no-reboot",
          "-net",
          "none",
          "-accel",
          start.accelerator,
          "-cpu",
          start.cpu,
          "-m",
          mib,
          "-machine",
          "pc,memory-backend=ram",
          "-object",
          fmt::format("memory-backend-file,id=ram,size={},mem-path={},share=on", mib, kRamFile),
          "-bios",
          start.rom.string(),
          "-chardev",
          "stdio,id=console",
          "-device",
          "isa-debugcon,iobase=0xe9,chardev=console",
          "-device",
          "isa-debug-exit,iobase=0xf4"};
}

// A file of zeros, so that no mark of an earlier emulator is taken for one of this.
Result<emulator::ChildSpec> prepare(const Start& start, const std::filesystem::path& directory) {
  const std::filesystem::path ram = directory / kRamFile;
  std::error_code error;
  std::filesystem::remove(ram, error);
  if (auto done = write_file_atomically(ram, ""); !done) return tl::unexpected<Error>(done.error());
  std::filesystem::resize_file(ram, agent::kRamEnd, error);
  if (error) return fail(ErrorCode::Environment, ram.string(), error.message());
  return emulator::ChildSpec{command_line(start), {}, directory};
}

// "qemu-system-x86_64: -cpu foo: unable to find CPU model 'foo'" without the program; warnings are not complaints.
std::string complaint(const std::string& console) {
  constexpr std::string_view kProgram = "qemu-system-x86_64: ";
  for (std::size_t at = console.find(kProgram); at != std::string::npos; at = console.find(kProgram, at)) {
    at += kProgram.size();
    const std::string line = console.substr(at, console.find('\n', at) - at);
    if (!line.starts_with("warning: ")) return line;
  }
  return {};
}

Result<std::string> version_of(const std::string& binary) {
  auto child = emulator::ChildProcess::spawn({{binary, "--version"}, {}, {}});
  if (!child) return tl::unexpected<Error>(child.error());
  (*child)->wait_for_end(std::chrono::seconds(20));
  const std::string version = version_in((*child)->console());
  if (version.empty()) return fail(ErrorCode::Environment, binary, "is no QEMU: it prints no version");
  return version;
}

Result<AgentMachine> machine_of(const MachineOptions& options, std::string executor, std::string accelerator,
                                std::string_view cpu) {
  if (cpu.empty())
    return fail(ErrorCode::Usage, executor, fmt::format("has no machine model for profile {}", options.profile));
  const auto rom = agent_rom(options);
  if (!rom) return tl::unexpected<Error>(rom.error());
  const Start start{options.binary.empty() ? "qemu-system-x86_64" : options.binary, std::move(accelerator),
                    std::string(cpu), *rom};
  AgentMachine m;
  m.executor = std::move(executor);
  m.model = options.profile;
  m.emulator.name = start.binary;
  m.emulator.ram_bytes = agent::kRamEnd;
  m.emulator.prepare = [start](const std::filesystem::path& directory) { return prepare(start, directory); };
  m.emulator.reach_memory = [](pid_t, const std::filesystem::path& directory) {
    return emulator::map_shared_ram(directory / kRamFile, agent::kRamEnd);
  };
  m.emulator.complaint = complaint;
  return m;
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

}  // namespace

std::string version_in(std::string_view printed) {
  const std::size_t banner = printed.find(kBanner);
  if (banner == std::string_view::npos) return {};
  const std::string_view rest = printed.substr(banner + kBanner.size());
  return std::string(rest.substr(0, rest.find_first_of(" \n(")));
}

Result<AgentMachine> tcg(const MachineOptions& options) {
  auto m = machine_of(options, "qemu", "tcg", tcg_cpu(options.profile));
  if (!m) return m;
  m->differs = tcg_differs();
  // Asked while the emulator starts.
  m->version = [version = std::async(std::launch::async, version_of, m->emulator.name).share()](
                   emulator::EmulatorProcess&) { return version.get(); };
  return m;
}

Result<AgentMachine> kvm(const MachineOptions& options) {
  const int device = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (device < 0) return fail(ErrorCode::Environment, "/dev/kvm", std::strerror(errno));
  ::close(device);
  auto m = machine_of(options, "kvm", "kvm", kvm_cpu(options.profile));
  if (!m) return m;
  m->emulator.name = fmt::format("kvm, Linux {}", kernel_release());
  m->version = [](emulator::EmulatorProcess&) -> Result<std::string> { return kernel_release(); };
  return m;
}

}  // namespace diffvisor::qemu
