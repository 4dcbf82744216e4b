// SPDX-License-Identifier: Apache-2.0
// Just enough decoding to step (SDM 2 2.1): which instructions repeat, and which block interrupts behind them.
#include "oracles/agent/insn_step.h"

namespace diffvisor::agent::step {
namespace {

struct Prefixes {
  unsigned count = 0;
  bool rep = false, address_size = false;
};

bool is_legacy_prefix(u8 b) {
  switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
      return true;
    default:
      return false;
  }
}

Prefixes read_prefixes(const u8* code, unsigned bytes, bool rex) {
  Prefixes p;
  for (; p.count < bytes; ++p.count) {
    const u8 b = code[p.count];
    if (!is_legacy_prefix(b) && !(rex && (b & 0xf0) == 0x40)) break;
    p.rep |= b == 0xf2 || b == 0xf3;
    p.address_size |= b == 0x67;
  }
  return p;
}

bool is_string_opcode(u8 opcode) {
  return (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
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
unsigned address_size(unsigned plain, bool prefix) {
  if (!prefix) return plain;
  return plain == 4 ? 2 : 4;
}

}  // namespace

Decoded decode_shape(const u8* code, unsigned bytes, unsigned address_bytes) {
  constexpr unsigned kLongestSsLoad = 8;
  const Prefixes p = read_prefixes(code, bytes, address_bytes == 8);
  if (p.count == bytes) return {Shape::Ordinary, 0, 0};
  const u8 opcode = code[p.count], at = static_cast<u8>(p.count), short_length = static_cast<u8>(p.count + 1);
  if (is_string_opcode(opcode)) return {p.rep ? Shape::Repeated : Shape::Ordinary, 0, at};
  if (opcode == 0xfb) return {Shape::Sti, short_length, at};
  if (opcode == 0x17 && address_bytes != 8) return {Shape::LoadsSs, short_length, at};
  if (opcode != 0x8e || p.count + kLongestSsLoad > bytes || (code[p.count + 1] >> 3 & 7) != 2)
    return {Shape::Ordinary, 0, at};
  const unsigned operand = operand_bytes(code + p.count + 1, address_size(address_bytes, p.address_size));
  return {Shape::LoadsSs, static_cast<u8>(short_length + operand), at};
}

}  // namespace diffvisor::agent::step
