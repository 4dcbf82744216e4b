// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "harness/base/file.h"

extern "C" char** environ;

namespace diffvisor::emulator {
namespace {

constexpr std::size_t kConsoleKept = 64 << 10;

struct Pipe {
  int read = -1, write = -1;
  ~Pipe() {
    close_end(read);
    close_end(write);
  }
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  static void close_end(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  return list;
}

// Everything the child needs, made before fork: after it only async-signal-safe calls are allowed.
struct Prepared {
  explicit Prepared(const ChildSpec& spec) : argv(pointers(spec.argv)), directory(spec.directory.c_str()) {
    argv.push_back(nullptr);
    environment = pointers(spec.environment);
    for (char** e = environ; *e != nullptr; ++e) environment.push_back(*e);
    environment.push_back(nullptr);
  }
  std::vector<char*> argv, environment;
  const char* directory;
  pid_t parent = ::getpid();
};

[[noreturn]] void give_up(int failure_fd) {
  const int error = errno;
  if (::write(failure_fd, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

// Runs in the child. `failure_fd` tells the parent an errno if exec does not happen.
[[noreturn]] void become(const Prepared& p, int console_fd, int failure_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != p.parent) ::_exit(1);  // it died before prctl
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int s : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD}) ::signal(s, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(console_fd, 1) < 0 || ::dup2(console_fd, 2) < 0) give_up(failure_fd);
  if (::dup2(failure_fd, 3) < 0) give_up(failure_fd);
  ::fcntl(3, F_SETFD, FD_CLOEXEC);
  ::close_range(4, ~0u, 0);
  if (p.directory[0] != 0 && ::chdir(p.directory) != 0) give_up(3);
  ::execvpe(p.argv[0], p.argv.data(), p.environment.data());
  give_up(3);
}

tl::unexpected<Error> cannot_run(const ChildSpec& spec, int error) {
  return fail(ErrorCode::Environment, spec.argv[0], fmt::format("cannot run: {}", std::strerror(error)));
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::spawn(const ChildSpec& spec) {
  Pipe console, failure;
  if (!console.open() || !failure.open()) return cannot_run(spec, errno);
  const Prepared prepared(spec);
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  std::binary_semaphore forked{0};
  int fork_error = 0;
  child->keeper_ = std::thread([&, self = child.get()] {
    const pid_t pid = ::fork();
    if (pid == 0) become(prepared, console.write, failure.write);
    fork_error = pid < 0 ? errno : 0;
    self->pid_ = pid;
    forked.release();
    self->release_.acquire();
  });
  forked.acquire();
  if (fork_error != 0) return cannot_run(spec, fork_error);
  Pipe::close_end(console.write);
  Pipe::close_end(failure.write);
  int error = 0;
  if (::read(failure.read, &error, sizeof error) == sizeof error) return cannot_run(spec, error);
  child->console_fd_ = std::exchange(console.read, -1);
  ::fcntl(child->console_fd_, F_SETFL, O_NONBLOCK);
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill();
    wait_for_end(std::chrono::hours(1));
  }
  if (console_fd_ >= 0) ::close(console_fd_);
  release_.release();
  if (keeper_.joinable()) keeper_.join();
}

const std::optional<ChildEnd>& ChildProcess::ended() { return wait_for_end(std::chrono::milliseconds(0)); }

const std::optional<ChildEnd>& ChildProcess::wait_for_end(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!end_) {
    int status = 0;
    const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_) {
      end_ = WIFSIGNALED(status) ? ChildEnd{0, WTERMSIG(status)} : ChildEnd{WEXITSTATUS(status), 0};
      read_console();
    } else if (reaped < 0 && errno != EINTR) {
      end_ = ChildEnd{-1, 0};
    } else if (std::chrono::steady_clock::now() >= deadline) {
      break;
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
  return end_;
}

bool ChildProcess::was_killed() {
  const auto& end = wait_for_end(std::chrono::milliseconds(100));  // its pipe closes a little before it is dead
  return end && end->signal == SIGKILL;
}

void ChildProcess::kill() {
  if (!end_) ::kill(pid_, SIGKILL);
}

void ChildProcess::pause() {
  if (end_ || paused_) return;
  ::kill(pid_, SIGSTOP);
  paused_ = true;
}

void ChildProcess::resume() {
  if (end_ || !paused_) return;
  ::kill(pid_, SIGCONT);
  paused_ = false;
}

std::chrono::nanoseconds ChildProcess::cpu_time() const {
  clockid_t clock;
  timespec t{};
  if (end_ || ::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

bool ChildProcess::is_asleep() const {
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_), error)) {
    const auto stat = read_file(task.path() / "stat");
    const std::size_t name_end = stat ? stat->rfind(") ") : std::string::npos;
    if (name_end == std::string::npos || (*stat)[name_end + 2] != 'S') return false;
  }
  return !error;
}

void ChildProcess::read_console() {
  std::array<char, 4096> piece;
  for (;;) {
    const ssize_t n = ::read(console_fd_, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    console_.append(piece.data(), static_cast<std::size_t>(n));
  }
  if (console_.size() > 2 * kConsoleKept) console_.erase(0, console_.size() - kConsoleKept);
}

const std::string& ChildProcess::console() {
  read_console();
  return console_;
}

void ChildProcess::wait_for_output(std::chrono::milliseconds limit) {
  pollfd p{console_fd_, POLLIN, 0};
  ::poll(&p, 1, static_cast<int>(limit.count()));
  read_console();
}

}  // namespace diffvisor::emulator
