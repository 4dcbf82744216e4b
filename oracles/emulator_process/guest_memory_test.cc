// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/guest_memory.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "oracles/emulator_process/fake_emulator.h"
#include "oracles/emulator_process/run_directory.h"

namespace diffvisor::emulator {
namespace {

TEST(SharedRam, TwoMappingsSeeTheSameBytes) {
  const auto directory = RunDirectory::make(::testing::TempDir());
  const auto file = directory->path() / "ram.img";
  std::ofstream(file) << "";
  std::filesystem::resize_file(file, 1 << 20);
  const auto host = map_shared_ram(file, 1 << 20), guest = map_shared_ram(file, 1 << 20);
  ASSERT_TRUE(host && guest);
  ASSERT_TRUE(write_value<std::uint64_t>(**host, 0x12345, 0x1122334455667788));
  EXPECT_EQ(*read_value<std::uint32_t>(**guest, 0x12345), 0x55667788u);
  EXPECT_FALSE(read_value<std::uint64_t>(**guest, (1 << 20) - 4));
  EXPECT_FALSE(write_value<std::uint64_t>(**guest, ~std::uint64_t{0}, 0));
}

TEST(SharedRam, AFileOfAnotherSizeIsAnError) {
  EXPECT_FALSE(map_shared_ram("/proc/self/exe", 64 << 20));
  EXPECT_FALSE(map_shared_ram("/nonexistent", 64 << 20));
}

class ProcessRamTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<EmulatorProcess>> start(const std::string& mode) {
    spec = fake::spec(DV_FAKE_EMULATOR, mode);
    return EmulatorProcess::start(spec, directory->path());
  }
  Result<RunDirectory> directory = RunDirectory::make(::testing::TempDir());
  EmulatorSpec spec;
};

TEST_F(ProcessRamTest, EchoComesBack) {
  auto emulator = start("");
  ASSERT_TRUE(emulator) << emulator.error().text();
  std::vector<std::byte> out(100'000), in(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 7 >> 3);
  for (int i = 0; i < 10; ++i) {  // more than there are slots
    const auto answer = (*emulator)->call(agent::Command::Echo, out.size(), out, in);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(*answer, agent::Answer::Done);
    EXPECT_EQ(in, out);
  }
}

TEST_F(ProcessRamTest, RamThatIsNotInOnePieceIsRefused) {
  const auto emulator = start("torn");
  ASSERT_FALSE(emulator);
  EXPECT_NE(emulator.error().text().find("guest RAM not found in one piece"), std::string::npos);
}

TEST_F(ProcessRamTest, AnotherProtocolIsRefused) {
  const auto emulator = start("stranger");
  ASSERT_FALSE(emulator);
  EXPECT_EQ(emulator.error().text(), "fake: the agent ROM speaks another protocol: rebuild agent.rom");
}

TEST_F(ProcessRamTest, ADeadStartTellsWhatItSaid) {
  const auto emulator = start("dead");
  ASSERT_FALSE(emulator);
  EXPECT_EQ(emulator.error().text(), "fake: ended before the agent was up: exit code 3: no such model");
}

TEST_F(ProcessRamTest, OneKilledWhileItStartsIsStartedAgain) {
  const auto emulator = start("killed");
  ASSERT_TRUE(emulator) << emulator.error().text();
  EXPECT_FALSE((*emulator)->child().ended());
}

TEST_F(ProcessRamTest, OneKilledAtEveryStartIsAnError) { EXPECT_FALSE(start("killed_again")); }

TEST_F(ProcessRamTest, MemoryOfAnEndedProcessIsAnError) {
  auto emulator = start("");
  ASSERT_TRUE(emulator);
  (*emulator)->child().kill();
  ASSERT_TRUE((*emulator)->child().wait_for_end(std::chrono::seconds(10)));
  EXPECT_FALSE(read_value<std::uint64_t>((*emulator)->memory(), 0));
}

}  // namespace
}  // namespace diffvisor::emulator
