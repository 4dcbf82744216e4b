// SPDX-License-Identifier: Apache-2.0
// Memory through a segment: SDM 3A 5.3 and 5.5 (limit and type), 3.3.7.1 (canonical addresses), and #AC.
#include <algorithm>

#include "models/x86/emulator/unicorn.h"
#include "models/x86/paging/walk.h"
#include "models/x86/segmentation/descriptor.h"

namespace diffvisor::x86 {
namespace {

namespace attr = insn::attr;
using insn::Segment;

constexpr u64 kAll32 = 0xffffffff;

bool attribute(u64 a, unsigned bit) { return (a >> bit & 1) != 0; }

void refuse(Machine& m, Segment s, Cause cause) { m.raise(s == insn::kSs ? insn::kSS_ : insn::kGP, 0, cause); }

bool type_allows(u64 a, Access access) {
  const bool writes = access == Access::Write || access == Access::ReadForWrite;
  if (attribute(a, attr::CODE)) return !writes && attribute(a, attr::WRITABLE);
  return !writes || attribute(a, attr::WRITABLE);
}

u64 address_64(const Machine& m, Segment s, u64 offset) {
  const bool based = s == insn::kFs || s == insn::kGs || s == m.override_base;
  return offset + (based ? m.v[insn::base_of(s)] : 0);
}

u64 linear_64(Machine& m, Segment s, u64 offset, unsigned bytes) {
  const u64 address = address_64(m, s, offset);
  if (!m.is_canonical(address) || !m.is_canonical(address + bytes - 1)) refuse(m, s, Cause::NonCanonical);
  return address;
}

// KVM's emulator has no #AC.
bool alignment_checked(const Machine& m) {
  if (!m.cr0(insn::cr0::AM) || !m.flag(insn::rflags::AC) || m.cpl() != 3 || m.quirk(Quirk::KvmAlignment)) return false;
  return !m.quirk(Quirk::BochsV86Align) || !m.virtual_8086() || rpl_of(m.v[insn::CsSelector]) == 3;
}

// Unicorn reads and writes the frames of far transfers as the supervisor.
Rights rights_of(const Machine& m, Segment s) {
  const bool frame = m.quirk(Quirk::UnicornFar) && s == insn::kSs && is_far_transfer(m) &&
                     (m.virtual_8086() || rpl_of(m.v[insn::CsSelector]) == 3);
  return frame ? Rights::Implicit : Rights::Current;
}

// Of an operand that is canonical at its beginning alone CPUs look at the alignment first.
void check_last_operand(Machine& m, Segment s, u64 offset, unsigned bytes, Access a) {
  const u64 address = address_64(m, s, offset);
  if ((address & (bytes - 1)) == 0 || !m.is_canonical(address)) return;
  if (!m.is_canonical(address + bytes - 1)) check_alignment(m, address, bytes, a);
}

u64 operand(Machine& m, Segment s, u64 offset, unsigned bytes, Access a) {
  if (m.code64() && m.ok()) check_last_operand(m, s, offset, bytes, a);
  const u64 address = m.linear(s, offset, bytes, a);
  check_alignment(m, address, bytes, a);
  return address;
}

u64 block(Machine& m, Segment s, u64 offset, std::size_t bytes, unsigned alignment, Access a) {
  if (!m.quirk(Quirk::KvmAlignLast)) m.require_alignment(s, offset, alignment);
  const u64 address = m.linear(s, offset, static_cast<unsigned>(bytes), a);
  if (m.quirk(Quirk::KvmAlignLast)) m.require_alignment(s, offset, alignment);
  return address;
}

// A block is at most a page: it touches one or two of them.
struct Halves {
  u64 first = 0, second = 0;
  std::size_t first_bytes = 0;
};

Halves find_block(Machine& m, u64 address, std::size_t bytes, Access a) {
  Halves h;
  h.first_bytes = std::min<std::size_t>(bytes, 0x1000 - (address & 0xfff));
  h.first = m.translate(address, a, false);
  if (h.first_bytes == bytes) return h;
  const u64 next = (address | 0xfff) + 1;
  h.second = m.translate(m.code64() ? next : next & kAll32, a, false);
  return h;
}

u64 byte_of(const Halves& h, std::size_t i) { return i < h.first_bytes ? h.first + i : h.second + (i - h.first_bytes); }

}  // namespace

// The manual leaves the order of #AC and #PF to the processor (SDM 3A 6.9).
void check_alignment(Machine& m, u64 address, unsigned bytes, Access a) {
  if ((address & (bytes - 1)) == 0 || !alignment_checked(m) || !m.ok()) return;
  if (!m.quirk(Quirk::BochsAlignment) && would_fault(m, address, bytes, a))
    return m.cannot_judge("alignment_or_page_fault");
  m.raise(insn::kAC, 0, Cause::Alignment);
}

bool limit_allows(const Machine& m, Segment s, u64 offset, unsigned bytes) {
  const u64 a = m.v[insn::attr_of(s)];
  const u64 limit = m.v[insn::limit_of(s)];
  const u64 last = offset + bytes - 1;
  const bool expand_down = !attribute(a, attr::CODE) && attribute(a, attr::EXPAND_DOWN);
  if (!expand_down) return last <= limit;
  return offset > limit && last <= (attribute(a, attr::DB) ? kAll32 : 0xffff);
}

bool ends_beyond_4_gib(const Machine& m, Segment s, u64 offset, unsigned bytes) {
  return m.v[insn::limit_of(s)] == kAll32 && offset + bytes - 1 > kAll32;
}

u64 Machine::linear(Segment s, u64 offset, unsigned bytes, Access a) {
  if (!ok()) return 0;
  if (code64()) return linear_64(*this, s, offset, bytes);
  const u64 attributes = v[insn::attr_of(s)];
  if (attribute(attributes, attr::UNUSABLE)) {
    refuse(*this, s, Cause::SegmentNull);
  } else if (!type_allows(attributes, a) && !real_mode()) {
    refuse(*this, s, Cause::SegmentType);
  } else if (!limit_allows(*this, s, offset, bytes)) {
    if (ends_beyond_4_gib(*this, s, offset, bytes)) {
      cannot_judge("segment_wrap");
    } else {
      refuse(*this, s, Cause::SegmentLimit);
    }
  }
  return (v[insn::base_of(s)] + offset) & kAll32;
}

void Machine::require_alignment(Segment s, u64 offset, unsigned alignment) {
  const bool has_base = !code64() || s == insn::kFs || s == insn::kGs;
  const u64 address = has_base ? v[insn::base_of(s)] + offset : offset;
  if ((address & (alignment - 1)) != 0) general_protection(Cause::OperandAlignment);
}

u64 Machine::read(Segment s, u64 offset, unsigned bytes) {
  const u64 address = operand(*this, s, offset, bytes, Access::Read);
  return ok() ? read_linear(*this, address, bytes, Access::Read, rights_of(*this, s)) : 0;
}

void Machine::write(Segment s, u64 offset, unsigned bytes, u64 value) {
  const u64 address = operand(*this, s, offset, bytes, Access::Write);
  if (ok()) write_linear(*this, address, bytes, value, rights_of(*this, s));
}

u64 Machine::read_for_write(Segment s, u64 offset, unsigned bytes) {
  if (quirk(Quirk::UnicornRmw)) return read(s, offset, bytes);
  const u64 address = operand(*this, s, offset, bytes, Access::ReadForWrite);
  return ok() ? read_linear(*this, address, bytes, Access::ReadForWrite, Rights::Current) : 0;
}

u64 peek(Machine& m, Segment s, u64 offset, unsigned bytes, Access a) {
  const u64 address = operand(m, s, offset, bytes, a);
  return m.ok() ? read_linear(m, address, bytes, a, Rights::Current, Bits::Leave) : 0;
}

void Machine::read_block(Segment s, u64 offset, std::span<u8> out, unsigned alignment) {
  std::fill(out.begin(), out.end(), u8{0});
  const u64 address = block(*this, s, offset, out.size(), alignment, Access::Read);
  const Halves h = find_block(*this, address, out.size(), Access::Read);
  if (!ok()) return;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<u8>(memory->read(byte_of(h, i), 1));
}

void Machine::write_block(Segment s, u64 offset, std::span<const u8> in, unsigned alignment) {
  const u64 address = block(*this, s, offset, in.size(), alignment, Access::Write);
  const Halves h = find_block(*this, address, in.size(), Access::Write);
  if (!ok()) return;
  for (std::size_t i = 0; i < in.size(); ++i) store(byte_of(h, i), 1, in[i]);
}

void Machine::probe_write(Segment s, u64 offset, unsigned bytes) {
  const u64 address = block(*this, s, offset, bytes, 1, Access::Write);
  if (ok()) find_block(*this, address, bytes, Access::Write);
}

std::size_t Machine::fetch(u64 offset, std::span<u8> out, Fault& fetch_fault) {
  const u64 cs_limit = v[insn::CsLimit];
  const bool beyond = code64() ? !is_canonical(offset) : offset > cs_limit;
  if (beyond) {
    if (!code64() && cs_limit == kAll32) cannot_judge("segment_wrap");
    fetch_fault = {};
    fetch_fault.raised = true;
    fetch_fault.vector = insn::kGP;
    fetch_fault.cause = Cause::FetchLimit;
    return 0;
  }
  const bool whole = quirk(Quirk::UnicornCode) && long_mode();
  const u64 address = whole ? v[insn::CsBase] + offset : code64() ? offset : (v[insn::CsBase] + offset) & kAll32;
  PageFault page;
  const u64 physical = walk(*this, address, Access::Execute, Rights::Current, Bits::Update, page);
  if (page.raised) {
    fetch_fault = {true, insn::kPF, false, false, page.error_code, address, page.cause};
    return 0;
  }
  const u64 at = address - code_start;
  const bool elsewhere = at < code_bytes && physical != v[insn::CodeAddress] + at;
  if (elsewhere && !quirk(Quirk::BochsGoesOn)) cannot_judge("code_elsewhere");
  if (!ok()) return 0;
  u64 bytes = std::min<u64>(out.size(), 0x1000 - (address & 0xfff));
  if (!code64()) bytes = std::min(bytes, cs_limit - offset + 1);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<u8>(memory->read(physical + i, 1));
  return bytes;
}

}  // namespace diffvisor::x86
