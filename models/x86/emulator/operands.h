// SPDX-License-Identifier: Apache-2.0
// Operands as a row names them, and status flags.
#pragma once

#include <bit>

#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86 {

constexpr u64 mask_of(unsigned bytes) { return ~u64{0} >> (64 - 8 * bytes); }
constexpr u64 sign_of(u64 value, unsigned bytes) { return value >> (8 * bytes - 1) & 1; }
constexpr std::int64_t sign_extend(u64 value, unsigned bytes) {
  const unsigned shift = 64 - 8 * bytes;
  return static_cast<std::int64_t>(value << shift) >> shift;
}

inline unsigned operand_size(const Instruction& i) { return i.row->has(kByte) ? 1 : i.operand_bytes; }

// Without REX the byte registers 4 to 7 are AH, CH, DH, BH (SDM 1 3.4.1.1).
inline bool is_high_byte(const Instruction& i, unsigned number) { return i.rex == 0 && number >= 4 && number < 8; }

inline u64 get_register(const Machine& m, const Instruction& i, unsigned number, unsigned bytes) {
  if (bytes == 1 && is_high_byte(i, number)) return m.v[insn::Rax + number - 4] >> 8 & 0xff;
  return m.v[insn::Rax + number] & mask_of(bytes);
}

// 32-bit results clear the upper half, smaller ones keep what they do not write.
inline void set_register(Machine& m, const Instruction& i, unsigned number, unsigned bytes, u64 value) {
  if (bytes == 1 && is_high_byte(i, number)) {
    u64& r = m.v[insn::Rax + number - 4];
    r = (r & ~u64{0xff00}) | (value & 0xff) << 8;
    return;
  }
  u64& r = m.v[insn::Rax + number];
  r = bytes >= 4 ? value & mask_of(bytes) : (r & ~mask_of(bytes)) | (value & mask_of(bytes));
}

inline unsigned opcode_register(const Instruction& i) { return (i.opcode & 7u) | (i.rex & 1u) << 3; }

u64 load(Machine& m, const Instruction& i, Operand kind, unsigned bytes);
void store(Machine& m, const Instruction& i, Operand kind, unsigned bytes, u64 value);
// Of an operand that store() follows: memory faults here as a write would.
u64 load_to_modify(Machine& m, const Instruction& i, Operand kind, unsigned bytes);

inline u64 source(Machine& m, const Instruction& i) { return load(m, i, i.row->src, operand_size(i)); }
inline u64 source(Machine& m, const Instruction& i, unsigned bytes) { return load(m, i, i.row->src, bytes); }
inline void set_destination(Machine& m, const Instruction& i, u64 value) {
  store(m, i, i.row->dst, operand_size(i), value);
}

// ---- status flags
constexpr u64 flag_bit(unsigned bit, bool on = true) { return u64{on} << bit; }
namespace status {
using namespace insn::rflags;
inline constexpr u64 C = flag_bit(CF), P = flag_bit(PF), A = flag_bit(AF), Z = flag_bit(ZF), S = flag_bit(SF),
                     O = flag_bit(OF);
}  // namespace status

inline void set_flags(Machine& m, u64 which, u64 values) {
  m.v[insn::Rflags] = (m.v[insn::Rflags] & ~which) | (values & which);
}

// SF, ZF and PF of a result.
inline u64 result_flags(u64 value, unsigned bytes) {
  value &= mask_of(bytes);
  return flag_bit(insn::rflags::SF, sign_of(value, bytes) != 0) | flag_bit(insn::rflags::ZF, value == 0) |
         flag_bit(insn::rflags::PF, std::popcount(value & 0xff) % 2 == 0);
}

// a + b + carry, with all six flags.
u64 add_flags(Machine& m, u64 a, u64 b, bool carry, unsigned bytes);
// a - b - borrow, with all six flags.
u64 sub_flags(Machine& m, u64 a, u64 b, bool borrow, unsigned bytes);
// A logical result: CF and OF 0, AF undefined.
void logic_flags(Machine& m, u64 result, unsigned bytes);

// Condition codes of Jcc, SETcc, CMOVcc: SDM 2D B.1.4.7.
bool condition(const Machine& m, unsigned code);

// ---- undefined results
enum class Undefined : u8 {
#define UNDEFINED(constant, flags, page) constant,
#include "models/x86/emulator/undefined.def"
#undef UNDEFINED
};
void leave_undefined(Machine& m, Undefined what);
inline void leave_register_undefined(Machine& m, unsigned number, u64 bits) {
  m.undefined_register = {static_cast<u8>(insn::Rax + number), bits};
}

// Of what follows the first `bytes` of an operand.
inline u64 offset_behind(const Machine& m, const Instruction& i, unsigned bytes) {
  return m.quirk(Quirk::UnicornFarPointer) ? effective_offset(m, i) + bytes : effective_offset(m, i, bytes);
}

}  // namespace diffvisor::x86
