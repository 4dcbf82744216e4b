// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/decode.h"

#include <array>

#include "models/x86/decoder/opcode_table.h"
#include "models/x86/decoder/reader.h"
#include "models/x86/decoder/skip.h"

namespace diffvisor::x86 {
namespace {

constexpr u8 kNoRegister = 0xff, kRipRelative = 0xfe;
constexpr u16 kUd0 = 0x1ff, kAdcx = 0x2f6, kMovdir64b = 0x2f8, kMovdiri = 0x2f9;

enum PrefixClass : u8 { kOpcode, kSegmentPrefix, kOperand, kAddress, kLockPrefix, kRepeat, kRex };

constexpr std::array<u8, 256> prefix_classes() {
  std::array<u8, 256> c{};
  for (const unsigned b : {0x26u, 0x2eu, 0x36u, 0x3eu, 0x64u, 0x65u}) c[b] = kSegmentPrefix;
  c[0x66] = kOperand;
  c[0x67] = kAddress;
  c[0xf0] = kLockPrefix;
  c[0xf2] = c[0xf3] = kRepeat;
  for (unsigned b = 0x40; b < 0x50; ++b) c[b] = kRex;
  return c;
}
constexpr std::array<u8, 256> kPrefixClass = prefix_classes();

// In 64-bit mode ES, CS, SS and DS prefixes do nothing, not even to an FS before them (SDM 2A 2.2.1, 1 3.3.7.1).
void segment_prefix(const DecodeMode& mode, Instruction& i, u8 b) {
  const bool old = b < 0x64;
  if (old && mode.width == 8 && !mode.quirks.test(Quirk::UnicornSegment)) return;
  i.segment = old ? static_cast<Segment>(b >> 3 & 3) : b == 0x64 ? insn::kFs : insn::kGs;
  i.segment_prefix = true;
}

// The first byte of the opcode; `saw_vex_stopper`: a prefix that VEX must not follow.
u8 read_prefixes(const DecodeMode& mode, Reader& r, Instruction& i, bool& saw_vex_stopper) {
  for (;;) {
    const u8 b = r.byte();
    const u8 c = kPrefixClass[b];
    if (c == kOpcode || !r.ok() || (c == kRex && mode.width != 8)) return b;
    if (mode.i286 && (c == kOperand || c == kAddress || (c == kSegmentPrefix && b >= 0x64))) return b;
    if (c == kRex) {
      i.rex = b;
      continue;
    }
    if (!mode.quirks.test(Quirk::UnicornRexKept)) i.rex = 0;  // a REX that is not the last prefix does nothing
    if (c == kSegmentPrefix) {
      segment_prefix(mode, i, b);
    } else if (c == kOperand) {
      i.operand_prefix = saw_vex_stopper = true;
    } else if (c == kAddress) {
      i.address_prefix = true;
    } else if (c == kLockPrefix) {
      i.lock = saw_vex_stopper = true;
    } else {
      i.rep = b == 0xf3 ? Rep::Repe : Rep::Repne;
      saw_vex_stopper = true;
    }
  }
}

// Whether C4, C5 or 62 is a prefix here: in 64-bit mode always, elsewhere when what follows looks like mod 3.
bool is_vex_prefix(const DecodeMode& mode, u8 first, Reader& r) {
  if (first != 0xc4 && first != 0xc5) return false;
  // Bochs finds out that VEX means nothing in real mode when it has fetched the whole instruction.
  const bool takes_vex = mode.vex || mode.quirks.test(Quirk::BochsFetch);
  return mode.width == 8 || (takes_vex && r.peek() >= 0xc0);
}

// The bits of a VEX prefix as REX, map, mandatory prefix and vvvv (SDM 2A 2.3.5).
void read_vex(const DecodeMode& mode, u8 first, Reader& r, Instruction& i, u8& pp) {
  const u8 p1 = r.byte();
  const bool three = first == 0xc4;
  i.map = three ? p1 & 0x1f : 1;
  const u8 p2 = three ? r.byte() : static_cast<u8>(p1 & 0x7f);
  i.vex = true;
  i.rex = static_cast<u8>((p1 & 0x80) == 0 ? 4 : 0);
  if (three) i.rex = static_cast<u8>(i.rex | ((~p1 >> 5 & 3)) | (p2 >> 7 << 3));
  i.vex_v = static_cast<u8>(~p2 >> 3 & 15);
  i.vex_l = (p2 & 4) != 0;
  pp = p2 & 3;
  if (mode.width != 8) i.rex &= mode.quirks.test(Quirk::UnicornVvvv) ? u8{9} : u8{8};
}

// Base and index of the 16-bit forms (SDM 2A table 2-1).
void read_address16(Reader& r, Instruction& i) {
  static constexpr u8 kBase[] = {3, 3, 5, 5, kNoRegister, kNoRegister, 5, 3};
  static constexpr u8 kIndex[] = {6, 7, 6, 7, 6, 7, kNoRegister, kNoRegister};
  const unsigned rm = i.modrm & 7, mod = i.modrm >> 6;
  i.base = kBase[rm];
  i.index = kIndex[rm];
  if (mod == 0 && rm == 6) i.base = kNoRegister;
  const bool word = mod == 2 || (mod == 0 && rm == 6);
  i.displacement = r.sign_extended(word ? 2 : mod == 1 ? 1 : 0);
}

void read_sib(Reader& r, Instruction& i) {
  const u8 sib = r.byte();
  i.scale = sib >> 6;
  i.index = static_cast<u8>((sib >> 3 & 7) | (i.rex & 2) << 2);
  if (i.index == 4) i.index = kNoRegister;
  i.base = static_cast<u8>((sib & 7) | (i.rex & 1) << 3);
  if ((sib & 7) == 5 && i.modrm < 0x40) i.base = kNoRegister;
}

void read_address(const DecodeMode& mode, Reader& r, Instruction& i) {
  const unsigned mod = i.modrm >> 6;
  bool wide = mod == 2;
  if ((i.modrm & 7) == 4) {
    read_sib(r, i);
    wide |= i.base == kNoRegister;
  } else if (mod == 0 && (i.modrm & 7) == 5) {
    i.base = mode.width == 8 ? kRipRelative : kNoRegister;
    wide = true;
  } else {
    i.base = static_cast<u8>((i.modrm & 7) | (i.rex & 1) << 3);
  }
  i.displacement = r.sign_extended(wide ? 4 : mod == 1 ? 1 : 0);
}

}  // namespace

void read_memory_operand(const DecodeMode& mode, Reader& r, Instruction& i) {
  if (i.address_bytes == 2) {
    read_address16(r, i);
  } else {
    read_address(mode, r, i);
  }
  // BP and SP as a base stand for the stack segment.
  if (!i.segment_prefix && (i.base == 4 || i.base == 5)) i.segment = insn::kSs;
}

u8 address_bytes(const DecodeMode& mode, bool prefix) {
  if (!prefix) return mode.width;
  return mode.width == 4 ? 2 : 4;
}

namespace {

constexpr u8 kPrefixNone = 1, kPrefix66 = 2, kPrefixF3 = 4, kPrefixF2 = 8;

bool is_vector_opcode(u16 opcode) {
  if (opcode >= 0x200) return opcode != 0x2f0 && opcode != 0x2f1;
  const unsigned b = opcode & 0xffu;
  return opcode >= 0x110 && (b < 0x18 || (b >= 0x28 && b < 0x30) || (b >= 0x50 && b < 0x80) || b == 0xc2 ||
                             (b >= 0xc4 && b < 0xc7) || b >= 0xd0);
}

// F2 and F3 outrank 66 where a prefix is part of the opcode.
u8 mandatory_prefix(const DecodeMode& mode, const Instruction& i, u16 opcode) {
  const bool operand_first = mode.quirks.test(Quirk::UnicornOperandFirst) && is_vector_opcode(opcode);
  if (operand_first && i.operand_prefix) return kPrefix66;
  if (i.rep == Rep::Repne) return kPrefixF2;
  if (i.rep == Rep::Repe) return kPrefixF3;
  return i.operand_prefix ? kPrefix66 : kPrefixNone;
}

bool fits(const OpcodeRow& row, const Instruction& i, u8 prefix) {
  const Select& s = row.select;
  if ((s.prefixes & prefix) == 0) return false;
  if (!i.has_modrm) return true;
  if ((s.mods & (i.modrm < 0xc0 ? 1 : 2)) == 0) return false;
  if (s.reg >= 0 && s.reg != static_cast<int>(i.group())) return false;
  if (s.rm >= 0 && s.rm != (i.modrm & 7)) return false;
  return (s.w & (i.rex_w() ? 2 : 1)) != 0 && (!i.vex || (s.l & (i.vex_l ? 2 : 1)) != 0);
}

// The row for this encoding; `wrong_width` if there is one, but for other code.
const OpcodeRow* find_row(std::span<const OpcodeRow> rows, const Instruction& i, u8 prefix, bool in_64,
                          bool& wrong_width) {
  for (const OpcodeRow& row : rows) {
    if (!fits(row, i, prefix)) continue;
    if (!row.has(in_64 ? kNo64 : kOnly64)) return &row;
    wrong_width = true;
  }
  return nullptr;
}

u8 operand_bytes(const DecodeMode& mode, const OpcodeRow& row, const Instruction& i) {
  if (row.has(kForce64)) return mode.width == 8 ? 8 : 4;
  if (mode.width != 8) {
    if (row.has(kOp3264) || i.vex) return 4;
    return (mode.width == 2) == i.operand_prefix ? 4 : 2;
  }
  if (row.has(kNearBranch)) return mode.amd && i.operand_prefix && !i.rex_w() ? 2 : 8;
  if (i.rex_w()) return 8;
  if (row.has(kOp3264) || i.vex) return 4;
  if (i.operand_prefix) return 2;
  return row.has(kDefault64) ? 8 : 4;
}

void read_immediate(Reader& r, Instruction& i, Immediate kind) {
  const unsigned full = i.operand_bytes == 2 ? 2 : 4;
  switch (kind) {
    case Immediate::None:
      return;
    case Immediate::Byte:
      i.immediate = r.sign_extended(1);
      return;
    case Immediate::UnsignedByte:
      i.immediate = r.byte();
      return;
    case Immediate::Word:
      i.immediate = r.little_endian(2);
      return;
    case Immediate::Full:
      i.immediate = r.sign_extended(full);
      return;
    case Immediate::Widest:
      i.immediate = r.little_endian(i.operand_bytes);
      return;
    case Immediate::FarPointer:
      i.immediate = r.little_endian(full);
      i.immediate2 = r.little_endian(2);
      return;
    case Immediate::Enter:
      i.immediate = r.little_endian(2);
      i.immediate2 = r.byte();
      return;
    case Immediate::Address:
      i.displacement = r.little_endian(i.address_bytes);
      return;
  }
}

// Escapes to the longer maps.
u16 read_opcode(const DecodeMode& mode, u8 first, Reader& r, Instruction& i) {
  i.opcode = first;
  if (first == 0x0f) {
    i.map = 1;
    i.opcode = r.byte();
    if (!mode.i286 && (i.opcode == 0x38 || i.opcode == 0x3a)) {
      i.map = i.opcode == 0x38 ? 2 : 3;
      i.opcode = r.byte();
    }
  }
  return static_cast<u16>(i.map << 8 | i.opcode);
}

// The 80286 knows the one-byte map without FS, GS and the size prefixes, and 0F 00 to 06.
bool lacks_286(u16 opcode) {
  if (opcode >= 0x100) return opcode > 0x106;
  return (opcode >= 0x64 && opcode <= 0x67) || opcode == 0xf1;
}

const OpcodeRow& first_row(const OpcodeEntry& entry) {
  return entry.count != 0 ? integer_rows()[entry.first] : simd_rows()[entry.simd_first];
}

// A member a group lacks, or an opcode of other code: its immediate belongs to the instruction all the same.
DecodeStatus refuse(const DecodeMode& mode, Reader& r, Instruction& i, const OpcodeEntry& entry, bool wrong_width) {
  const DecodeStatus status = wrong_width ? DecodeStatus::WrongWidth : DecodeStatus::Undefined;
  if (mode.quirks.test(Quirk::BochsFetch)) return status;
  i.operand_bytes = (mode.width == 2) == (i.operand_prefix && !i.rex_w()) ? 4 : 2;
  read_immediate(r, i, first_row(entry).immediate);
  return r.ok() ? status : r.status();
}

// KVM has no operands for what it does not know, Bochs none for what 64-bit mode lacks.
bool refuses_width_at_once(const DecodeMode& mode, const OpcodeEntry& entry) {
  if ((mode.width == 8 ? entry.in_64 : entry.outside_64)) return false;
  return mode.quirks.test(Quirk::BochsFetch) || (mode.kvm && !first_row(entry).has(kKvm));
}

DecodeStatus finish(const DecodeMode& mode, Reader& r, Instruction& i, u16 opcode, u8 prefix) {
  if (opcode == kMovdiri && mode.quirks.test(Quirk::BochsMovdiri)) {
    opcode = kAdcx;
    i.opcode = kAdcx & 0xff;
  }
  const OpcodeEntry& entry = opcode_entry(opcode);
  const bool in_64 = mode.width == 8;
  if (entry.count + entry.simd_count == 0) return skip_unknown(mode, r, i, opcode);
  if (refuses_width_at_once(mode, entry)) return DecodeStatus::WrongWidth;
  i.address_bytes = address_bytes(mode, i.address_prefix);
  if (opcode == kMovdir64b && mode.quirks.test(Quirk::BochsFetch)) return DecodeStatus::Undefined;
  if (entry.mod_rm && !(opcode == kUd0 && mode.quirks.test(Quirk::BochsFetch))) {
    i.modrm = r.byte();
    i.has_modrm = true;
  }
  if (!r.ok()) return r.status();
  bool wrong_width = false;
  const OpcodeRow* row = find_row(integer_rows().subspan(entry.first, entry.count), i, prefix, in_64, wrong_width);
  if (row == nullptr)
    row = find_row(simd_rows().subspan(entry.simd_first, entry.simd_count), i, prefix, in_64, wrong_width);
  if (row != nullptr && row->has(kForce64)) i.modrm |= 0xc0;
  if (i.is_memory()) read_memory_operand(mode, r, i);
  if (!r.ok()) return r.status();
  if (row == nullptr) return refuse(mode, r, i, entry, wrong_width);
  if (i.vex && !row->has(kVexRegister) && i.vex_v != 0) return DecodeStatus::Undefined;
  if (!in_64 && !mode.quirks.test(Quirk::BochsVex) && !mode.quirks.test(Quirk::UnicornVvvv)) i.vex_v &= 7;
  if (!in_64 && i.vex && i.rex_w() && mode.quirks.test(Quirk::BochsVex)) return DecodeStatus::Undefined;
  i.row = row;
  i.operand_bytes = operand_bytes(mode, *row, i);
  const u8 before = r.at();
  read_immediate(r, i, row->immediate);
  const bool forgets =
      opcode == 0x1a4 || opcode == 0x1ac || opcode == 0x7f0 || ((opcode | 1) == 0xf7 && i.group() == 1);
  if (mode.quirks.test(Quirk::UnicornRipShift) && forgets && i.base == kRipRelative) i.displacement -= r.at() - before;
  return r.status();
}

DecodeStatus decode_all(const DecodeMode& mode, Reader& r, Instruction& i) {
  bool saw_vex_stopper = false;
  const u8 first = read_prefixes(mode, r, i, saw_vex_stopper);
  if (!r.ok()) return r.status();
  bool both = false;
  if (mode.quirks.test(Quirk::UnicornRepBoth) && r.has_read(0xf2) && r.has_read(0xf3)) {
    const bool compares = (first & 0xfe) == 0xa6 || (first & 0xfe) == 0xae;
    i.rep = compares ? Rep::Repne : Rep::Repe;
    both = true;
  }
  if (mode.quirks.test(Quirk::BochsFetch) && refuses_as_bochs(mode, first, r, i)) return r.refused();
  if (is_evex_prefix(mode, first, r)) return skip_evex(mode, r, i);
  if (!is_vex_prefix(mode, first, r)) {
    const u16 opcode = read_opcode(mode, first, r, i);
    if (!r.ok()) return r.status();
    if (mode.i286 && lacks_286(opcode)) return DecodeStatus::Undefined;
    if (both && opcode == 0x1b8) return DecodeStatus::Undefined;
    return finish(mode, r, i, opcode, mandatory_prefix(mode, i, opcode));
  }
  static constexpr u8 kPp[] = {kPrefixNone, kPrefix66, kPrefixF3, kPrefixF2};
  const bool refused = saw_vex_stopper || i.rex != 0 || !(mode.width == 8 || mode.vex);
  if (!vex_map_exists(first, r.peek())) return skip_vex(mode, r, i);
  u8 pp = 0;
  read_vex(mode, first, r, i, pp);
  if (!r.ok()) return r.status();
  i.opcode = r.byte();
  if (!r.ok()) return r.status();
  const DecodeStatus status = finish(mode, r, i, static_cast<u16>(kVexMap | i.map << 8 | i.opcode), kPp[pp]);
  return refused && status == DecodeStatus::Ok ? DecodeStatus::Undefined : status;
}

}  // namespace

DecodeMode decode_mode(const Machine& m) {
  DecodeMode mode;
  mode.width = m.code64() ? 8 : m.code32() ? 4 : 2;
  mode.vex = m.protected_mode() && (mode.width != 2 || !m.quirk(Quirk::UnicornVex16));
  mode.amd = m.v[insn::CapVendor] == insn::kAmd || m.quirk(Quirk::UnicornNearBranch);
  mode.i286 = m.v[insn::CapGeneration] == insn::k80286;
  mode.quirks = m.quirks;
  mode.kvm = m.kvm();
  return mode;
}

DecodeStatus decode(const DecodeMode& mode, std::span<const std::uint8_t> bytes, Instruction& out) {
  out = Instruction{};
  Reader r(bytes, mode.i286 ? 10 : kLongestInstruction);
  const DecodeStatus status = decode_all(mode, r, out);
  out.length = r.at();
  return status;
}

u64 effective_offset(const Machine& m, const Instruction& i, u64 plus) {
  u64 offset = i.displacement + plus;
  if (i.base < 16) {
    offset += m.v[insn::Rax + i.base];
  } else if (i.base == kRipRelative) {
    offset += m.next_rip + (m.quirk(Quirk::UnicornCode) ? m.v[insn::CsBase] : 0);
  }
  if (i.index < 16) offset += m.v[insn::Rax + i.index] << i.scale;
  return i.address_bytes == 8 ? offset : offset & ((u64{1} << 8 * i.address_bytes) - 1);
}

}  // namespace diffvisor::x86
