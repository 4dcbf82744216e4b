// SPDX-License-Identifier: Apache-2.0
#include "models/x86/segmentation/descriptor.h"

#include "models/x86/emulator/unicorn.h"

namespace diffvisor::x86 {
namespace {

namespace attr = insn::attr;
using insn::Segment;

struct Table {
  u64 base, limit;
  bool usable;
};

Table table_of(const Machine& m, u16 selector) {
  if ((selector & 4) == 0) return {m.v[insn::GdtrBase], m.v[insn::GdtrLimit], true};
  return {m.v[insn::LdtrBase], m.v[insn::LdtrLimit], (m.v[insn::LdtrAttr] >> attr::UNUSABLE & 1) == 0};
}

void set_cache(Machine& m, Segment s, u64 base, u64 limit, u64 attributes) {
  m.v[insn::base_of(s)] = base;
  m.v[insn::limit_of(s)] = limit;
  m.v[insn::attr_of(s)] = attributes;
}

}  // namespace

u64 Descriptor::limit() const {
  const u64 raw = (low & 0xffff) | (low >> 48 & 0xf) << 16;
  return (low >> 55 & 1) != 0 ? raw << 12 | 0xfff : raw;
}

bool in_table(const Machine& m, u16 selector, unsigned bytes) {
  const Table t = table_of(m, selector);
  return t.usable && (selector & 0xfff8u) + bytes - 1 <= t.limit;
}

u64 descriptor_address(const Machine& m, u16 selector) {
  const u64 address = table_of(m, selector).base + (selector & 0xfff8u);
  return m.long_mode() ? address : address & 0xffffffff;
}

Descriptor fetch_descriptor(Machine& m, u16 selector, unsigned vector, unsigned bytes) {
  Descriptor d;
  if (m.ok() && !try_descriptor(m, selector, bytes, d)) m.raise(vector, selector_error(selector), Cause::SelectorLimit);
  return d;
}

bool try_descriptor(Machine& m, u16 selector, unsigned bytes, Descriptor& out) {
  if (!in_table(m, selector, bytes)) return false;
  const u64 address = descriptor_address(m, selector);
  out.low = m.read_system(address, 8);
  out.high = bytes == 16 ? m.read_system(address + 8, 8) : 0;
  return true;
}

void mark_accessed(Machine& m, u16 selector, Descriptor& d) {
  if (!m.ok() || d.accessed() || (m.quirk(Quirk::UnicornFar) && is_far_transfer(m))) return;
  d.low |= kAccessedBit;
  if (m.quirk(Quirk::UnicornAccessed)) return m.write_system(descriptor_address(m, selector) + 4, 4, d.low >> 32);
  m.write_system(descriptor_address(m, selector) + 5, 1, d.low >> 40 & 0xff);
}

void set_segment(Machine& m, Segment s, u16 selector, const Descriptor& d) {
  if (!m.ok()) return;
  m.v[insn::selector_of(s)] = selector;
  set_cache(m, s, d.base(), d.limit(), d.attributes());
}

void set_null_segment(Machine& m, Segment s, u16 selector) {
  if (!m.ok()) return;
  const u64 dpl = s == insn::kSs ? u64{m.cpl()} << attr::DPL : 0;
  m.v[insn::selector_of(s)] = selector;
  // AMD CPUs keep the base of FS and GS (APM 2 4.5.3).
  const bool keeps_base = m.v[insn::CapVendor] == insn::kAmd && m.long_mode() && (s == insn::kFs || s == insn::kGs);
  set_cache(m, s, keeps_base ? m.v[insn::base_of(s)] : 0, 0, u64{1} << attr::UNUSABLE | dpl);
}

void set_real_segment(Machine& m, Segment s, u16 selector) {
  if (!m.ok()) return;
  m.v[insn::selector_of(s)] = selector;
  m.v[insn::base_of(s)] = u64{selector} << 4;
  if (m.virtual_8086()) {
    m.v[insn::limit_of(s)] = 0xffff;
    m.v[insn::attr_of(s)] = 0xf3;
    return;
  }
  // Limit and attributes stay in real-address mode, so that a large segment loaded before stays large.
  u64& a = m.v[insn::attr_of(s)];
  if ((a >> attr::UNUSABLE & 1) != 0) set_cache(m, s, u64{selector} << 4, 0xffff, 0x93);
}

void set_cpl(Machine& m, unsigned cpl) {
  u64& a = m.v[insn::SsAttr];
  a = (a & ~u64{0x60}) | u64{cpl} << attr::DPL;
}

bool offset_fits(const Machine& m, const Descriptor& code, u64 rip) {
  if (m.long_mode() && code.wide()) return m.is_canonical(rip);
  return (m.quirk(Quirk::BochsFarOffset) ? rip & 0xffffffff : rip) <= code.limit();
}

bool stack_has_room(Machine& m, unsigned bytes, unsigned size) {
  const u64 mask = m.stack_address_bytes() == 2 ? 0xffff : 0xffffffff;
  for (unsigned used = size; used <= bytes; used += size) {
    const u64 top = (m.v[insn::Rsp] - used) & mask;
    if (limit_allows(m, insn::kSs, top, size)) continue;
    const bool open = ends_beyond_4_gib(m, insn::kSs, top, size);
    if (open) m.cannot_judge("segment_wrap");
    return open;
  }
  return true;
}

}  // namespace diffvisor::x86
