// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/guest_ram.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "oracles/unicorn/linear_map.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kAddressBits = 0x000ffffffffff000;

u64 read8(const std::uint8_t* ram, u64 address) {
  u64 value;
  std::memcpy(&value, ram + address, 8);
  return value;
}

// The outermost level of a walk (SDM 3A 4.3 to 4.5).
struct Levels {
  unsigned first_shift, entry_bytes;
  u64 table;
};
Levels levels_of(const Paging& p) {
  const bool pae = p.cr4 >> cr4::PAE & 1, wide = p.efer >> efer::LMA & 1;
  if (!pae) return {22, 4, p.cr3 & 0xfffff000};
  if (!wide) return {30, 8, p.cr3 & 0xffffffe0};
  return {p.cr4 >> cr4::LA57 & 1 ? 48u : 39u, 8, p.cr3 & kAddressBits};
}

struct Walked {
  enum Kind { Mapped, Absent, NoTable } kind;
  u64 physical;
};

// Visits the entries that lead to `linear`, as `ram` has them.
template <class Visit>
Walked walk(const std::uint8_t* ram, const Paging& p, u64 linear, const Visit& visit) {
  const Levels l = levels_of(p);
  const bool legacy = l.entry_bytes == 4, wide = p.efer >> efer::LMA & 1;
  const unsigned index_bits = legacy ? 10 : 9;
  u64 table = l.table;
  for (unsigned shift = l.first_shift;; shift -= index_bits) {
    const u64 address = table + (linear >> shift & ((u64{1} << index_bits) - 1)) * l.entry_bytes;
    if (address >= kRamEnd) return {Walked::NoTable, 0};
    visit(address);
    u64 entry = read8(ram, address & ~u64{7});
    if (legacy) entry = (address & 4) != 0 ? entry >> 32 : entry & 0xffffffff;
    if ((entry & 1) == 0) return {Walked::Absent, 0};
    const bool may_be_large = legacy ? shift == 22 && (p.cr4 >> cr4::PSE & 1) : shift == 21 || (wide && shift == 30);
    const u64 offset_mask = (u64{1} << shift) - 1;
    if (shift == 12 || (may_be_large && (entry & 0x80) != 0))
      return {Walked::Mapped, (entry & kAddressBits & ~offset_mask) | (linear & offset_mask)};
    table = entry & kAddressBits;
  }
}

}  // namespace

void GuestRam::Free::operator()(std::uint8_t* p) const { std::free(p); }

GuestRam::Buffer GuestRam::make_buffer() {
  Buffer b(static_cast<std::uint8_t*>(std::aligned_alloc(kPage, kRamEnd)));
  std::memset(b.get(), 0, kRamEnd);
  write_background(b.get());
  return b;
}

GuestRam::GuestRam(std::uint8_t* ram) : ram_(ram), loaded_(make_buffer()), background_(make_buffer()) {
  write_background(ram);
}

void GuestRam::write(u64 address, const void* bytes, std::size_t count) {
  if (address > kRamEnd - count) return;
  std::memcpy(ram_ + address, bytes, count);
  std::memcpy(loaded_.get() + address, bytes, count);
  written_.push_back({address, count});
}

void GuestRam::load(const WireCase& c) {
  for (unsigned i = 0; i < kPatches; ++i)
    if (c.v[PatchAddress + i] != 0) write(c.v[PatchAddress + i], &c.v[PatchValue + i], 8);
  write(c.v[CodeAddress], c.code, std::min<std::size_t>(c.code_bytes, kMostCode));
}

void GuestRam::unload() {
  for (const MemoryChange& m : changes_) std::memcpy(ram_ + m.address, background_.get() + m.address, 8);
  for (const Range& r : written_) {
    std::memcpy(ram_ + r.address, background_.get() + r.address, r.bytes);
    std::memcpy(loaded_.get() + r.address, background_.get() + r.address, r.bytes);
  }
  changes_.clear();
  written_.clear();
}

bool GuestRam::is_background() const { return std::memcmp(ram_, background_.get(), kRamEnd) == 0; }

void GuestRam::compare_qword(u64 address) {
  const u64 now = read8(ram_, address);
  if (now != read8(loaded_.get(), address)) changes_.push_back({address, now});
}

void GuestRam::compare_everything() {
  changes_.clear();
  for (u64 page = 0; page < kRamEnd; page += kPage) {
    if (std::memcmp(ram_ + page, loaded_.get() + page, kPage) == 0) continue;
    for (u64 a = page; a < page + kPage; a += 8) compare_qword(a);
  }
}

// Adds the pages in which tables for `linear` lie; false if some are outside RAM, where Unicorn may see an alias of it.
bool GuestRam::compare_tables(const Paging& paging, u64 linear, u64& tables) {
  const Walked walked = walk(loaded_.get(), paging, linear, [&](u64 address) {
    tables |= u64{1} << address / kPage;
    compare_qword(address & ~u64{7});
  });
  return walked.kind != Walked::NoTable;
}

std::span<const MemoryChange> GuestRam::find_changes(const Accesses& a, const Paging& paging, bool unusual) {
  changes_.clear();
  u64 stored = 0, tables = 0;
  for (const u64 linear : a.stores())
    if (const auto address = ram_behind(linear)) compare_qword(*address);
  for (const MemoryChange& m : changes_) stored |= u64{1} << m.address / kPage;
  if (paging.is_on())
    for (const u64 page : a.pages()) unusual |= !compare_tables(paging, page, tables);
  // A store into tables: later walks may have seen others than these.
  walks_known_ = !unusual && !a.overflow() && (stored & tables) == 0;
  if (!walks_known_) {
    compare_everything();
  } else if (changes_.size() > 1) {
    const auto by_address = [](const MemoryChange& x, const MemoryChange& y) { return x.address < y.address; };
    std::sort(changes_.begin(), changes_.end(), by_address);
    const auto same = [](const MemoryChange& x, const MemoryChange& y) { return x.address == y.address; };
    changes_.erase(std::unique(changes_.begin(), changes_.end(), same), changes_.end());
  }
  return changes_;
}

GuestRam::Place GuestRam::place_of(const Paging& paging, u64 linear) const {
  const auto seen = ram_behind(linear);
  Walked walked{Walked::Mapped, linear & 0xffffffff};
  if (paging.is_on()) walked = walk(loaded_.get(), paging, linear, [](u64) {});
  if (walked.kind == Walked::Absent) return Place::Absent;
  if (walked.kind == Walked::NoTable) return Place::NoTable;
  if (walked.physical >= kRamEnd) return Place::NoMemory;
  return seen == walked.physical ? Place::Seen : Place::Elsewhere;
}

std::size_t GuestRam::read_code(u64 linear, std::span<std::uint8_t> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto address = ram_behind(linear + done);
    if (!address) break;
    const std::size_t n = std::min<std::size_t>(out.size() - done, kPage - (*address & (kPage - 1)));
    std::memcpy(out.data() + done, ram_ + *address, n);
    done += n;
  }
  return done;
}

}  // namespace diffvisor::unicorn
