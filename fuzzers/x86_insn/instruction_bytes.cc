// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/instruction_bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

constexpr unsigned kTries = 3;
constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
constexpr u8 kSegmentPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

// Opcodes of one map, those with many forms several times.
struct Pool {
  std::array<u8, 640> opcodes{};
  unsigned count = 0;

  constexpr void add(unsigned first, unsigned last, unsigned times = 1) {
    for (unsigned op = first; op <= last; ++op)
      for (unsigned i = 0; i < times; ++i) opcodes[count++] = static_cast<u8>(op);
  }
  u8 draw(Rng& rng) const { return opcodes[rng.below(count)]; }
};

constexpr bool is_prefix(unsigned op) {
  return op == 0x26 || op == 0x2e || op == 0x36 || op == 0x3e || (op >= 0x64 && op <= 0x67) || op == 0xf0 ||
         op == 0xf2 || op == 0xf3;
}

constexpr Pool one_byte_pool() {
  Pool p;
  for (unsigned op = 0; op < 256; ++op) {
    if (is_prefix(op) || op == 0x0f || (op >= 0xd8 && op <= 0xdf)) continue;
    const bool wide = op < 0x40 && (op & 7) < 4;
    const bool grouped = (op >= 0x80 && op <= 0x83) || op == 0xc0 || op == 0xc1 || (op >= 0xd0 && op <= 0xd3) ||
                         op == 0xf6 || op == 0xf7 || op == 0xfe || op == 0xff;
    p.add(op, op, grouped ? 6 : wide || (op >= 0x84 && op <= 0x8f) || op == 0x69 || op == 0x6b || op == 0x63 ? 2 : 1);
  }
  return p;
}

constexpr Pool two_byte_pool() {
  Pool p;
  p.add(0x00, 0x01, 8);
  p.add(0x02, 0x03, 4);
  p.add(0x05, 0x09);
  p.add(0x0b, 0x0b);
  p.add(0x0d, 0x0d);
  p.add(0x18, 0x1f);
  p.add(0x20, 0x23, 3);
  p.add(0x30, 0x35);
  p.add(0x40, 0x4f, 2);
  p.add(0x80, 0x8f);
  p.add(0x90, 0x9f, 2);
  p.add(0xa0, 0xaf, 3);
  p.add(0xb0, 0xbf, 3);
  p.add(0xba, 0xba, 6);
  p.add(0xc0, 0xc1, 4);
  p.add(0xc3, 0xc3, 2);
  p.add(0xc7, 0xc7, 4);
  p.add(0xc8, 0xcf);
  p.add(0xff, 0xff);
  return p;
}

constexpr Pool kOneByte = one_byte_pool(), kTwoBytes = two_byte_pool();
constexpr u8 kVexPrefix[] = {0, 0, 0x66, 0xf2, 0xf3};

// MOV forms of SSE and MMX, and the x87 instructions of FPU control: what is modelled of them.
constexpr Pattern kVectorMoves[] = {
    {1, 0x10}, {1, 0x11}, {1, 0x28}, {1, 0x29}, {1, 0x2b}, {1, 0x6e}, {1, 0x6f}, {1, 0x7e}, {1, 0x7f}, {1, 0xe7},
    {1, 0x12}, {1, 0x13}, {1, 0x16}, {1, 0x17}, {1, 0x50}, {1, 0xd6}, {1, 0xd7}, {1, 0x77}, {1, 0xf7}, {1, 0xae},
};
constexpr Pattern kX87Control[] = {{0, 0xd9, 7, Form::Memory},
                                   {0, 0xd9, 5, Form::Memory},
                                   {0, 0xdd, 7, Form::Memory},
                                   {0, 0x9b},
                                   {0, 0xdb, 4, Form::Register, 0, false, 3},
                                   {0, 0xdb, 4, Form::Register, 0, false, 2},
                                   {0, 0xdf, 4, Form::Register, 0, false, 0}};
constexpr Pattern kBmi[] = {
    {2, 0xf2, -1, Form::Any, 0, true},    {2, 0xf3, 1, Form::Any, 0, true},     {2, 0xf3, 2, Form::Any, 0, true},
    {2, 0xf3, 3, Form::Any, 0, true},     {2, 0xf5, -1, Form::Any, 0, true},    {2, 0xf5, -1, Form::Any, 0xf2, true},
    {2, 0xf5, -1, Form::Any, 0xf3, true}, {2, 0xf6, -1, Form::Any, 0xf2, true}, {2, 0xf7, -1, Form::Any, 0, true},
    {2, 0xf7, -1, Form::Any, 0x66, true}, {2, 0xf7, -1, Form::Any, 0xf2, true}, {2, 0xf7, -1, Form::Any, 0xf3, true},
    {3, 0xf0, -1, Form::Any, 0xf2, true}};
