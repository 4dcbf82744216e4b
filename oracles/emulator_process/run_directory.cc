// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/run_directory.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace diffvisor::emulator {
namespace {

constexpr std::string_view kPrefix = "diffvisor.";
constexpr const char* kLockName = "lock";
constexpr const char* kKeepName = "keep";

// The lock of a live directory, or -1. The lock dies with the process that took it.
int take_lock(const std::filesystem::path& directory, int create) {
  const int fd = ::open((directory / kLockName).c_str(), O_RDWR | O_CLOEXEC | create, 0600);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

pid_t owner_of(std::string_view name) {
  pid_t pid = 0;
  name.remove_prefix(kPrefix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end != name.data() + name.size() && *end == '.' ? pid : 0;
}

// Without a lock file the owner may be between mkdir and open: then its pid decides.
bool is_abandoned(const std::filesystem::path& directory) {
  std::error_code ignored;
  if (std::filesystem::exists(directory / kKeepName, ignored)) return false;
  if (std::filesystem::exists(directory / kLockName, ignored)) {
    const int lock = take_lock(directory, 0);
    if (lock >= 0) ::close(lock);
    return lock >= 0;
  }
  const pid_t owner = owner_of(directory.filename().string());
  return owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH;
}

bool is_usable(const char* directory) {
  return directory != nullptr && *directory == '/' && ::access(directory, W_OK | X_OK) == 0;
}

}  // namespace

std::filesystem::path default_run_parent() {
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"})
    if (const char* directory = std::getenv(name); is_usable(directory)) return directory;
  std::error_code ignored;
  const std::filesystem::path fallback = std::filesystem::temp_directory_path(ignored);
  return fallback.empty() ? "." : fallback;
}

void sweep_run_directories(const std::filesystem::path& parent) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with(kPrefix) || owner_of(name) == 0 || it->is_symlink(ignored)) continue;
    if (is_abandoned(it->path())) std::filesystem::remove_all(it->path(), ignored);
  }
}

Result<RunDirectory> RunDirectory::make(const std::filesystem::path& parent) {
  static std::atomic<unsigned> number = 0;
  sweep_run_directories(parent);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::filesystem::path path = parent / fmt::format("{}{}.{}", kPrefix, ::getpid(), number++);
    if (::mkdir(path.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return fail(ErrorCode::Environment, path.string(), fmt::format("cannot create: {}", std::strerror(errno)));
    }
    const int lock = take_lock(path, O_CREAT);
    if (lock >= 0) return RunDirectory(path, lock);
  }
  return fail(ErrorCode::Environment, parent.string(), "cannot create a directory for this run");
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), keep_(other.keep_) {}

RunDirectory& RunDirectory::operator=(RunDirectory&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::move(other.path_);
  lock_ = std::exchange(other.lock_, -1);
  keep_ = other.keep_;
  return *this;
}

RunDirectory::~RunDirectory() { remove(); }

void RunDirectory::keep() {
  keep_ = true;
  ::close(::open((path_ / kKeepName).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

void RunDirectory::remove() {
  if (lock_ < 0) return;
  std::error_code ignored;
  if (!keep_) std::filesystem::remove_all(path_, ignored);
  ::close(std::exchange(lock_, -1));
}

}  // namespace diffvisor::emulator
