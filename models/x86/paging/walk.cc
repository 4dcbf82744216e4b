// SPDX-License-Identifier: Apache-2.0
// SDM 3A 4.3 to 4.8: 32-bit, PAE, 4-level and 5-level paging. Accessed and dirty bits change when the access is
// allowed.
#include "models/x86/paging/walk.h"

#include <algorithm>

namespace diffvisor::x86 {
namespace {

using insn::Pkru;
namespace cr0 = insn::cr0;
namespace cr4 = insn::cr4;
namespace feature = insn::feature;

constexpr u64 kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80;
constexpr u64 kNx = u64{1} << 63;

constexpr u64 mask_of(unsigned high, unsigned low) { return ((u64{2} << high) - 1) & ~((u64{1} << low) - 1); }

struct Entry {
  u64 address, value;
};

struct Walk {
  std::array<Entry, 5> entries;
  unsigned depth = 0;
  unsigned entry_bytes = 8;
  unsigned page_shift = 12;
  u64 rights = kWritable | kUser;  // of all levels together
  bool no_execute = false;
  u64 frame = 0;
  bool absent = false, reserved = false;
  const Entry& leaf() const { return entries[depth - 1]; }
};

void follow(Machine& m, Walk& w, u64 address) {
  if (!m.memory->contains(address, w.entry_bytes)) return m.cannot_judge("no_memory");
  if (!m.walked.read(address, w.entry_bytes)) return m.cannot_judge("stale_translation");
  w.entries[w.depth++] = {address, m.memory->read(address, w.entry_bytes)};
  const u64 entry = w.leaf().value;
  w.absent = (entry & kPresent) == 0;
  w.rights &= entry;
}

// 4 MiB pages carry bits 39:32 of their address in bits 20:13 (PSE-36).
u64 reserved_in_4m_page(const Machine& m) {
  if (!m.has(feature::PSE36)) return mask_of(21, 13);
  const auto width = static_cast<unsigned>(std::min<u64>(40, m.v[insn::CapMaxphyaddr]));
  return width <= 32 ? mask_of(21, 13) : mask_of(21, width - 19);
}

void walk_32_bit(Machine& m, u64 linear, Walk& w) {
  w.entry_bytes = 4;
  follow(m, w, (m.v[insn::Cr3] & 0xfffff000) + (linear >> 22 & 0x3ff) * 4);
  if (!m.ok() || w.absent) return;
  const u64 entry = w.leaf().value;
  if ((entry & kLarge) != 0 && m.cr4(cr4::PSE)) {
    w.page_shift = 22;
    w.reserved = (entry & reserved_in_4m_page(m)) != 0;
    w.frame = (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    return;
  }
  follow(m, w, (entry & 0xfffff000) + (linear >> 12 & 0x3ff) * 4);
  w.frame = w.depth == 2 ? w.leaf().value & 0xfffff000 : 0;
}

u64 physical_mask(const Machine& m) {
  return m.physical_mask() & (m.quirk(Quirk::UnicornWidth) ? mask_of(39, 0) : ~u64{0});
}

u64 address_bits(const Machine& m) { return m.physical_mask() & ~u64{0xfff}; }

// Bits that must be 0 in an entry that maps 2^shift bytes or points to the table that does.
u64 reserved_bits(const Machine& m, unsigned shift, bool large) {
  u64 reserved = mask_of(51, 0) & ~physical_mask(m);
  if (!m.long_mode()) reserved |= mask_of(62, 52);
  if (!m.efer(insn::efer::NXE)) reserved |= kNx;
  if (large) reserved |= shift == 30 ? mask_of(29, 13) : mask_of(20, 13);
  if (shift >= 39 || (shift == 30 && !m.has(feature::PAGE1GB))) reserved |= kLarge;
  return reserved;
}

void walk_wide(Machine& m, u64 linear, u64 table, unsigned shift, Walk& w) {
  for (;; shift -= 9) {
    follow(m, w, table + (linear >> shift & 0x1ff) * 8);
    if (!m.ok() || w.absent) return;
    const u64 entry = w.leaf().value;
    const bool large = shift > 12 && (entry & kLarge) != 0;
    w.reserved = (entry & reserved_bits(m, shift, large && shift < 39)) != 0;
    w.no_execute |= (entry & kNx) != 0;
    if (large && shift == 30) w.page_shift = 30;
    if (w.reserved) return;
    table = entry & address_bits(m);
    if (shift == 12 || large) break;
  }
  w.page_shift = shift;
  w.frame = table & ~((u64{1} << shift) - 1);
}

void walk_pae(Machine& m, u64 linear, Walk& w) {
  if (!m.pdptes_known) {
    // A VM entry would have refused these.
    if (!read_pdptes(m, m.v[insn::Cr3], m.pdpte)) return m.cannot_judge("pdptes_not_loadable");
    m.pdptes_known = true;
  }
  const u64 pdpte = m.pdpte[linear >> 30 & 3];
  w.absent = (pdpte & kPresent) == 0;
  if (!w.absent) walk_wide(m, linear, pdpte & address_bits(m), 21, w);
}

struct Requester {
  bool write, execute, user, explicit_access;
};

u64 key_rights(const Machine& m, const Walk& w) { return m.v[Pkru] >> 2 * (w.leaf().value >> 59 & 0xf); }

bool bochs_key_forbids(const Machine& m, const Walk& w, const Requester& r) {
  const u64 rights = key_rights(m, w);
  return ((rights & 1) != 0 && r.user) || ((rights & 2) != 0 && r.write && (r.user || m.cr0(cr0::WP)));
}

bool key_forbids(const Machine& m, const Walk& w, const Requester& r) {
  if (!m.long_mode() || !m.cr4(cr4::PKE) || r.execute) return false;
  if (m.quirk(Quirk::BochsKeys)) return bochs_key_forbids(m, w, r);
  if ((w.rights & kUser) == 0) return false;
  const u64 rights = key_rights(m, w);
  return (rights & 1) != 0 || ((rights & 2) != 0 && r.write && (r.user || m.cr0(cr0::WP)));
}

bool rights_forbid(const Machine& m, const Walk& w, const Requester& r) {
  const bool user_page = (w.rights & kUser) != 0;
  const bool writable = (w.rights & kWritable) != 0;
  if (r.user && !user_page) return true;
  if (r.execute) return w.no_execute || (!r.user && user_page && m.cr4(cr4::SMEP));
  const bool unicorn_ac = m.quirk(Quirk::UnicornSmap) && m.cpl() != 3;
  const bool ac_counts = r.explicit_access || m.quirk(Quirk::BochsSmap) || unicorn_ac;
  if (!r.user && user_page && m.cr4(cr4::SMAP) && !(ac_counts && m.flag(insn::rflags::AC))) return true;
  return r.write && !writable && (r.user || m.cr0(cr0::WP));
}

PageFault judge(const Machine& m, const Walk& w, const Requester& r) {
  const bool execute_bit = r.execute && (m.cr4(cr4::SMEP) || (m.cr4(cr4::PAE) && m.efer(insn::efer::NXE)));
  const u32 access = (r.write ? 2u : 0u) | (r.user ? 4u : 0u) | (execute_bit ? 0x10u : 0u);
  if (w.absent) return {true, access, Cause::PageAbsent};
  if (w.reserved) return {true, access | 9, Cause::PageReserved};
  const bool key = key_forbids(m, w, r);
  if (rights_forbid(m, w, r)) return {true, access | (key ? 0x21u : 1u), Cause::PageProtection};
  if (key) return {true, access | 0x21, Cause::PageKey};
  return {};
}

void mark_used(Machine& m, const Walk& w, unsigned entries) {
  for (unsigned i = 0; i < entries; ++i) {
    const u64 now = m.memory->read(w.entries[i].address, w.entry_bytes);
    if ((now & kAccessed) == 0) m.memory->write(w.entries[i].address, w.entry_bytes, now | kAccessed);
  }
}

void mark(Machine& m, const Walk& w, bool write) {
  for (unsigned i = 0; i < w.depth; ++i) {
    const u64 used = kAccessed | (write && i + 1 == w.depth ? kDirty : 0);
    const Entry& e = w.entries[i];
    // Read again: the same entry may serve two levels.
    const u64 now = m.memory->read(e.address, w.entry_bytes);
    if ((now & used) != used) m.memory->write(e.address, w.entry_bytes, now | used);
  }
}

bool is_write(const Machine& m, Access a) {
  return a == Access::Write || (a == Access::ReadForWrite && !m.quirk(Quirk::RmwPfW));
}

void walk_tables(Machine& m, u64 linear, Walk& w) {
  const u64 root = m.v[insn::Cr3] & address_bits(m);
  if (m.long_mode()) return walk_wide(m, linear, root, m.cr4(cr4::LA57) ? 48 : 39, w);
  if (pae_paging(m)) return walk_pae(m, linear, w);
  walk_32_bit(m, linear, w);
}

// Entries whose accessed bit Unicorn sets though the access faults: those above the one it stops at, and that of a
// 1 GiB page too if only its mapping is at fault.
unsigned unicorn_marked(const Machine& m, const Walk& w) {
  const bool mapped = w.page_shift == 30 && !w.absent && (w.leaf().value & reserved_bits(m, 30, false)) == 0;
  return mapped ? w.depth : w.depth - 1;
}

// Where an access lies: its bytes up to the end of the first page, and the rest.
struct Place {
  u64 first = 0, second = 0;
  unsigned first_bytes = 0;
};

u64 next_page(const Machine& m, u64 linear, Rights rights) {
  const u64 next = (linear | 0xfff) + 1;
  const bool wide = rights == Rights::Implicit ? m.long_mode() : m.code64();
  return wide ? next : next & 0xffffffff;
}

u64 find(Machine& m, u64 linear, Access a, Rights rights, Bits bits = Bits::Update) {
  PageFault fault;
  const u64 physical = walk(m, linear, a, rights, bits, fault);
  if (fault.raised) m.raise_page_fault(linear, fault.error_code, fault.cause);
  return m.ok() ? physical : 0;
}

Place find_range(Machine& m, u64 linear, unsigned bytes, Access a, Rights rights, Bits bits = Bits::Update) {
  Place p;
  p.first_bytes = static_cast<unsigned>(std::min<u64>(bytes, 0x1000 - (linear & 0xfff)));
  p.first = find(m, linear, a, rights, bits);
  if (p.first_bytes < bytes && m.ok()) p.second = find(m, next_page(m, linear, rights), a, rights, bits);
  return p;
}

}  // namespace

bool pae_paging(const Machine& m) { return m.cr0(cr0::PG) && m.cr4(cr4::PAE) && !m.long_mode(); }

bool read_pdptes(Machine& m, u64 cr3, std::array<u64, 4>& out) {
  const u64 table = cr3 & 0xffffffe0;
  const u64 reserved = (~physical_mask(m) | mask_of(8, 5) | mask_of(2, 1)) & ~u64{0};
  for (unsigned i = 0; i < 4; ++i) {
    if (!m.memory->contains(table + 8 * i, 8)) return m.cannot_judge("no_memory"), false;
    out[i] = m.memory->read(table + 8 * i, 8);
    if ((out[i] & kPresent) != 0 && (out[i] & reserved) != 0) return false;
  }
  return true;
}

u64 walk(Machine& m, u64 linear, Access a, Rights rights, Bits bits, PageFault& fault) {
  if (!m.ok()) return 0;
  u64 physical = linear & (m.long_mode() ? ~u64{0} : 0xffffffff);
  if (m.cr0(cr0::PG)) {
    Walk w;
    walk_tables(m, linear, w);
    if (!m.ok()) return 0;
    const bool explicit_access = rights == Rights::Current;
    const Requester r = {is_write(m, a), a == Access::Execute, explicit_access && m.cpl() == 3, explicit_access};
    fault = judge(m, w, r);
    if (fault.raised) {
      if (m.quirk(Quirk::UnicornWalk) && w.depth != 0) mark_used(m, w, unicorn_marked(m, w));
      return 0;
    }
    if (bits == Bits::Update) mark(m, w, a == Access::Write || a == Access::ReadForWrite);
    physical = w.frame | (linear & ((u64{1} << w.page_shift) - 1));
  }
  if (!m.memory->contains(physical, 1)) m.cannot_judge("no_memory");
  return physical;
}

u64 read_linear(Machine& m, u64 linear, unsigned bytes, Access a, Rights rights, Bits bits) {
  const Place p = find_range(m, linear, bytes, a, rights, bits);
  if (!m.ok()) return 0;
  const u64 value = m.memory->read(p.first, p.first_bytes);
  if (p.first_bytes == bytes) return value;
  return value | m.memory->read(p.second, bytes - p.first_bytes) << 8 * p.first_bytes;
}

void write_linear(Machine& m, u64 linear, unsigned bytes, u64 value, Rights rights) {
  const Place p = find_range(m, linear, bytes, Access::Write, rights);
  if (!m.ok()) return;
  m.store(p.first, p.first_bytes, value);
  if (p.first_bytes < bytes) m.store(p.second, bytes - p.first_bytes, value >> 8 * p.first_bytes);
}

bool would_fault(Machine& m, u64 linear, unsigned bytes, Access a) {
  PageFault fault;
  walk(m, linear, a, Rights::Current, Bits::Leave, fault);
  if (!fault.raised && (linear & 0xfff) + bytes > 0x1000)
    walk(m, next_page(m, linear, Rights::Current), a, Rights::Current, Bits::Leave, fault);
  return fault.raised;
}

void Machine::store(u64 physical, unsigned bytes, u64 value) {
  memory->write(physical, bytes, value);
  walked.stored(physical, bytes);
}

u64 Machine::translate(u64 linear, Access a, bool as_supervisor) {
  return find(*this, linear, a, as_supervisor ? Rights::Implicit : Rights::Current);
}

u64 Machine::read_system(u64 linear, unsigned bytes) {
  return read_linear(*this, linear, bytes, Access::Read, Rights::Implicit);
}

void Machine::write_system(u64 linear, unsigned bytes, u64 value) {
  write_linear(*this, linear, bytes, value, Rights::Implicit);
}

bool Machine::can_write_system(u64 linear, unsigned bytes) {
  find_range(*this, linear, bytes, Access::Write, Rights::Implicit);
  return ok();
}

}  // namespace diffvisor::x86
