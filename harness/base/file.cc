// SPDX-License-Identifier: Apache-2.0
#include "harness/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace diffvisor {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

tl::unexpected<Error> io_error(const std::filesystem::path& path, std::string_view what, int error) {
  return fail(ErrorCode::Io, path.string(), fmt::format("{}: {}", what, std::strerror(error)));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// A device, a pipe or a terminal cannot be replaced: it takes the bytes as they come.
Result<void> write_into(const std::filesystem::path& path, std::string_view content) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0 || !write_all(fd.get(), content)) return io_error(path, "cannot write", errno);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return io_error(path, "cannot read", errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) return io_error(path, "cannot read", EISDIR);
  std::string content;
  std::array<char, 1 << 16> piece;
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "cannot read", errno);
    if (n == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(n));
    if (content.size() > limit)
      return fail(ErrorCode::Format, path.string(), fmt::format("larger than {} bytes", limit));
  }
}

Result<void> write_file_atomically(const std::filesystem::path& wanted, std::string_view content) {
  std::error_code ec;
  const auto type = std::filesystem::status(wanted, ec).type();
  const bool exists = !ec && type != std::filesystem::file_type::not_found;
  if (exists && type != std::filesystem::file_type::regular && type != std::filesystem::file_type::directory)
    return write_into(wanted, content);
  const std::filesystem::path path =
      std::filesystem::is_symlink(wanted, ec) && exists ? std::filesystem::canonical(wanted, ec) : wanted;
  const std::string temporary = fmt::format("{}.tmp.{}", path.string(), ::getpid());
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.get() < 0) return io_error(path, "cannot write", errno);
  const bool written = write_all(fd.get(), content) && ::fsync(fd.get()) == 0;
  int error = written ? 0 : errno;
  if (fd.close() != 0 && written) error = errno;
  const bool complete = written && error == 0;
  if (complete && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (complete) error = errno;
  ::unlink(temporary.c_str());
  return io_error(path, "cannot write", error);
}

}  // namespace diffvisor
