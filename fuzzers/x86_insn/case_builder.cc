// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/case_builder.h"

#include <cstring>
#include <memory>

#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

const std::array<u8, kRamEnd>& background() {
  static const auto image = [] {
    auto ram = std::make_unique<std::array<u8, kRamEnd>>();
    write_background(ram->data());
    return ram;
  }();
  return *image;
}

namespace {

// Named edges more often than the powers of two and their neighbours.
constexpr auto kEdgeTable = [] {
  constexpr u64 kNamed[] = {0,
                            1,
                            ~u64{0},
                            0x7f,
                            0x80,
                            0xff,
                            0x7fff,
                            0x8000,
                            0xffff,
                            0x7fffffff,
                            0x80000000,
                            0xffffffff,
                            0x7fffffffffffffff,
                            0x8000000000000000,
                            0x7fffffffffff,
                            0x800000000000};
  std::array<u64, 512> table{};
  for (unsigned n = 0; n < 64; ++n) {
    const u64 values[] = {kNamed[n % 16], kNamed[n % 16], bit(n), bit(n) - 1, ~bit(n), n, ~u64{n}, kData + 0x3f1 * n};
    for (unsigned i = 0; i < 8; ++i) table[8 * n + i] = values[i];
  }
  return table;
}();

}  // namespace

u64 edge_value(Rng& rng) {
  const u64 r = rng.next();
  const u64 edge = kEdgeTable[r >> 8 & 511];
  return (r & 1) != 0 ? mix64(r) : edge;
}

Builder::Builder(Rng& generator, Case& out) : rng(generator), c(out), v(out.v.data()), mode(out.v[ModeOf]) {}

void Builder::set_low(unsigned number, unsigned bytes, u64 value) {
  const u64 mask = ones(8 * bytes);
  reg(number) = (value & mask) | (reg(number) & ~mask);
}

u64 Builder::qword(u64 gpa) const {
  for (unsigned i = 0; i < patches; ++i)
    if (v[PatchAddress + i] == gpa) return v[PatchValue + i];
  u64 x;
  std::memcpy(&x, background().data() + gpa, 8);
  return x;
}

bool Builder::patch(u64 gpa, u64 value) {
  if (gpa == 0 || gpa > kRamEnd - 8 || gpa % 8 != 0) return false;
  // These four are loaded with CR3: what is wrong in them no VM entry accepts.
  if (gpa >= kPdptPae && gpa < kPdptPae + 32) return false;
  unsigned i = 0;
  while (i < patches && v[PatchAddress + i] != gpa) ++i;
  if (i == kPatches) return false;
  if (i == patches) ++patches;
  v[PatchAddress + i] = gpa;
  v[PatchValue + i] = value;
  return true;
}

bool Builder::poke(u64 gpa, unsigned bytes, u64 value) {
  if (gpa > kRamEnd - 8) return false;
  const unsigned shift = static_cast<unsigned>(gpa % 8) * 8, width = 8 * bytes;
  const u64 low = gpa & ~u64{7}, mask = ones(width);
  if (!patch(low, (qword(low) & ~(mask << shift)) | (value & mask) << shift)) return false;
  if (shift + width <= 64) return true;
  if (low + 16 > kRamEnd) return false;
  const unsigned done = 64 - shift;
  return patch(low + 8, (qword(low + 8) & ~(mask >> done)) | (value & mask) >> done);
}

u64 Builder::peek(u64 gpa, unsigned bytes) const {
  if (gpa > kRamEnd - 8) return 0;
  const unsigned shift = static_cast<unsigned>(gpa % 8) * 8;
  const u64 low = gpa & ~u64{7};
  u64 x = qword(low) >> shift;
  if (shift != 0 && low + 16 <= kRamEnd) x |= qword(low + 8) << (64 - shift);
  return x & ones(8 * bytes);
}

u64 Builder::gpa_of(u64 linear) const {
  if (!paging || linear < kVariants) return linear < kRamEnd ? linear : kNowhere;
  if (is_long(mode) && (linear >= kTopHalf || linear >> 47 == kUpperHalf >> 47)) linear &= ones(39);
  if (linear < kVariants) return linear;
  if (linear < window(kWindows)) {
    const u64 page = (linear - kVariants) % (kRegionPages * kPage);
    return (linear < window(kCodeSupervisor) ? kData : kCode) + page;
  }
  const u64 low = linear & ones(wide ? 21 : 22);
  return linear < 4 * u64{0x400000} && low < kRamEnd ? low : kNowhere;
}

bool Builder::poke_linear(u64 linear, unsigned bytes, u64 value) {
  const u64 gpa = gpa_of(linear);
  return gpa != kNowhere && poke(gpa, bytes, value);
}

u64 Builder::segment_base(unsigned s) const {
  return mode == kLong64 && s != kFs && s != kGs ? 0 : mode == kVirtual8086 ? v[selector_of(s)] << 4 : v[base_of(s)];
}

unsigned Builder::stack_bytes() const {
  if (mode == kLong64) return 8;
  return is_protected(mode) && (v[SsAttr] >> attr::DB & 1) != 0 ? 4 : 2;
}

u64 Builder::stack_linear(u64 plus) const {
  const u64 linear = segment_base(kSs) + ((v[Rsp] + plus) & ones(8 * stack_bytes()));
  return mode == kLong64 ? linear : linear & 0xffffffff;
}

u64 Builder::paging_entry(u64 linear, unsigned level) const {
  if (!paging) return kNowhere;
  if (!wide) {
    const u64 directory = kPd32 + (linear >> 22 & 0x3ff) * 4;
    if (level == 2) return directory;
    const u64 entry = peek(directory, 4);
    if (level != 1 || (entry & 1) == 0 || (entry & 0x80) != 0) return kNowhere;
    return ((entry & 0xfffff000) + (linear >> 12 & 0x3ff) * 4) % kRamEnd;
  }
  const unsigned top = !is_long(mode) ? 3 : v[Cr4] >> cr4::LA57 & 1 ? 5 : 4;
  u64 table = v[Cr3] & 0x3f000;
  for (unsigned i = top; i >= 1; --i) {
    const u64 index = linear >> (3 + 9 * i) & (i == 3 && top == 3 ? 3 : 0x1ff);
    const u64 at = table + 8 * index;
    if (i == level) return at;
    const u64 entry = qword(at);
    if ((entry & 1) == 0 || (i < 4 && (entry & 0x80) != 0)) return kNowhere;
    table = entry & 0x3f000;
  }
  return kNowhere;
}

}  // namespace diffvisor::x86_insn
