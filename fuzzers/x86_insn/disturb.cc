// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/disturb.h"

#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/prepare.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

u64 other_target(Builder& b) {
  static constexpr u64 kTargets[] = {kCode, kData, kData + kPage, kStack, kGdt, kRamEnd - kPage};
  return pick(b.rng, kTargets);
}

// The same field in wide and 4-byte entries; bits above 31 exist in wide ones only.
u64 changed_entry(Builder& b, u64 entry, Harm harm, bool may_move) {
  static constexpr unsigned kHarmless[] = {5, 5, 5, 6, 6, 6, 8, 9, 10, 11, 3, 4};
  static constexpr unsigned kAny[] = {0, 0, 0, 1, 1, 2, 2, 7, 46, 51, 52, 62, 63, 63};
  static constexpr unsigned kAddress[] = {12, 13, 40};
  if (harm == Harm::Little) return entry ^ bit(pick(b.rng, kHarmless));
  if (b.wide && b.chance(10)) return entry ^ (b.rng.next() & u64{0xf} << 59);
  if (may_move && b.chance(10)) return (entry & ~u64{0x3f000}) | other_target(b);
  return entry ^ bit(may_move && b.chance(17) ? pick(b.rng, kAddress) : pick(b.rng, kAny));
}

// Code has to stay where CODE_ADDRESS says. All of it hangs on the upper levels.
bool leads_to_code(const Builder& b, u64 entry, unsigned level) {
  return level > 1 || entry == b.paging_entry(b.code_linear, 1) ||
         entry == b.paging_entry(b.code_linear + b.code.total - 1, 1);
}

void change_type(Builder& b, u64& descriptor) {
  const u64 r = b.rng.below(8);
  if (r < 3) descriptor ^= bit(40 + static_cast<unsigned>(b.rng.below(4)));  // type
  if (r == 3) descriptor = (descriptor & ~(u64{0xf} << 40)) | b.rng.below(16) << 40;
  if (r == 4) descriptor ^= b.chance(40) ? bit(44) : bit(47);                      // S, P
  if (r == 5) descriptor = (descriptor & ~(u64{3} << 45)) | b.rng.below(4) << 45;  // DPL
  if (r == 6) descriptor ^= bit(47);                                               // P
  if (r == 7) descriptor ^= bit(52 + static_cast<unsigned>(b.rng.below(4)));       // AVL, L, D/B, G
}

void change_gate(Builder& b, u64 at) {
  u64 gate = b.qword(at);
  const u64 r = b.rng.below(9);
  if (r < 5) change_type(b, gate);
  if (r == 5) gate = (gate & ~(u64{0xffff} << 16)) | choose_selector(b) << 16;
  if (r == 6) gate = (gate & ~(u64{0xff} << 32)) | b.rng.below(8) << 32;  // IST
  if (r == 7) gate ^= bit(static_cast<unsigned>(b.rng.below(64)));
  b.patch(at, gate);
  if (r == 8 && is_long(b.mode)) b.patch(at + 8, edge_value(b.rng));
}

}  // namespace

void disturb_stacks(Builder& b) {
  const u64 tss = b.v[TrBase];
  const u64 stack = b.chance(70) ? kStack + b.rng.below(0x10000) : edge_value(b.rng);
  if (is_long(b.mode)) {
    b.poke(tss + 4 + 8 * b.rng.below(3), 8, stack);
    if (b.chance(40)) b.poke(tss + 0x24 + 8 * b.rng.below(7), 8, stack);
  } else {
    const u64 level = b.rng.below(3);
    b.poke(tss + 4 + 8 * level, 4, stack);
    if (b.chance(50)) b.poke(tss + 8 + 8 * level, 2, choose_selector(b));
  }
  if (b.chance(15)) b.v[TrLimit] = b.rng.below(0x70);
}

void disturb_paging(Builder& b, u64 linear, Harm harm) {
  const bool narrow = !b.wide;
  const unsigned levels = narrow ? 2 : is_long(b.mode) ? 4 : 2;  // PDPTEs of PAE are registers: entries must be valid
  unsigned level = b.chance(70) ? 1 : 1 + static_cast<unsigned>(b.rng.below(levels));
  u64 at = b.paging_entry(linear, level);
  if (at == kNowhere) at = b.paging_entry(linear, level = 2);
  if (at == kNowhere || at >= kRamEnd - 8) return;
  const unsigned bytes = narrow ? 4 : 8;
  b.poke(at, bytes, changed_entry(b, b.peek(at, bytes), harm, !leads_to_code(b, at, level)));
}

