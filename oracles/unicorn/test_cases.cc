// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/test_cases.h"

#include <algorithm>
#include <array>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"
#include "harness/case/case.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u8 = std::uint8_t;
using u64 = std::uint64_t;

u64 random_value(Rng& rng) {
  switch (rng.below(10)) {
    case 0:
      return 0;
    case 1:
      return rng.below(256);
    case 2:
      return ~u64{0} - rng.below(4);
    case 3:
      return u64{1} << rng.below(64);
    case 4:
      return window(static_cast<unsigned>(rng.below(kWindows))) + rng.below(0x10000);
    case 5:
      return rng.below(kSelLast);
    case 6:
    case 7:
      return kData + rng.below(0x10000);
    case 8:
      return rng.below(kRamEnd);
    default:
      return rng.next();
  }
}

void random_state(Rng& rng, u64* v) {
  for (unsigned r = Rax; r <= R15; ++r)
    if (r != Rsp || rng.below(8) == 0) v[r] = random_value(rng);
  v[Rflags] = rng.below(3) == 0 ? rng.next() : rng.next() & 0x8d5;
  for (u64 i = rng.below(4); i-- > 0;) {
    const u64 slot = Rsp + rng.below(kStateWords - 4);
    if (slot == Rip || (slot >= CsSelector && slot <= CsAttr)) continue;
    v[slot] = rng.below(2) != 0 ? random_value(rng) : v[slot] ^ u64 { 1 } << rng.below(64);
  }
  for (u64 i = rng.below(4); i-- > 0;) v[Xmm + rng.below(32)] = random_value(rng);
}

void random_patches(Rng& rng, u64* v) {
  for (u64 i = rng.below(4); i-- > 0;) {
    const Gpa tables[] = {kGdt, kPt, kPd, kPt32, kLdt, kStack + 0x8000, kTss64, kPml4};
    v[PatchAddress + i] = tables[rng.below(std::size(tables))] + 8 * rng.below(32);
    v[PatchValue + i] = rng.below(2) != 0 ? random_value(rng) : rng.below(kRamEnd) | rng.below(256);
  }
}

std::vector<u8> random_code(Rng& rng) {
  std::vector<u8> code;
  const auto maybe = [&](u64 one_in, u8 byte) {
    if (rng.below(one_in) == 0) code.push_back(byte);
  };
  maybe(7, 0x66);
  maybe(8, rng.below(2) != 0 ? 0xf3 : 0xf2);
  maybe(25, 0x67);
  maybe(20, 0xf0);
  maybe(4, static_cast<u8>(0x40 | rng.below(16)));
  const u64 map = rng.below(100);
  if (map >= 45) code.push_back(0x0f);
  if (map >= 90) code.push_back(map >= 96 ? 0x3a : 0x38);
  while (code.size() < 15) code.push_back(static_cast<u8>(rng.next()));
  return code;
}

void set_code(WireCase& c, const std::vector<u8>& code) {
  c.code_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(code.size(), kMostCode));
  std::copy_n(code.begin(), c.code_bytes, c.code);
}

}  // namespace

WireCase golden_wire(unsigned mode, const std::vector<u8>& code) {
  WireCase c{};
  const auto profile = profile_values(schema(), *find_profile(schema(), "tigerlake"));
  std::copy_n(profile.begin(), kSlots, c.v);
  c.v[ModeOf] = mode;
  golden(c.v);
  settle(c.v);
  set_code(c, code);
  return c;
}

WireCase random_wire(Rng& rng) {
  WireCase c = golden_wire(static_cast<unsigned>(rng.below(kModes)), random_code(rng));
  if (rng.below(8) == 0) c.v[ExtraSteps] = rng.below(4);
  c.v[RepOne] = rng.below(4) == 0;
  if (is_protected(c.v[ModeOf]) && rng.below(2) != 0)
    for (unsigned s : {SsAttr, CsAttr, DsAttr, EsAttr}) c.v[s] |= 0x60;
  random_state(rng, c.v);
  random_patches(rng, c.v);
  settle(c.v);
  return c;
}

}  // namespace diffvisor::unicorn
