// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/guest_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/agent/mailbox.h"
#include "harness/base/file.h"

namespace diffvisor::emulator {
namespace {

constexpr std::size_t kPage = 4096;

// Host addresses of guest-physical 0, as seen from below and from above the legacy hole: an emulator that allocates
// RAM on first touch has nothing for the hole.
struct Bases {
  std::uint64_t low = 0, high = 0;
};

class ProcessRam : public GuestMemory {
 public:
  ProcessRam(pid_t pid, Bases bases) : pid_(pid), bases_(bases) {}

  Result<void> read(Gpa from, std::span<std::byte> to) const override {
    const iovec local{to.data(), to.size()};
    const iovec remote{address(from), to.size()};
    if (::process_vm_readv(pid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(to.size())) return {};
    return gone("read");
  }
  Result<void> write(Gpa to, std::span<const std::byte> from) override {
    const iovec local{const_cast<std::byte*>(from.data()), from.size()};
    const iovec remote{address(to), from.size()};
    if (::process_vm_writev(pid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(from.size())) return {};
    return gone("write");
  }

 private:
  void* address(Gpa gpa) const {
    return reinterpret_cast<void*>((gpa < agent::kLegacyHole ? bases_.low : bases_.high) + gpa);
  }
  tl::unexpected<Error> gone(const char* what) const {
    return fail(ErrorCode::Environment, fmt::format("process {}", pid_),
                fmt::format("cannot {} its memory: {}", what, std::strerror(errno)));
  }
  pid_t pid_;
  Bases bases_;
};

class SharedRam : public GuestMemory {
 public:
  SharedRam(std::byte* base, std::size_t size) : ram_(base, size) {}
  ~SharedRam() override { ::munmap(ram_.data(), ram_.size()); }
  SharedRam(const SharedRam&) = delete;
  SharedRam& operator=(const SharedRam&) = delete;

  Result<void> read(Gpa from, std::span<std::byte> to) const override {
    if (!inside(from, to.size())) return outside();
    std::memcpy(to.data(), &ram_[from], to.size());
    return {};
  }
  Result<void> write(Gpa to, std::span<const std::byte> from) override {
    if (!inside(to, from.size())) return outside();
    std::memcpy(&ram_[to], from.data(), from.size());
    return {};
  }

 private:
  bool inside(Gpa a, std::size_t n) const { return n <= ram_.size() && a <= ram_.size() - n; }
  static tl::unexpected<Error> outside() { return fail(ErrorCode::Usage, "guest memory", "address outside RAM"); }
  std::span<std::byte> ram_;
};

struct Mapping {
  std::uint64_t begin, end;
};

// Writable mappings that can hold the RAM, and not those that are far larger, such as a sanitizer's shadow.
Result<std::vector<Mapping>> large_mappings(pid_t pid, std::size_t ram_bytes) {
  const auto text = read_file(fmt::format("/proc/{}/maps", pid));
  if (!text) return tl::unexpected<Error>(text.error());
  std::vector<Mapping> found;
  for (std::size_t at = 0; at < text->size(); at = text->find('\n', at) + 1) {
    unsigned long begin = 0, end = 0;
    char rights[5] = {};
    if (std::sscanf(text->c_str() + at, "%lx-%lx %4s", &begin, &end, rights) == 3 && rights[1] == 'w' &&
        end - begin + (agent::kLegacyHoleEnd - agent::kLegacyHole) >= ram_bytes && end - begin <= 8 * ram_bytes)
      found.push_back({begin, end});
    if (text->find('\n', at) == std::string::npos) break;
  }
  return found;
}

constexpr std::size_t kMarksAtOnce = 512;

// The last qword of `n` pages, `stride` bytes apart. Errors are reported through errno, as by the system call.
bool read_marks(pid_t pid, std::uint64_t first_page, std::size_t n, std::size_t stride, std::uint64_t* marks) {
  std::array<iovec, kMarksAtOnce> remote;
  for (std::size_t i = 0; i < n; ++i) remote[i] = {reinterpret_cast<void*>(first_page + i * stride + kPage - 8), 8};
  const iovec local{marks, n * 8};
  return ::process_vm_readv(pid, &local, 1, remote.data(), n, 0) == static_cast<ssize_t>(n * 8);
}

// Whether the blocks first .. end-1 carry their marks when guest-physical 0 is at `base`.
bool marks_agree(pid_t pid, std::uint64_t base, std::size_t first, std::size_t end) {
  std::vector<std::uint64_t> marks(end - first);
  for (std::size_t block = first; block < end; block += kMarksAtOnce) {
    const std::size_t n = std::min(kMarksAtOnce, end - block);
    const std::uint64_t page = base + (block + 1) * agent::kBlockBytes - kPage;
    if (!read_marks(pid, page, n, agent::kBlockBytes, &marks[block - first])) return false;
  }
  for (std::size_t block = first; block < end; ++block)
    if (marks[block - first] != (agent::kBlockMark | block)) return false;
  return true;
}

constexpr std::size_t kHoleFirst = agent::kLegacyHole / agent::kBlockBytes;
constexpr std::size_t kHoleEnd = agent::kLegacyHoleEnd / agent::kBlockBytes;

// Both bases, given a candidate for the high one; zeros if the marks say no.
Bases verified_bases(pid_t pid, std::uint64_t high, std::size_t blocks) {
  if (!marks_agree(pid, high, kHoleEnd, blocks)) return {};
  for (std::size_t missing = 0; missing <= kHoleEnd - kHoleFirst; ++missing) {
    const std::uint64_t low = high + missing * agent::kBlockBytes;
    if (marks_agree(pid, low, 0, kHoleFirst)) return {low, high};
  }
  return {};
}

// RAM is page-aligned in every emulator we know, so a mark ends a page.
Bases find_in(pid_t pid, const Mapping& m, std::size_t ram_bytes) {
  const std::size_t blocks = ram_bytes / agent::kBlockBytes;
  std::array<std::uint64_t, kMarksAtOnce> marks;
  for (std::uint64_t page = m.begin; page < m.end; page += kMarksAtOnce * kPage) {
    const std::size_t n = std::min<std::size_t>(kMarksAtOnce, (m.end - page) / kPage);
    if (!read_marks(pid, page, n, kPage, marks.data())) {
      if (errno == EPERM) return {};
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (marks[i] != (agent::kBlockMark | (blocks - 1))) continue;
      const Bases bases = verified_bases(pid, page + (i + 1) * kPage - ram_bytes, blocks);
      if (bases.high != 0) return bases;
    }
  }
  return {};
}

tl::unexpected<Error> no_permission(pid_t pid, const std::string& detail) {
  return fail(ErrorCode::Environment, fmt::format("process {}", pid),
              fmt::format("cannot read its memory: {} (ptrace is restricted: see kernel.yama.ptrace_scope, or the "
                          "container's seccomp profile)",
                          detail));
}

}  // namespace

Result<std::unique_ptr<GuestMemory>> find_process_ram(pid_t pid, std::size_t ram_bytes) {
  const auto mappings = large_mappings(pid, ram_bytes);
  if (!mappings) return no_permission(pid, mappings.error().detail);
  errno = 0;
  for (const Mapping& m : *mappings)
    if (const Bases bases = find_in(pid, m, ram_bytes); bases.high != 0)
      return std::make_unique<ProcessRam>(pid, bases);
  if (errno == EPERM) return no_permission(pid, std::strerror(errno));
  return fail(ErrorCode::Environment, fmt::format("process {}", pid), "guest RAM not found in one piece");
}

Result<std::unique_ptr<GuestMemory>> map_shared_ram(const std::filesystem::path& file, std::size_t ram_bytes) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  std::error_code error;
  if (fd < 0 || std::filesystem::file_size(file, error) != ram_bytes || error) {
    if (fd >= 0) ::close(fd);
    return fail(ErrorCode::Environment, file.string(), fmt::format("not a RAM file of {} bytes", ram_bytes));
  }
  void* base = ::mmap(nullptr, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (base == MAP_FAILED)
    return fail(ErrorCode::Environment, file.string(), fmt::format("cannot map: {}", std::strerror(errno)));
  return std::make_unique<SharedRam>(static_cast<std::byte*>(base), ram_bytes);
}

}  // namespace diffvisor::emulator