constexpr Pattern kThreeBytes[] = {{2, 0xf0},
                                   {2, 0xf1},
                                   {2, 0xf0, -1, Form::Memory},
                                   {2, 0xf1, -1, Form::Memory},
                                   {2, 0xf6, -1, Form::Any, 0x66},
                                   {2, 0xf6, -1, Form::Any, 0xf3},
                                   {2, 0xf0, -1, Form::Any, 0xf2},
                                   {2, 0xf1, -1, Form::Any, 0xf2},
                                   {2, 0x82, -1, Form::Memory, 0x66},
                                   {2, 0xf8, -1, Form::Memory, 0x66},
                                   {2, 0xf9, -1, Form::Memory}};
constexpr Pattern kPrefixed[] = {
    {1, 0xb8, -1, Form::Any, 0xf3},     {1, 0xbc, -1, Form::Any, 0xf3},     {1, 0xbd, -1, Form::Any, 0xf3},
    {1, 0xae, 0, Form::Register, 0xf3}, {1, 0xae, 1, Form::Register, 0xf3}, {1, 0xae, 2, Form::Register, 0xf3},
    {1, 0xae, 3, Form::Register, 0xf3}, {1, 0xc7, 7, Form::Register, 0xf3}, {0, 0x90, -1, Form::Any, 0xf3}};

bool can_lock(const Pattern& p) {
  if (p.vex) return false;
  const u8 op = p.opcode;
  if (p.map == 0)
    return (op < 0x38 && (op & 7) < 2) || (op >= 0x80 && op <= 0x83) || op == 0x86 || op == 0x87 || (op & 0xf6) == 0xf6;
  return p.map == 1 && (op == 0xab || op == 0xb3 || op == 0xbb || op == 0xba || op == 0xb0 || op == 0xb1 ||
                        op == 0xc0 || op == 0xc1 || op == 0xc7);
}

class Writer {
 public:
  explicit Writer(Code& code) : code_(&code) { code.total = 0; }
  void put(unsigned byte) { code_->bytes[code_->total++] = static_cast<u8>(byte); }

 private:
  Code* code_;
};

void put_prefixes(Builder& b, Writer& w, const Pattern& p, Rep rep) {
  const u64 r = b.rng.next();
  const auto roll = [r](unsigned place, unsigned of256) { return (r >> 8 * place & 0xff) < of256; };
  const bool narrow = b.mode <= kProtected16;
  if (roll(0, can_lock(p) ? 20 : 2)) w.put(0xf0);
  if (rep == Rep::Often ? roll(1, 150) : roll(1, 8)) w.put(b.chance(60) ? 0xf3 : 0xf2);
  if (p.prefix != 0x66 && roll(2, narrow ? 70 : 40)) w.put(0x66);
  if (roll(3, narrow ? 50 : 16)) w.put(0x67);
  if (roll(4, 20)) w.put(pick(b.rng, kSegmentPrefixes));
  if (b.mode == kLong64 && roll(5, 3)) w.put(0x40 | (r >> 56 & 15));  // does not count: prefixes follow
  if (roll(6, 7))
    for (u64 n = 1 + b.rng.below(4); n > 0; --n) w.put(pick(b.rng, kPrefixes));
}

void put_opcode(Builder& b, Writer& w, const Pattern& p) {
  if (p.prefix != 0) w.put(p.prefix);
  if (b.mode == kLong64) {
    const u64 r = b.rng.next();
    if ((r & 0xff) < 120) w.put(0x40 | (r >> 8 & 15 & ((r >> 16 & 3) == 0 ? 15 : (r >> 18 & 1) != 0 ? 8 : 7)));
  }
  if (p.map != 0) w.put(0x0f);
  if (p.map == 2) w.put(0x38);
  if (p.map == 3) w.put(0x3a);
}

void put_vex(Builder& b, Writer& w, const Pattern& p) {
  const u64 r = b.rng.next();
  const unsigned pp = p.prefix == 0x66 ? 1 : p.prefix == 0xf3 ? 2 : p.prefix == 0xf2 ? 3 : 0;
  w.put(0xc4);
  // R, X, B are inverted; outside 64-bit mode R and X must be 1, B and vvvv[3] are ignored.
  w.put((b.mode == kLong64 ? r & 0xe0 : 0xc0 | (r & 0x20)) | p.map);
  const bool no_register = p.map == 3;
  w.put(static_cast<unsigned>((r >> 8 & 0x80) | ((no_register ? 15 : r >> 16 & 15) << 3) |
                              ((r >> 24 & 31) == 0 ? 4 : 0) | pp));
}

