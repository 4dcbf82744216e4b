// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/opcode.h"

namespace diffvisor::unicorn {
namespace {

bool take_prefix(std::uint8_t b, Opcode& o) {
  switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
      return true;
    case 0x66:
      return o.operand_size = true;
    case 0x67:
      return o.address_size = true;
    case 0xf0:
      return o.lock = true;
    case 0xf2:
      return o.repne = true;
    case 0xf3:
      return o.rep = true;
    default:
      return false;
  }
}

// SDM 2A 2.1.5.
unsigned operand_length(unsigned modrm, unsigned sib, bool address16) {
  const unsigned mod = modrm >> 6, rm = modrm & 7;
  if (mod == 3) return 1;
  if (address16) return 1 + (mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
  const bool has_sib = rm == 4;
  const bool no_base = mod == 0 && (rm == 5 || (has_sib && (sib & 7) == 5));
  return 1 + (has_sib ? 1 : 0) + (mod == 1 ? 1 : mod == 2 || no_base ? 4 : 0);
}

}  // namespace

bool Opcode::is_string() const {
  if (length == 0 || map != kOneByte) return false;
  return (byte >= 0x6c && byte <= 0x6f) || (byte >= 0xa4 && byte <= 0xa7) || (byte >= 0xaa && byte <= 0xaf);
}

Opcode scan_opcode(std::span<const std::uint8_t> bytes, CodeSize size) {
  Opcode o;
  const bool code64 = size == CodeSize::k64;
  std::size_t i = 0;
  const auto at = [&](std::size_t n) { return n < bytes.size() ? bytes[n] : std::uint8_t{0}; };
  for (;; ++i) {
    if (i >= bytes.size()) return {};
    if (take_prefix(at(i), o)) continue;
    if (!code64 || (at(i) & 0xf0) != 0x40) break;
    o.rex = at(i);  // Unicorn lets it count even before another prefix
  }
  const std::uint8_t first = at(i);
  if (first == 0x0f) {
    ++i;
    o.map = at(i) == 0x38 ? Opcode::k0f38 : at(i) == 0x3a ? Opcode::k0f3a : Opcode::k0f;
    if (o.map != Opcode::k0f) ++i;
  } else if ((first == 0xc4 || first == 0xc5) && (code64 || at(i + 1) >= 0xc0)) {
    o.map = Opcode::kVex;
    i += first == 0xc4 ? 3 : 2;
  }
  if (i >= bytes.size()) return {};
  o.byte = at(i);
  o.modrm = at(i + 1);
  const bool address16 = size == CodeSize::k16 ? !o.address_size : size == CodeSize::k32 && o.address_size;
  o.operands = static_cast<std::uint8_t>(operand_length(o.modrm, at(i + 2), address16));
  o.length = static_cast<std::uint8_t>(i + 1);
  return o;
}

}  // namespace diffvisor::unicorn
