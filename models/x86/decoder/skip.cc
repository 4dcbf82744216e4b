// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/skip.h"

#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86 {
namespace {

void skip_operand(const DecodeMode& mode, Reader& r, Instruction& i) {
  i.address_bytes = address_bytes(mode, i.address_prefix);
  i.modrm = r.byte();
  i.has_modrm = true;
  if (r.ok() && i.is_memory()) read_memory_operand(mode, r, i);
}

// Opcodes of map 1 that are alone; VEX has its own.
bool has_mod_rm(u16 opcode) {
  const unsigned b = opcode & 0xff;
  if ((opcode >> 8 & 3) != 1) return true;
  if ((opcode & kVexMap) != 0 && ((b >> 4) == 3 || (b & 0xf8) == 0xc8 || (b & 0xf4) == 0xa0)) return false;
  return !(b >= 0x04 && b <= 0x0f && b != 0x0d) && (b & 0xfc) != 0x24 && (b & 0xfe) != 0x36;
}

// 0F 39 and 0F 3B to 0F 3F begin maps of their own, empty ones, half of them with an immediate.
bool is_escape(u16 opcode) { return opcode == 0x139 || (opcode >= 0x13b && opcode <= 0x13f); }

// Of the number of a map that does not exist the lowest two bits say how long its instructions are; without them the
// bytes are those of LES, LDS or BOUND.
bool looks_like_map(u8 byte) { return (byte & 3) != 0; }

// Behind the prefix bytes of VEX or EVEX.
DecodeStatus skip_opcode(const DecodeMode& mode, Reader& r, Instruction& i, unsigned map) {
  i.opcode = r.byte();
  if (has_mod_rm(static_cast<u16>(kVexMap | map << 8 | i.opcode))) skip_operand(mode, r, i);
  if (map == 3) r.byte();
  return r.refused();
}

bool is_bochs_evex(u64 prefix) {
  const bool zeroes_nothing = (prefix >> 23 & 1) != 0 && (prefix >> 16 & 7) == 0;
  return (prefix & 0x0c) == 0 && (prefix & 0x400) != 0 && (prefix & 3) != 0 && !zeroes_nothing;
}

void bochs_evex(const DecodeMode& mode, Reader& r, Instruction& i) {
  const u64 prefix = r.little_endian(4);
  if (!is_bochs_evex(prefix)) return;
  const u64 opcode = prefix >> 24, map = prefix & 3;
  skip_operand(mode, r, i);
  const bool compares = (opcode >= 0x70 && opcode <= 0x73) || (opcode >= 0xc2 && opcode <= 0xc6);
  if (map == 3 || (map == 1 && compares)) r.byte();
}

void bochs_xop(const DecodeMode& mode, Reader& r, Instruction& i) {
  const u64 prefix = r.little_endian(3);
  const u64 map = prefix & 0x1f, pp = prefix >> 8 & 3;
  if (map >= 8 && map < 11 && pp == 0) skip_operand(mode, r, i);
}

}  // namespace

DecodeStatus skip_unknown(const DecodeMode& mode, Reader& r, Instruction& i, u16 opcode) {
  if (mode.kvm || ((opcode & kVexMap) == 0 && mode.quirks.test(Quirk::BochsFetch))) return DecodeStatus::Undefined;
  if (is_escape(opcode)) r.byte();
  i.address_bytes = address_bytes(mode, i.address_prefix);
  const bool bochs_vex = (opcode & kVexMap) != 0 && mode.quirks.test(Quirk::BochsFetch);
  if (!has_mod_rm(opcode) && !bochs_vex) return DecodeStatus::Undefined;
  skip_operand(mode, r, i);
  if ((opcode >> 8 & 3) == 3 || (is_escape(opcode) && (opcode & 2) != 0)) r.byte();
  return r.refused();
}

bool vex_map_exists(u8 first, u8 next) { return first == 0xc5 || ((next & 0x1f) >= 1 && (next & 0x1f) <= 3); }

DecodeStatus skip_vex(const DecodeMode& mode, Reader& r, Instruction& i) {
  const u8 map = r.peek();
  if (!r.ok() || mode.kvm) return r.refused();
  const bool bochs = mode.quirks.test(Quirk::BochsFetch);
  if (bochs || mode.quirks.test(Quirk::UnicornUndefinedFirst)) {
    r.little_endian(bochs ? 3 : 2);
    return r.refused();
  }
  if (looks_like_map(map)) {
    r.little_endian(2);
    return skip_opcode(mode, r, i, map & 3);
  }
  skip_operand(mode, r, i);
  return r.refused();
}

bool is_evex_prefix(const DecodeMode& mode, u8 first, Reader& r) {
  if (first != 0x62 || mode.kvm || !(mode.width == 8 || mode.vex)) return false;
  const u8 next = r.peek();
  return r.ok() && (mode.width == 8 || next >= 0xc0) && looks_like_map(next);
}

DecodeStatus skip_evex(const DecodeMode& mode, Reader& r, Instruction& i) {
  const unsigned map = r.little_endian(3) & 3;
  return skip_opcode(mode, r, i, map);
}

bool refuses_as_bochs(const DecodeMode& mode, u8 first, Reader& r, Instruction& i) {
  const bool xop = first == 0x8f, evex = first == 0x62;
  if (!xop && !evex && first != 0xc4 && first != 0xc5) return false;
  const u8 next = r.peek();
  if (!r.ok()) return true;
  const bool wide = mode.width == 8;
  const bool is_prefix = xop ? (next & (wide ? 0x08 : 0xc8)) == (wide ? 0x08 : 0xc8) : wide || next >= 0xc0;
  if (!is_prefix) return false;
  const bool prefixed = i.operand_prefix || i.rep != Rep::None || i.rex != 0;
  if (prefixed) return true;
  if (evex) bochs_evex(mode, r, i);
  if (xop) bochs_xop(mode, r, i);
  return xop || evex;
}

}  // namespace diffvisor::x86
