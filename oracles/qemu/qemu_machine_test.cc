// SPDX-License-Identifier: Apache-2.0
// The agent on stock QEMU: up, its memory and console reached, its end noticed. Entries are tested in oracles/machines.
#include "oracles/qemu/qemu_machine.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "oracles/emulator_process/run_directory.h"

namespace diffvisor::qemu {
namespace {

MachineOptions ryzen() {
  MachineOptions options;
  options.profile = "ryzen";
  return options;
}

bool qemu_is_installed() { return std::system("command -v qemu-system-x86_64 >/dev/null") == 0; }

class Qemu : public ::testing::Test {
 protected:
  void start(const Result<AgentMachine>& made) {
    if (!qemu_is_installed()) GTEST_SKIP() << "qemu-system-x86_64 is not installed (package qemu-system-x86)";
    ASSERT_TRUE(made) << made.error().text();
    machine = *made;
    directory.emplace(*emulator::RunDirectory::make());
    auto started = emulator::EmulatorProcess::start(machine.emulator, directory->path());
    ASSERT_TRUE(started) << started.error().text();
    process = std::move(*started);
  }
  Result<agent::Answer> call(agent::Command command) { return process->call(command, 0, {}, {}); }

  AgentMachine machine;
  std::optional<emulator::RunDirectory> directory;
  std::unique_ptr<emulator::EmulatorProcess> process;
};

class Tcg : public Qemu {
 protected:
  void SetUp() override { start(tcg(ryzen())); }
};

TEST_F(Tcg, SaysWhatItIs) {
  const auto version = machine.version(*process);
  ASSERT_TRUE(version) << version.error().text();
  EXPECT_EQ(machine.executor, "qemu");
  EXPECT_EQ(machine.model, "ryzen");
  EXPECT_TRUE(version->find_first_not_of("0123456789.") == std::string::npos && version->size() > 2) << *version;
}

TEST_F(Tcg, EchoesWhatItIsGiven) {
  std::vector<std::uint64_t> in(4096), out(4096);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = i * 0x9e3779b97f4a7c15;
  const auto answer = process->call(agent::Command::Echo, in.size() * 8, std::as_bytes(std::span(in)),
                                    std::as_writable_bytes(std::span(out)));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(*answer, agent::Answer::Done);
  EXPECT_EQ(in, out);
}

TEST_F(Tcg, PrintsNoWarningsOfItsOwn) { EXPECT_EQ(process->child().console().find("warning"), std::string::npos); }

TEST_F(Tcg, EndsWhenItIsTold) {
  const auto answer = call(agent::Command::Quit);
  ASSERT_TRUE(answer) << answer.error().text();
  const auto& end = process->child().wait_for_end(std::chrono::seconds(10));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, 0);
  EXPECT_EQ(end->exit_code, 1);  // isa-debug-exit: 2 * value + 1
}

TEST_F(Tcg, ADeathIsSeen) {
  ::kill(process->child().pid(), SIGSEGV);
  EXPECT_FALSE(call(agent::Command::Echo));
  EXPECT_EQ(process->end_word(), "crash");
}

// The kernel's own virtualisation runs the same ROM, whether or not its guest may nest.
class Kvm : public Qemu {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/kvm here";
    MachineOptions options;
    options.profile = "kvm61";
    start(kvm(options));
  }
};

TEST_F(Kvm, BootsTheSameRom) {
  agent::Capabilities found{};
  const auto answer = process->call(agent::Command::Capabilities, 0, {}, std::as_writable_bytes(std::span(&found, 1)));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(*answer, agent::Answer::Done);
  EXPECT_NE(found.cr3, 0u);
}

// ---- errors of the environment: one clear line

std::string error_of(const Result<AgentMachine>& made) {
  if (!made) return made.error().text();
  const auto directory = emulator::RunDirectory::make();
  const auto started = emulator::EmulatorProcess::start(made->emulator, directory->path());
  return started ? "started" : started.error().text();
}

TEST(QemuErrors, AMissingBinaryIsNamed) {
  MachineOptions options = ryzen();
  options.binary = "no-such-qemu";
  EXPECT_EQ(error_of(tcg(options)), "no-such-qemu: cannot run: No such file or directory");
}

TEST(QemuErrors, AProfileWithoutAModelIsNamed) {
  MachineOptions options;
  options.profile = "tigerlake";
  EXPECT_EQ(error_of(tcg(options)), "qemu: has no machine model for profile tigerlake");
}

TEST(QemuErrors, SomethingElseIsNoQemu) {
  EXPECT_EQ(version_in("QEMU emulator version 7.2.22 (Debian 1:7.2)\n"), "7.2.22");
  EXPECT_EQ(version_in("QEMU emulator version 8.0.0\n"), "8.0.0");
  EXPECT_EQ(version_in("bash: command not found"), "");
}

TEST(QemuErrors, QemusOwnComplaintIsToldNotItsWarnings) {
  const auto made = tcg(ryzen());
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->emulator.complaint("qemu-system-x86_64: warning: old\nqemu-system-x86_64: no such CPU\n"),
            "no such CPU");
  EXPECT_EQ(made->emulator.complaint("diffvisor agent 1\n"), "");
}

}  // namespace
}  // namespace diffvisor::qemu
