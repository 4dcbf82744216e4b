// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/unicorn.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/file.h"
#include "oracles/unicorn/test_cases.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;

Case to_case(const WireCase& w) {
  Case c = golden_case(schema());
  std::memcpy(c.v.data(), w.v, sizeof w.v);
  c.areas.assign(1, {});
  c.areas[0].resize(w.code_bytes);
  std::memcpy(c.areas[0].data(), w.code, w.code_bytes);
  return c;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto stat = read_file(entry.path() / "stat");
    const std::size_t name_end = stat ? stat->rfind(") ") : std::string::npos;
    if (name_end == std::string::npos) continue;
    if (std::stoi(stat->substr(name_end + 4)) == parent) found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}

bool is_gone(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
    if (!stat || stat->find(") Z") != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Unicorn, IntroducesItself) {
  auto executor = make_unicorn();
  ASSERT_TRUE(executor) << executor.error().text();
  EXPECT_EQ((*executor)->info().name, "unicorn");
  EXPECT_EQ((*executor)->info().version.substr(0, 4), "2.0.");
  EXPECT_EQ((*executor)->info().trust, Trust::Independent);
  EXPECT_FALSE(make_unicorn({.jobs = 0}));
}

TEST(Unicorn, BatchesComeBackInOrder) {
  auto executor = make_unicorn({.jobs = 2});
  ASSERT_TRUE(executor) << executor.error().text();
  std::vector<std::vector<Case>> batches(kBatchesInFlight);
  std::vector<std::vector<Observation>> out(kBatchesInFlight);
  for (std::size_t b = 0; b < kBatchesInFlight; ++b) {
    for (std::size_t i = 0; i < 300; ++i) {
      batches[b].push_back(to_case(golden_wire(kLong64, {0x48, 0x05, static_cast<std::uint8_t>(i & 0x7f), 0, 0, 0})));
      batches[b].back()[Rax] = 1000 * b;
    }
    out[b].resize(300);
    out[b][7] = incomparable("kept");
    (*executor)->submit(batches[b], out[b]);
  }
  for (std::size_t b = 0; b < kBatchesInFlight; ++b) {
    ASSERT_TRUE((*executor)->collect());
    EXPECT_EQ(out[b][7].reason, "kept");
    for (std::size_t i = 8; i < 300; ++i) ASSERT_EQ(out[b][i].record[Rax - kFirstState], 1000 * b + (i & 0x7f));
  }
}

TEST(Unicorn, AKilledChildIsReplaced) {
  auto executor = make_unicorn();
  ASSERT_TRUE(executor) << executor.error().text();
  const Case nop = to_case(golden_wire(kLong64, {0x90}));
  for (int i = 0; i < 3; ++i) {
    const auto children = children_of(::getpid());
    ASSERT_EQ(children.size(), 1u);
    ::kill(children[0], SIGKILL);
    const auto seen = run_one(**executor, nop);
    ASSERT_TRUE(seen) << seen.error().text();
    EXPECT_EQ(seen->status, Status::Ran);
    EXPECT_EQ(seen->outcome, make_outcome(OutcomeKind::Done));
  }
}

TEST(Unicorn, TheChildDiesWithItsParent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto executor = make_unicorn();
    const auto children = children_of(::getpid());
    const pid_t child = executor && children.size() == 1 ? children[0] : -1;
    if (::write(ends[1], &child, sizeof child) == sizeof child) ::pause();
    ::_exit(0);
  }
  pid_t child = -1;
  ASSERT_EQ(::read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ASSERT_GT(child, 0);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(is_gone(child));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace diffvisor::unicorn
