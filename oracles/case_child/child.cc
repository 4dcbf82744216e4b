// SPDX-License-Identifier: Apache-2.0
#include "oracles/case_child/child.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace diffvisor::case_child {
namespace {

constexpr std::size_t kAlign = 4096;
constexpr std::chrono::seconds kForEver{1000000};

std::size_t round_up(std::size_t n) { return (n + kAlign - 1) & ~(kAlign - 1); }

void* futex_word(std::atomic<std::uint32_t>& word) { return static_cast<void*>(&word); }

void be_nobody_elses(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before prctl
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s = 1; s < 32; ++s) ::signal(s, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd)
    if (null < 0 || ::dup2(null, fd) < 0) ::_exit(1);
  ::close_range(3, ~0u, 0);
}

}  // namespace

void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t seen, std::chrono::nanoseconds limit) {
  const timespec t{limit.count() / 1000000000, limit.count() % 1000000000};
  ::syscall(SYS_futex, futex_word(word), FUTEX_WAIT, seen, &t, nullptr, 0);
}

void wake(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, futex_word(word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

bool Child::share_memory(const Spec& spec) {
  case_area_ = round_up(spec.most_cases * spec.case_bytes);
  piece_bytes_ = case_area_ + round_up(spec.most_cases * spec.result_bytes);
  bytes_ = kAlign + kPieces * piece_bytes_;
  void* p = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  static_assert(sizeof(Shared) <= kAlign);
  shared_ = new (p) Shared{};
  area_ = static_cast<std::byte*>(p) + kAlign;
  return true;
}

std::unique_ptr<Child> Child::fork(const Spec& spec) {
  std::unique_ptr<Child> child(new Child);
  if (!child->share_memory(spec)) return nullptr;
  std::binary_semaphore forked{0};
  int error = 0;
  const pid_t parent = ::getpid();
  child->keeper_ = std::thread([&, self = child.get()] {
    const pid_t pid = ::fork();
    if (pid == 0) self->become_child(spec, parent);
    error = pid < 0 ? errno : 0;
    self->pid_ = pid;
    forked.release();
    self->release_.acquire();
  });
  forked.acquire();
  errno = error;
  return error == 0 ? std::move(child) : nullptr;
}

Child::~Child() {
  if (pid_ > 0 && !ended()) {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  if (keeper_.joinable()) {
    release_.release();
    keeper_.join();
  }
  if (shared_ != nullptr) ::munmap(shared_, bytes_);
}

std::optional<int> Child::ended() {
  int status = 0;
  if (!status_ && pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

void Child::kill() { ::kill(pid_, SIGKILL); }

std::chrono::nanoseconds Child::cpu_time() const {
  clockid_t clock;
  timespec t{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

// ---- in the child

void Child::become_child(const Spec& spec, pid_t parent) {
  be_nobody_elses(parent);
  const std::unique_ptr<Server> server = spec.make_server();
  if (const char* why = server->start(); why != nullptr) {
    std::snprintf(shared_->reason, sizeof shared_->reason, "%s", why);
    shared_->state = 2;
    wake(shared_->state);
    ::_exit(0);
  }
  shared_->state = 1;
  wake(shared_->state);
  serve_for_ever(spec, *server);
  ::_exit(0);
}

void Child::serve_for_ever(const Spec& spec, Server& server) {
  for (std::uint32_t next = 0;; ++next) {
    while (shared_->posted == next) wait_while(shared_->posted, next, kForEver);
    const std::size_t count = std::min<std::size_t>(shared_->count[next % kPieces], spec.most_cases);
    shared_->cursor = 0;
    server.serve({cases(next), results(next), count, &shared_->cursor});
    shared_->answered = next + 1;
    wake(shared_->answered);
  }
}

}  // namespace diffvisor::case_child
