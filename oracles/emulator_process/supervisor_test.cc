// SPDX-License-Identifier: Apache-2.0
// The supervisor against an emulator that misbehaves on request: every item gets its own result, only the guilty die.
#include "oracles/emulator_process/supervisor.h"

#include <signal.h>

#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "oracles/emulator_process/fake_emulator.h"
#include "oracles/emulator_process/run_directory.h"

namespace diffvisor::emulator {
namespace {

constexpr std::uint64_t kAddend = 5;

Batch batch_of(const std::vector<std::uint64_t>& items) {
  Batch b;
  b.count = items.size();
  b.input.resize((1 + items.size()) * 8);
  std::memcpy(b.input.data(), &kAddend, 8);
  std::memcpy(b.input.data() + 8, items.data(), items.size() * 8);
  return b;
}

std::uint64_t result_of(const Batch& b, std::size_t i) {
  std::uint64_t value = 0;
  std::memcpy(&value, &b.results[i * 8], 8);
  return value;
}

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() : directory(*RunDirectory::make(::testing::TempDir())) {
    options.constant = {{fake::kConstant, fake::kConstant + 8}};
    options.hang_cpu = std::chrono::milliseconds(100);
    options.name_hang = [](const GuestMemory& memory) -> std::string_view {
      return *read_value<std::uint64_t>(memory, fake::kStuckMark) != 0 ? "stuck" : "";
    };
    // The constant is in place once the agent answers.
    options.check = [](EmulatorProcess& e) -> Result<void> {
      return e.call(agent::Command::Echo, 0, {}, {}).map([](auto) {});
    };
    start();
  }
  void start() {
    auto started =
        Supervisor::start(fake::spec(DV_FAKE_EMULATOR), {agent::Command::VmxEntry, 8, 8, 8}, options, directory.path());
    EXPECT_TRUE(started) << started.error().text();
    if (started) supervisor = std::move(*started);
  }
  // Runs one batch; the deaths as text, "." for an item with the right result.
  std::string run(const std::vector<std::uint64_t>& items) {
    Batch b = batch_of(items);
    supervisor->submit(b);
    const auto done = supervisor->collect();
    return done ? text_of(b, items) : done.error().text();
  }
  static std::string text_of(const Batch& b, const std::vector<std::uint64_t>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) text += ' ';
      text += !b.deaths[i].empty()                        ? std::string(b.deaths[i])
              : result_of(b, i) == items[i] * 3 + kAddend ? "."
                                                          : "wrong";
    }
    return text;
  }

  RunDirectory directory;
  SupervisorOptions options;
  std::unique_ptr<Supervisor> supervisor;
};

TEST_F(SupervisorTest, GivesEachItemItsResult) {
  EXPECT_EQ(run({1, 2, 3}), ". . .");
  EXPECT_EQ(run({4}), ".");
  EXPECT_EQ(supervisor->counts().starts, 1u);
}

TEST_F(SupervisorTest, KeepsTheOrderOfMoreBatchesThanSlots) {
  std::vector<std::vector<std::uint64_t>> items;
  std::vector<Batch> batches;
  for (std::uint64_t i = 0; i < 3 * agent::kMailboxSlots; ++i)
    batches.push_back(batch_of(items.emplace_back(i + 1, i)));
  for (Batch& b : batches) supervisor->submit(b);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    ASSERT_TRUE(supervisor->collect());
    EXPECT_EQ(text_of(batches[i], items[i]).find_first_not_of(". "), std::string::npos);
  }
}

TEST_F(SupervisorTest, FindsTheOneThatCrashes) {
  EXPECT_EQ(run({1, 2, fake::kCrash, 3, 4}), ". . crash . .");
  EXPECT_EQ(supervisor->counts().deaths_confirmed, 1u);
  EXPECT_EQ(run({5}), ".");
}

TEST_F(SupervisorTest, FindsEveryGuiltyOne) {
  EXPECT_EQ(run({fake::kHang, 1, fake::kCrash, fake::kPanic}), "hang . crash panic_device_seven_is_on_fire");
}

TEST_F(SupervisorTest, NamesAStuckMachine) { EXPECT_EQ(run({1, fake::kStuck}), ". stuck"); }

TEST_F(SupervisorTest, ASleeperHangsToo) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run({1, fake::kSleep, 2}), ". hang .");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));  // the wall bound is 60
}

TEST_F(SupervisorTest, BatchesBehindADeathAreNotLost) {
  Batch first = batch_of({fake::kCrash}), second = batch_of({8, 9});
  supervisor->submit(first);
  supervisor->submit(second);
  ASSERT_TRUE(supervisor->collect());
  ASSERT_TRUE(supervisor->collect());
  EXPECT_EQ(first.deaths[0], "crash");
  EXPECT_EQ(text_of(second, {8, 9}), ". .");
  EXPECT_EQ(supervisor->counts().batches_repeated, 1u);
}

TEST_F(SupervisorTest, BeingKilledByAStrangerIsNobodysFault) {
  EXPECT_EQ(run({1, fake::kKilled, 2}), ". . .");
  EXPECT_EQ(supervisor->counts().deaths_confirmed, 0u);
}

TEST_F(SupervisorTest, BeingKilledForEverIsAnError) {
  EXPECT_EQ(run({1, fake::kAlwaysKilled}), "fake: somebody keeps killing the emulator");
}

TEST_F(SupervisorTest, AKillWhileIdleIsNoticed) {
  EXPECT_EQ(run({1}), ".");
  ::kill(supervisor->emulator().child().pid(), SIGKILL);
  EXPECT_EQ(run({2, 3}), ". .");
}

TEST_F(SupervisorTest, ADeathThatNeedsItsNeighbourIsNotBlamedOnTheItem) {
  EXPECT_EQ(run({7, fake::kCrashAfterSeven, 1}), ". . .");
  EXPECT_EQ(supervisor->counts().deaths_not_repeated, 1u);
}

TEST_F(SupervisorTest, DamageDoesNotReachTheNeighbours) {
  // The damaging item's own result is that of the machine it found.
  EXPECT_EQ(run({1, fake::kDamage, 2, 3}), ". wrong . .");
  EXPECT_GE(supervisor->counts().damaged, 1u);
  EXPECT_EQ(run({4}), ".");
}

TEST_F(SupervisorTest, AnIdleEmulatorSleeps) {
  EXPECT_EQ(run({1}), ".");
  ChildProcess& child = supervisor->emulator().child();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto before = child.cpu_time();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(child.cpu_time(), before);
}

TEST_F(SupervisorTest, AMachineThatFailsItsCheckIsAnError) {
  options.check = [](EmulatorProcess&) -> Result<void> { return fail(ErrorCode::Environment, "fake", "not mine"); };
  const auto started =
      Supervisor::start(fake::spec(DV_FAKE_EMULATOR), {agent::Command::VmxEntry, 8, 8, 8}, options, directory.path());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text(), "fake: not mine");
}

}  // namespace
}  // namespace diffvisor::emulator
