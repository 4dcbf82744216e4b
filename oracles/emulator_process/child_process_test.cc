// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/child_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "harness/base/file.h"

namespace diffvisor::emulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<ChildProcess> run(const std::string& script) {
  auto child = ChildProcess::spawn({{"sh", "-c", script}, {"DV_TEST=seen"}, "/"});
  EXPECT_TRUE(child) << child.error().text();
  return child ? std::move(*child) : nullptr;
}

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

// Gone, or a zombie that somebody else has to reap.
bool comes_to_an_end(pid_t pid) {
  for (int i = 0; i < 400; ++i) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (!stat || stat->find(") Z ") != std::string::npos) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

TEST(ChildProcess, GathersOutputAndExitCode) {
  const auto child = run("echo out; echo err >&2; echo $DV_TEST; pwd; exit 7");
  const auto& end = child->wait_for_end(seconds(10));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 7);
  EXPECT_EQ(end->signal, 0);
  EXPECT_EQ(child->console(), "out\nerr\nseen\n/\n");
}

TEST(ChildProcess, TellsOfASignal) {
  const auto child = run("kill -SEGV $$");
  const auto& end = child->wait_for_end(seconds(10));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGSEGV);
}

TEST(ChildProcess, HasNoInputAndNoDescriptorOfOurs) {
  const int ours = ::dup(1);  // not close-on-exec
  const auto child = run("cat; ls /proc/self/fd | wc -l");
  ASSERT_TRUE(child->wait_for_end(seconds(10)));
  ::close(ours);
  EXPECT_EQ(child->console(), "4\n");  // 0, 1, 2 and the directory that ls reads
}

TEST(ChildProcess, MissingBinaryIsAnErrorWithItsName) {
  const auto child = ChildProcess::spawn({{"no-such-emulator"}, {}, "/"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ErrorCode::Environment);
  EXPECT_EQ(child.error().text(), "no-such-emulator: cannot run: No such file or directory");
}

TEST(ChildProcess, DiesWithItsObject) {
  pid_t pid = 0;
  {
    const auto child = run("exec sleep 1000");
    pid = child->pid();
    EXPECT_TRUE(is_alive(pid));
  }
  EXPECT_FALSE(is_alive(pid));
}

TEST(ChildProcess, OutlivesTheThreadThatSpawnedIt) {
  std::unique_ptr<ChildProcess> child;
  std::thread([&] { child = run("exec sleep 1000"); }).join();
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_FALSE(child->ended());
}

TEST(ChildProcess, DiesWhenWeAreKilled) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto child = ChildProcess::spawn({{"sleep", "1000"}, {}, "/"});
    const pid_t pid = child ? (*child)->pid() : 0;
    if (::write(report[1], &pid, sizeof pid) < 0) ::_exit(1);
    ::raise(SIGKILL);
  }
  pid_t grandchild = 0;
  ASSERT_EQ(::read(report[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  ASSERT_GT(grandchild, 0);
  EXPECT_TRUE(comes_to_an_end(grandchild));
  ::close(report[0]);
  ::close(report[1]);
}

TEST(ChildProcess, APausedOneUsesNoProcessorTime) {
  const auto child = run("while :; do :; done");
  std::this_thread::sleep_for(milliseconds(50));
  child->pause();
  // The signal takes effect when the child is next scheduled, which a loaded machine may put off.
  auto before = child->cpu_time();
  for (int i = 0; i < 500; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    const auto now = child->cpu_time();
    if (now == before) break;
    before = now;
  }
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(child->cpu_time(), before);
  child->resume();
  for (int i = 0; i < 200 && child->cpu_time() == before; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_GT(child->cpu_time(), before);
}

}  // namespace
}  // namespace diffvisor::emulator
