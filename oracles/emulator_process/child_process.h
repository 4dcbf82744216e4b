// SPDX-License-Identifier: Apache-2.0
// A child that cannot outlive us: killed by the destructor, and by the kernel if we die without one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "harness/base/result.h"

namespace diffvisor::emulator {

struct ChildSpec {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH
  std::vector<std::string> environment;  // NAME=value, in addition to ours
  std::filesystem::path directory;       // its working directory
};

struct ChildEnd {
  int exit_code = 0;  // meaningful when signal is 0
  int signal = 0;
};

// stdin is /dev/null, stdout and stderr are one pipe, no other descriptor of ours is open in it, its process group
// is its own (so a terminal's ^C does not reach it) and it dumps no core.
class ChildProcess {
 public:
  static Result<std::unique_ptr<ChildProcess>> spawn(const ChildSpec& spec);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // How it ended, once it has.
  const std::optional<ChildEnd>& ended();
  // Waits that long for its end.
  const std::optional<ChildEnd>& wait_for_end(std::chrono::milliseconds limit);
  // Somebody killed it; nothing that it ran does that.
  bool was_killed();
  void kill();

  // A stopped child burns no time; its memory stays readable and writable.
  void pause();
  void resume();

  // Processor time it has used, for watchdogs that a busy machine does not disturb; 0 when it has ended.
  std::chrono::nanoseconds cpu_time() const;

  // Whether every thread of it waits for something. One that only waits for its turn does not, however loaded the
  // machine.
  bool is_asleep() const;

  // Everything it printed, the last 64 KiB of it.
  const std::string& console();
  // Waits for more output or the end of it.
  void wait_for_output(std::chrono::milliseconds limit);

 private:
  ChildProcess() = default;
  void read_console();

  pid_t pid_ = -1;
  int console_fd_ = -1;
  std::string console_;
  std::optional<ChildEnd> end_;
  bool paused_ = false;
  // PDEATHSIG is sent when the thread that forked ends, not the process: this one lives as long as the object.
  std::thread keeper_;
  std::binary_semaphore release_{0};
};

}  // namespace diffvisor::emulator