void put_operands(Builder& b, Writer& w, const Pattern& p) {
  const u64 r = b.rng.next(), tail = b.rng.next();
  const bool memory = p.form == Form::Memory || (p.form == Form::Any && (r & 0xff) < 150);
  const unsigned mod = memory ? static_cast<unsigned>((r >> 8) % 3) : 3;
  const unsigned reg = p.group >= 0 ? static_cast<unsigned>(p.group) : r >> 16 & 7;
  const unsigned rm = p.rm >= 0 ? static_cast<unsigned>(p.rm) : r >> 24 & 7;
  w.put(mod << 6 | reg << 3 | rm);
  for (unsigned i = 0; i < 3; ++i) w.put(r >> (32 + 8 * i) & 0xff);
  for (unsigned i = 0; i < 8; ++i) w.put(tail >> 8 * i & 0xff);
}

ZydisDecoder make_decoder(ZydisMachineMode machine, ZydisStackWidth stack) {
  ZydisDecoder d;
  ZydisDecoderInit(&d, machine, stack);
  ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
  return d;
}

}  // namespace

const ZydisDecoder& decoder_of(u64 mode) {
  static const ZydisDecoder decoders[kModes] = {
      make_decoder(ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16),
      make_decoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16),
      make_decoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16),
      make_decoder(ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32),
      make_decoder(ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32),
      make_decoder(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64),
  };
  return decoders[mode];
}

void decode(Builder& b) {
  Code& code = b.code;
  const unsigned seen = std::min(code.total, unsigned{ZYDIS_MAX_INSTRUCTION_LENGTH});
  code.valid = ZYAN_SUCCESS(
      ZydisDecoderDecodeInstruction(&decoder_of(b.mode), &code.context, code.bytes.data(), seen, &code.decoded));
  if (!code.valid) code.decoded = {};
  code.length = code.valid ? code.decoded.length : seen;
}

Pattern any_pattern(Rng& rng, u64 mode) {
  const u64 r = rng.below(1000);
  Pattern p;
  if (r < 560) {
    p.opcode = kOneByte.draw(rng);
  } else if (r < 810) {
    p = {1, kTwoBytes.draw(rng)};
  } else if (r < 850) {
    return pick(rng, kPrefixed);
  } else if (r < 890) {
    return pick(rng, kThreeBytes);
  } else if (r < 940 && mode >= kProtected16) {
    return pick(rng, kBmi);
  } else if (r < 965) {
    p = pick(rng, kVectorMoves);
    p.prefix = pick(rng, kVexPrefix);
  } else if (r < 980) {
    return pick(rng, kX87Control);
  } else {
    p = {static_cast<u8>(rng.below(4)), static_cast<u8>(rng.next())};
  }
  return p;
}

void encode(Builder& b, const Pattern& p, Rep rep) {
  for (unsigned i = 0; i < kTries; ++i) {
    Writer w(b.code);
    put_prefixes(b, w, p, rep);
    if (p.vex) {
      put_vex(b, w, p);
    } else {
      put_opcode(b, w, p);
    }
    w.put(p.opcode);
    put_operands(b, w, p);
    decode(b);
    if (b.code.valid || b.rng.one_in(8)) break;
  }
  b.code.total = b.code.length;
}

void encode_one_of(Builder& b, std::span<const Pattern> patterns, Rep rep) {
  for (unsigned i = 0; i < kTries; ++i) {
    encode(b, b.rng.pick(patterns), rep);
    if (b.code.valid || b.rng.one_in(8)) break;
  }
}

void encode_raw(Builder& b) {
  Writer w(b.code);
  for (unsigned n = 0; n < 2; ++n)
    for (u64 r = b.rng.next(), i = 0; i < 8; ++i, r >>= 8) w.put(r & 0xff);
  decode(b);
  b.code.total = b.code.length;
}

void encode_too_long(Builder& b) {
  encode(b, any_pattern(b.rng, b.mode));
  const Code before = b.code;
  const u64 wanted = 13 + b.rng.below(5);
  Writer w(b.code);
  const u8 filler = pick(b.rng, kPrefixes);
  const bool same = b.chance(50);
  for (u64 n = wanted - std::min<u64>(wanted, before.length); n > 0; --n)
    w.put(same ? filler : pick(b.rng, kSegmentPrefixes));
  for (unsigned i = 0; i < before.length; ++i) w.put(before.bytes[i]);
  decode(b);
}

void set_code(Builder& b, std::span<const u8> bytes) {
  b.code.total = 0;
  append(b, bytes);
  decode(b);
}

void append(Builder& b, std::span<const u8> bytes) {
  Code& code = b.code;
  const std::size_t n = std::min(bytes.size(), code.bytes.size() - code.total);
  std::memcpy(code.bytes.data() + code.total, bytes.data(), n);
  code.total += static_cast<unsigned>(n);
}

Immediate immediate_of(const Code& code, unsigned n) {
  const auto& imm = code.decoded.raw.imm[n];
  return {imm.offset, imm.size / 8u};
}

void set_immediate(Builder& b, unsigned n, u64 value) {
  const Immediate imm = immediate_of(b.code, n);
  for (unsigned i = 0; i < imm.bytes; ++i) b.code.bytes[imm.offset + i] = static_cast<u8>(value >> 8 * i);
}

}  // namespace diffvisor::x86_insn
