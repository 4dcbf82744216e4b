// SPDX-License-Identifier: Apache-2.0
// What memory a repeated string instruction touches (SDM 1 7.3.9), and whether its iterations could tell that they are
// not entered one by one.
#include "harness/arch/insn/memory_map.h"
#include "oracles/agent/insn_step.h"

namespace diffvisor::agent::step {
namespace {

using namespace insn;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

constexpr unsigned kNone = kSegments;
unsigned segment_of_prefix(u8 prefix) {
  if (prefix == 0x64 || prefix == 0x65) return prefix == 0x64 ? kFs : kGs;
  return (prefix & 0xe7) == 0x26 ? prefix >> 3 & 3u : kNone;
}

u64 base_in(unsigned segment, unsigned address_bytes) {
  if (address_bytes == 8 && segment < kFs) return 0;
  return vmread(kGuestEsBase + 2 * segment);
}

// Pages of RAM behind a range of linear addresses, and of the tables that lead there.
struct Pages {
  u64 data = 0, tables = 0;
  void add(u64 first, u64 last) {
    for (u64 page = first / insn::kPage; page <= last / insn::kPage; ++page)
      if (const u64 a = physical_of(page * insn::kPage, tables); a < insn::kRamEnd)
        data |= bit(static_cast<unsigned>(a / insn::kPage));
  }
};

struct Span {
  u64 offset, bytes;
};

// What `index` goes over, at most; nothing if it wraps.
Span span_of(u64 index, u64 iterations, unsigned most_bytes, u64 mask) {
  const bool down = (vmread(kGuestRflags) & bit(rflags::DF)) != 0;
  const u64 bytes = iterations * most_bytes, first = (index & mask) - (down ? bytes - most_bytes : 0);
  return first <= mask && bytes - 1 <= mask - first ? Span{first, bytes} : Span{0, 0};
}

// False if it is not known where that is.
bool add_span(Pages& pages, const Span& s, u64 base, u64 linear_mask) {
  const u64 first = (base + s.offset) & linear_mask;
  if (s.bytes == 0 || s.bytes - 1 > linear_mask - first) return false;
  pages.add(first, first + s.bytes - 1);
  return true;
}

// Of the source: DS, or what the only segment prefix says; kNone if there are several.
unsigned source_segment(const u8* prefixes, unsigned count) {
  unsigned found = kNone;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned segment = segment_of_prefix(prefixes[i]);
    if (segment != kNone && found != kNone) return kNone;
    if (segment != kNone) found = segment;
  }
  return found == kNone ? unsigned{kDs} : found;
}

}  // namespace

bool keeps_to_its_data(const u8* code, const Decoded& d, unsigned mode_bytes, u64 linear, u64 iterations) {
  enum : u8 { kMovs = 0xa4, kStos = 0xaa, kLods = 0xac, kScas = 0xae };
  const u8 opcode = code[d.opcode_at] & 0xfe;
  const unsigned most_bytes = (code[d.opcode_at] & 1) != 0 ? 8 : 1;
  const u64 mask = count_mask(d), linear_mask = mode_bytes == 8 ? ~u64{0} : 0xffffffff;
  Pages own, source, destination;
  own.add(linear, linear + d.length + 1);
  if (opcode != kStos && opcode != kScas) {
    const unsigned segment = source_segment(code, d.opcode_at);
    const Span s = span_of(step_registers[6], iterations, most_bytes, mask);
    if (segment == kNone || !add_span(source, s, base_in(segment, mode_bytes), linear_mask)) return false;
  }
  if (opcode != kLods) {
    const Span s = span_of(step_registers[7], iterations, most_bytes, mask);
    if (!add_span(destination, s, base_in(kEs, mode_bytes), linear_mask)) return false;
  }
  const bool stores = opcode == kMovs || opcode == kStos;
  const u64 reads = source.data | (stores ? 0 : destination.data), writes = stores ? destination.data : 0;
  const u64 fetched = own.data | own.tables | source.tables | destination.tables;
  return (reads & own.data) == 0 && (writes & fetched) == 0;
}

}  // namespace diffvisor::agent::step
