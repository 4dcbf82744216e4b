// SPDX-License-Identifier: Apache-2.0
// Where a case's operands and code lie: the pages of memory_map.h, their ends, their windows and aliases.
#include <algorithm>

#include "fuzzers/x86_insn/environment.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

// Any byte, or so that the operand ends with a page or straddles its end.
u64 inside(Builder& b, u64 bytes_of_region, unsigned bytes) {
  const u64 r = b.rng.next();
  const u64 place = (r >> 8) % bytes_of_region;
  if ((r & 0xff) < 130) return place & ~u64{7};
  if ((r & 0xff) < 200) return place;
  const u64 page = place & ~(kPage - 1);
  return page + kPage - std::min<u64>(kPage, bytes == 0 ? 1 : b.rng.below(2 * u64{bytes} + 1));
}

u64 choose_window(Builder& b, unsigned bytes) {
  static constexpr Window kAll[] = {kReadOnly,           kSupervisor,   kAbsent,    kNoExecute, kReservedBit,
                                    kSupervisorReadOnly, kUntouched,    kKeyed,     kGlobal,    kCodeSupervisor,
                                    kCodeNoExecute,      kCodeReadOnly, kUntouched, kKeyed,     kGlobal};
  const u64 start = window(pick(b.rng, kAll));
  return start + inside(b, kRegionPages * kPage, bytes);
}

u64 choose_large(Builder& b, unsigned bytes) {
  const u64 page = b.wide ? kLargeUser * (1 + b.rng.below(4)) : kLargeUser32 * (1 + b.rng.below(2));
  if (!b.wide) b.v[Cr4] |= bit(cr4::PSE);
  return page + kData + inside(b, kRegionPages * kPage, bytes);
}

u64 far_address(Builder& b) {
  const u64 edges[] = {u64{0x800000000000},    kUpperHalf, 0, u64{0x100000000}, u64{0x80000000}, u64{0x7fff0000},
                       u64{0x100000000000000}, ~u64{0}};
  const u64 edge = pick(b.rng, edges);
  return edge + b.rng.below(33) - 16;
}

void place_linear(Builder& b, u64 linear, u64 gpa);

// The instruction's last bytes lie on a page that is not like the first.
void place_at_edge(Builder& b) {
  const u64 inside_bytes = b.rng.below(b.code.length + 1);
  static constexpr u64 kViews[] = {
      kCode, kCode, kCode, window(kCodeSupervisor), window(kCodeNoExecute), window(kCodeReadOnly)};
  const u64 view = pick(b.rng, kViews);
  const u64 begin = (1 + b.rng.below(kRegionPages - 1)) * kPage - inside_bytes;
  place_linear(b, view + begin, kCode + begin);
  const u64 entry = b.paging_entry(view + begin + inside_bytes, 1);
  if (entry == kNowhere) return;
  static constexpr unsigned kBits[] = {0, 0, 1, 2, 2, 5, 63, 63, 51};
  const unsigned flipped = pick(b.rng, kBits);
  if (flipped >= 32 && !b.wide) return;
  b.poke(entry, b.wide ? 8 : 4, b.peek(entry, b.wide ? 8 : 4) ^ bit(flipped));
}

void set_code_segment(Builder& b, u64 linear) {
  if (b.mode == kLong64) {
    b.v[Rip] = linear;
    return;
  }
  const bool narrow = b.mode <= kProtected16;
  u64 offset = (linear - b.v[CsBase]) & 0xffffffff;
  if (b.chance(narrow ? 25 : 8) || (narrow && offset > 0xffff)) {
    offset = b.rng.below(std::min<u64>(linear, 0xfff0) + 1);
    if (b.chance(3)) offset = 0x10000 - std::min<u64>(0x10000, b.rng.below(b.code.length + 2));
    // A selector is the base's upper bits; settle() wants the lowest two of CS to be 0 in real mode.
    const u64 unit = b.mode == kReal16 ? 63 : 15;
    if (!is_protected(b.mode)) offset = (offset & ~unit) | (linear & unit);
    offset &= narrow ? 0xffff : 0xffffffff;
    set_base(b, kCs, (linear - offset) & 0xffffffff);
  }
  b.v[Rip] = offset;
  // A limit that ends with the instruction, or within it.
  if (is_protected(b.mode) && b.chance(3))
    b.v[CsLimit] = (offset + b.code.length - 1 - (b.chance(60) ? 0 : 1)) & 0xffffffff;
}

void place_linear(Builder& b, u64 linear, u64 gpa) {
  b.v[CodeAddress] = gpa;
  b.code_linear = linear;
  set_code_segment(b, linear);
}

}  // namespace

u64 choose_linear(Builder& b, unsigned bytes) {
  const u64 r = b.rng.below(100);
  if (r < 8) return kStack + inside(b, kRegionPages * kPage, bytes);
  if (!b.paging || r < 60) return kData + inside(b, kRegionPages * kPage - 64, bytes);
  if (r < 88) return choose_window(b, bytes);
  if (b.mode == kVirtual8086) return choose_window(b, bytes);
  if (r < 92) return choose_large(b, bytes);
  if (r < 93) return kGdt + inside(b, kCode - kGdt, bytes);
  if (is_long(b.mode) && r < 97) {
    if (b.mode != kLong64) return kData + inside(b, kRegionPages * kPage, bytes);
    const u64 half = b.chance(50) ? kUpperHalf : kTopHalf;
    return half + kData + inside(b, kRegionPages * kPage, bytes);
  }
  if (r < 99) return b.mode == kLong64 ? far_address(b) : far_address(b) & 0xffffffff;
  return b.rng.next() & (b.mode == kLong64 ? ones(48) : 0xffffffff);
}

void place_code(Builder& b) {
  const u64 r = b.rng.below(100);
  u64 at = 0x100 + b.rng.below(0xfe00);
  const bool smep = (b.v[Cr4] & bit(cr4::SMEP)) != 0 && b.cpl != 3;
  if (!b.paging || (r < 82 && !smep)) {
    if (r < 6) at = (at & ~(kPage - 1)) + kPage - b.code.length;
    return place_linear(b, kCode + at, kCode + at);
  }
  if (r < 86 || (smep && r < 95 && b.cpl != 3)) {
    const Window w = b.cpl != 3 ? kCodeSupervisor : kCodeReadOnly;
    return place_linear(b, window(w) + at, kCode + at);
  }
  if (r < 90 && b.mode != kVirtual8086 && b.mode != kProtected16) {
    const u64 alias = b.mode == kLong64 ? (b.chance(50) ? kUpperHalf : kTopHalf) : b.wide ? kLargeUser : 0;
    return place_linear(b, alias + kCode + at, kCode + at);
  }
  if (r < 92) return place_linear(b, window(kCodeNoExecute) + at, kCode + at);
  if (r < 96) return place_at_edge(b);
  place_linear(b, kCode + at, kCode + at);
}

}  // namespace diffvisor::x86_insn
