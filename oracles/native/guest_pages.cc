// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/guest_pages.h"

#include <cstring>

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kPresent = 1, kWrite = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80;
constexpr u64 kNx = u64{1} << 63;
constexpr u64 kFrame = 0x000ffffffffff000;
constexpr u64 kAboveAnyCpu = u64{1} << 51;  // the background's reserved bit; no profile has so many address bits

u64 entry_at(u64 gpa) {
  u64 entry;
  std::memcpy(&entry, background() + gpa, 8);
  return entry;
}

// Bits of a large page's frame number below its size, without the PAT bit.
bool is_reserved(u64 entry, unsigned shift, bool large) {
  const u64 low = large ? ((u64{1} << shift) - 1) & ~u64{0x1fff} : 0;
  return (entry & (low | kAboveAnyCpu)) != 0;
}

}  // namespace

const std::uint8_t* background() {
  static const std::vector<std::uint8_t> image = [] {
    std::vector<std::uint8_t> ram(kRamEnd);
    write_background(ram.data());
    return ram;
  }();
  return image.data();
}

Page user_page(u64 linear) {
  Page page;
  u64 rights = kWrite | kUser, table = kPml4;
  bool used = true, execute = true;
  for (unsigned shift = 39;; shift -= 9) {
    const u64 entry = entry_at(table + (linear >> shift & 0x1ff) * 8);
    const u64 offset = linear & ((u64{1} << shift) - 1);
    page.bytes_left = (u64{1} << shift) - offset;
    if ((entry & kPresent) == 0) return page;
    const bool large = (shift == 30 || shift == 21) && (entry & kLarge) != 0;
    rights &= entry;
    execute = execute && (entry & kNx) == 0;
    if (is_reserved(entry, shift, large)) {
      page.kind = Page::kReserved;
      return page;
    }
    used = used && (entry & kAccessed) != 0;
    if (shift == 12 || large) {
      page.kind = Page::kMapped;
      page.user = (rights & kUser) != 0;
      page.write = (rights & kWrite) != 0;
      page.execute = execute;
      page.used = used && (!page.write || (entry & kDirty) != 0);
      page.gpa = (entry & kFrame & ~((u64{1} << shift) - 1)) + offset;
      return page;
    }
    table = entry & kFrame;
  }
}

std::vector<Region> regions_to_map() {
  std::vector<Region> regions;
  for (u64 linear = 0; linear < u64{1} << 47;) {
    const Page p = user_page(linear);
    const bool map = p.user_may(false, false) && p.in_ram() && p.used;
    if (!map) {
      linear += p.kind == Page::kMapped && p.in_ram() ? kPage : p.bytes_left;
      continue;
    }
    Region* last = regions.empty() ? nullptr : &regions.back();
    if (last != nullptr && last->linear + last->bytes == linear && last->gpa + last->bytes == p.gpa &&
        last->write == p.write && last->execute == p.execute) {
      last->bytes += kPage;
    } else {
      regions.push_back({linear, kPage, p.gpa, p.write, p.execute});
    }
    linear += kPage;
  }
  return regions;
}

}  // namespace diffvisor::native