void disturb_segment(Builder& b, unsigned segment, u64 linear, unsigned bytes) {
  if (b.mode == kLong64 || b.mode == kVirtual8086) return;
  u64* v = b.v;
  const u64 offset = (linear - b.segment_base(segment)) & 0xffffffff;
  u64& a = v[attr_of(segment)];
  const u64 last = offset + bytes - 1;
  switch (b.rng.below(4)) {
    case 0:
    case 1:  // byte limits; a limit above 1 MiB is rounded by the granularity
      v[limit_of(segment)] = last + b.rng.below(3);
      v[limit_of(segment)] -= b.rng.below(bytes + 1u);
      break;
    case 2:
      if (!is_protected(b.mode)) return;
      a = (a | bit(attr::EXPAND_DOWN)) & ~bit(attr::CODE);
      v[limit_of(segment)] = offset - b.rng.below(3);
      if (b.chance(30)) v[limit_of(segment)] += bytes;
      break;
    default:
      if (!is_protected(b.mode)) return;
      a ^= b.chance(50) ? bit(attr::WRITABLE) : bit(attr::CODE);
      break;
  }
  v[limit_of(segment)] &= 0xffffffff;
}

void disturb_descriptor(Builder& b, u64 selector) {
  const u64 index = selector & 0xfff8;
  const bool local = (selector & 4) != 0;
  const u64 at = (local ? kLdt : kGdt) + index;
  if (index > (local ? kLdtLimit : kGdtLimit)) return;
  if (b.chance(6)) {
    b.v[local ? Slot{LdtrLimit} : Slot{GdtrLimit}] = index + b.rng.below(16);
    return;
  }
  u64 descriptor = b.qword(at);
  if (b.chance(80)) {
    change_type(b, descriptor);
  } else if (b.chance(50)) {
    descriptor = (descriptor & ~u64{0xffff}) | (b.rng.next() & 0xffff);
  } else {
    descriptor ^= b.rng.next() & 0xff0000ffff0000 & b.rng.next();
  }
  b.patch(at, descriptor);
  if (b.chance(5)) b.patch(at + 8, b.rng.next());
}

void disturb_delivery(Builder& b, unsigned vector) {
  u64* v = b.v;
  if (b.chance(55)) return;
  if (b.mode == kReal16) {
    if (b.chance(40)) v[IdtrLimit] = 4 * vector + b.rng.below(5);
    if (b.chance(50)) b.poke(4 * vector, 4, b.rng.next());
    return;
  }
  const unsigned size = is_long(b.mode) ? 16 : 8;
  const u64 r = b.rng.below(10);
  if (r < 6) change_gate(b, (is_long(b.mode) ? kIdt64 : kIdt32) + size * vector);
  if (r == 6) v[IdtrLimit] = size * vector + b.rng.below(size + 1u);
  if (r >= 7) disturb_stacks(b);
  if (r == 9) disturb_descriptor(b, is_long(b.mode) ? kSelCode64 : kSelCode32);
}

void keep_level(Builder& b, unsigned vector) {
  if (!is_protected(b.mode) || b.cpl == 0) return;
  const u64 at = (is_long(b.mode) ? kIdt64 + 16 * vector : kIdt32 + 8 * vector);
  const u64 selector = is_long(b.mode) ? kSelUserCode64 : b.cpl == 3 ? kSelUserCode32 : kSelCodeConforming;
  b.patch(at, (b.qword(at) & ~(u64{0xffff} << 16)) | selector << 16);
  if (b.cpl != 3 || b.chance(40)) return;
  b.v[Cr0] |= bit(cr0::AM);
  b.v[Rflags] |= bit(rflags::AC);
  b.reg(4) ^= 1 + b.rng.below(3);
}

void set_breakpoint(Builder& b) {
  u64* v = b.v;
  const unsigned n = static_cast<unsigned>(b.rng.below(4));
  // Data breakpoints are traps whose time nobody agrees on: rare.
  const bool on_code = b.operand_linear == kNowhere || b.chance(88);
  v[Dr0 + n] = on_code ? b.code_linear : b.operand_linear + b.rng.below(3) - 1;
  u64 kind = 0;
  if (!on_code) {
    kind = b.chance(60) ? 1 + 2 * b.rng.below(2) : b.rng.below(4);
    kind |= b.rng.below(4) << 2;
  }
  v[Dr7] = (v[Dr7] & ~(u64{0xf} << (16 + 4 * n))) | kind << (16 + 4 * n);
  v[Dr7] |= bit(2 * n + static_cast<unsigned>(b.rng.below(2)));
}

}  // namespace diffvisor::x86_insn
