// SPDX-License-Identifier: Apache-2.0
// Just enough decoding to step (SDM 2 2.1): which instructions repeat, and which block interrupts behind them.
#include "oracles/agent/insn_step.h"

namespace diffvisor::agent::step {
namespace {

struct Prefixes {
  unsigned count = 0, rep = 0, address_size = 0;  // the latter two: whether there is one
};

enum Class : u8 { kOther, kPrefix, kRepPrefix, kAddressPrefix, kRex, kString, kSti, kPopSs, kMovSegment };
struct Classes {
  Class of[256];
};
// As 64-bit mode has them: elsewhere REX prefixes are instructions.
constexpr Classes kClasses = [] {
  Classes c{};
  for (const u8 b : {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf0}) c.of[b] = kPrefix;
  for (const u8 b : {0xf2, 0xf3}) c.of[b] = kRepPrefix;
  c.of[0x67] = kAddressPrefix;
  for (unsigned b = 0x40; b < 0x50; ++b) c.of[b] = kRex;
  for (const u8 b : {0x6c, 0x6d, 0x6e, 0x6f, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf})
    c.of[b] = kString;
  c.of[0x17] = kPopSs;
  c.of[0x8e] = kMovSegment;
  c.of[0xfb] = kSti;
  return c;
}();

Prefixes read_prefixes(const u8* code, unsigned bytes, bool rex) {
  Prefixes p;
  for (; p.count < bytes; ++p.count) {
    const Class c = kClasses.of[code[p.count]];
    if (c == kOther || c > (rex ? kRex : kAddressPrefix)) break;
    if (c == kRepPrefix) p.rep = 1;
    if (c == kAddressPrefix) p.address_size = 1;
  }
  return p;
}

// Bytes of ModRM, SIB and displacement.
unsigned operand_bytes(const u8* at_modrm, unsigned address_bytes) {
  const unsigned modrm = at_modrm[0], mod = modrm >> 6, rm = modrm & 7;
  if (mod == 3) return 1;
  if (address_bytes == 2) return 1 + (mod == 2 || (mod == 0 && rm == 6) ? 2 : mod);
  const bool sib = rm == 4;
  const unsigned base = sib ? at_modrm[1] & 7u : rm;
  const unsigned displacement = mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0;
  return 1 + sib + displacement;
}

// Without a prefix, then with one.
unsigned address_size(unsigned plain, unsigned prefix) {
  if (prefix == 0) return plain;
  return plain == 4 ? 2 : 4;
}

}  // namespace

Decoded decode_shape(const u8* code, unsigned bytes, unsigned address_bytes) {
  constexpr unsigned kLongestSsLoad = 8;
  const Prefixes p = read_prefixes(code, bytes, address_bytes == 8);
  Decoded d;
  if (p.count == bytes) return d;
  const Class c = kClasses.of[code[p.count]];
  if (c < kString) return d;
  d.opcode_at = p.count;
  d.length = p.count + 1;
  d.address_bytes = address_size(address_bytes, p.address_size);
  if (c == kString) {
    if (p.rep != 0) d.shape = Shape::Repeated;
  } else if (c == kSti) {
    d.shape = Shape::Sti;
  } else if (c == kPopSs) {
    if (address_bytes != 8) d.shape = Shape::LoadsSs;
  } else if (d.length + kLongestSsLoad <= bytes + 1 && (code[d.length] >> 3 & 7) == 2) {
    d.shape = Shape::LoadsSs;
    d.length += operand_bytes(code + d.length, d.address_bytes);
  }
  return d;
}

}  // namespace diffvisor::agent::step
