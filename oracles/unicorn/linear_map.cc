// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/linear_map.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kGigabyte = u64{1} << 30;
constexpr u64 kRegion = kRegionPages * kPage;
constexpr unsigned kLargePages = 4;  // page-directory entries 1 to 4
// The halves that page-map entries repeat, and the directories that show kPd: 1 with PAE, or as one large page.
constexpr u64 kHalves[] = {0, kUpperHalf, kTopHalf};
constexpr u64 kDirectories[] = {0, 1, 3};

constexpr u64 target_of(unsigned w) { return w >= kCodeSupervisor ? kCode : kData; }

// Within one page directory.
std::optional<u64> ram_in_directory(u64 offset) {
  if (offset < kRamEnd) return offset;
  if (offset < window(kWindows)) {
    const u64 in_windows = offset - kVariants;
    return target_of(static_cast<unsigned>(in_windows / kRegion)) + in_windows % kRegion;
  }
  const u64 large = offset / kLargeUser, within = offset % kLargeUser;
  if (large < 1 || large > kLargePages || within >= kRamEnd) return std::nullopt;
  return within;
}

}  // namespace

std::optional<u64> ram_behind(u64 linear) {
  constexpr u64 kHalfBytes = 4 * kGigabyte;
  for (const u64 half : kHalves) {
    if (linear < half || linear - half >= kHalfBytes) continue;
    const u64 offset = linear - half;
    if (offset / kGigabyte == 2) return std::nullopt;
    return ram_in_directory(offset % kGigabyte);
  }
  return std::nullopt;
}

std::span<const u64> view_bases() {
  static constexpr auto kBases = [] {
    std::array<u64, std::size(kHalves) * std::size(kDirectories)> bases{};
    std::size_t n = 0;
    for (const u64 half : kHalves)
      for (const u64 directory : kDirectories) bases[n++] = half + directory * kGigabyte;
    return bases;
  }();
  return kBases;
}

bool View::show(int fd, u64 offset, u64 ram, u64 count) {
  constexpr int kHow = MAP_SHARED | MAP_FIXED;
  return ::mmap(bytes_ + offset, count, PROT_READ | PROT_WRITE, kHow, fd, static_cast<off_t>(ram)) != MAP_FAILED;
}

std::unique_ptr<View> View::make() {
  const int fd = ::memfd_create("ram", MFD_CLOEXEC);
  std::unique_ptr<View> view(new View);
  void* const p =
      ::mmap(nullptr, kViewBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bool good = fd >= 0 && p != MAP_FAILED && ::ftruncate(fd, kRamEnd) == 0;
  if (p != MAP_FAILED) view->bytes_ = static_cast<std::uint8_t*>(p);
  for (unsigned i = 0; good && i <= kLargePages; ++i) good = view->show(fd, i * kLargeUser, 0, kRamEnd);
  for (unsigned w = 0; good && w < kWindows; ++w) good = view->show(fd, window(w), target_of(w), kRegion);
  if (fd >= 0) ::close(fd);
  return good ? std::move(view) : nullptr;
}

View::~View() {
  if (bytes_ != nullptr) ::munmap(bytes_, kViewBytes);
}

}  // namespace diffvisor::unicorn
