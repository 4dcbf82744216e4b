// SPDX-License-Identifier: Apache-2.0
// Shifts and rotates: SDM 2B "RCL/RCR/ROL/ROR", "SAL/SAR/SHL/SHR", "SHLD", "SHRD".
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

// What a shift comes to. `flags` says which of `values` count beside OF.
struct Shifted {
  u64 result = 0;
  u64 flags = 0, values = 0;
};
using Function = Shifted (*)(const Machine& m, u64 value, unsigned count, unsigned bytes);

unsigned masked_count(Machine& m, const Instruction& i, Operand kind) {
  return static_cast<unsigned>(load(m, i, kind, 1)) & (operand_size(i) == 8 ? 63 : 31);
}

Shifted rotated(u64 result, bool carry) { return {result, C, flag_bit(CF, carry)}; }
Shifted shifted(u64 result, bool carry, unsigned bytes) {
  return {result, C | P | A | Z | S, flag_bit(CF, carry) | result_flags(result, bytes)};
}

Shifted rotate_left(const Machine&, u64 value, unsigned count, unsigned bytes) {
  const unsigned bits = 8 * bytes, n = count % bits;
  const u64 result = n == 0 ? value : (value << n | value >> (bits - n)) & mask_of(bytes);
  return rotated(result, (result & 1) != 0);
}
Shifted rotate_right(const Machine&, u64 value, unsigned count, unsigned bytes) {
  const unsigned bits = 8 * bytes, n = count % bits;
  const u64 result = n == 0 ? value : (value >> n | value << (bits - n)) & mask_of(bytes);
  return rotated(result, sign_of(result, bytes) != 0);
}
// Through the carry: bits + 1 positions.
Shifted rotate_carry_left(const Machine& m, u64 value, unsigned count, unsigned bytes) {
  bool carry = m.flag(CF);
  for (unsigned n = count % (8 * bytes + 1); n != 0; --n) {
    const u64 in = carry ? 1 : 0;
    carry = sign_of(value, bytes) != 0;
    value = (value << 1 | in) & mask_of(bytes);
  }
  return rotated(value, carry);
}
Shifted rotate_carry_right(const Machine& m, u64 value, unsigned count, unsigned bytes) {
  bool carry = m.flag(CF);
  for (unsigned n = count % (8 * bytes + 1); n != 0; --n) {
    const u64 in = carry ? 1 : 0;
    carry = (value & 1) != 0;
    value = value >> 1 | in << (8 * bytes - 1);
  }
  return rotated(value, carry);
}
Shifted shift_left(const Machine&, u64 value, unsigned count, unsigned bytes) {
  const unsigned bits = 8 * bytes;
  const bool carry = count <= bits && (value >> (bits - count) & 1) != 0;
  return shifted(value << count & mask_of(bytes), carry, bytes);
}
Shifted shift_right(const Machine&, u64 value, unsigned count, unsigned bytes) {
  return shifted(value >> count, (value >> (count - 1) & 1) != 0, bytes);
}
Shifted shift_arithmetic(const Machine&, u64 value, unsigned count, unsigned bytes) {
  const std::int64_t wide = sign_extend(value, bytes);
  return shifted(static_cast<u64>(wide >> count) & mask_of(bytes), (wide >> (count - 1) & 1) != 0, bytes);
}

// OF of a count of 1, before any shift that leaves the sign's history elsewhere.
bool left_overflow(u64 result, bool carry, unsigned bytes) { return (sign_of(result, bytes) != 0) != carry; }
bool right_overflow(u64 before, u64 result, unsigned bytes) { return sign_of(before ^ result, bytes) != 0; }

enum class Direction : u8 { Left, Right };
void commit(Machine& m, const Instruction& i, u64 before, unsigned count, const Shifted& s, Direction direction) {
  const unsigned bytes = operand_size(i);
  const bool overflow = direction == Direction::Left ? left_overflow(s.result, (s.values & C) != 0, bytes)
                                                     : right_overflow(before, s.result, bytes);
  set_flags(m, s.flags | O, s.values | flag_bit(OF, overflow));
  if (count != 1) leave_undefined(m, Undefined::ShiftOverflow);
  if ((s.flags & A) != 0) leave_undefined(m, Undefined::Shift);
  set_destination(m, i, s.result);
}

// A count of 0 changes no flag, but memory is written all the same and a 32-bit register loses its upper half.
void shift(Machine& m, const Instruction& i, Function f, Direction direction) {
  const unsigned count = masked_count(m, i, i.row->src);
  const u64 before = load_to_modify(m, i, i.row->dst, operand_size(i));
  if (count == 0) {
    set_destination(m, i, before);
    return;
  }
  commit(m, i, before, count, f(m, before, count, operand_size(i)), direction);
}

void logical_shift(Machine& m, const Instruction& i, Function f, Direction direction) {
  shift(m, i, f, direction);
  if (masked_count(m, i, i.row->src) >= 8 * operand_size(i)) leave_undefined(m, Undefined::ShiftCarry);
}

// More than 16 bits of a 16-bit operand: the manual leaves result and flags open.
void leave_double_shift_undefined(Machine& m, const Instruction& i) {
  leave_undefined(m, Undefined::DoubleShiftCount);
  if (i.is_memory()) {
    m.cannot_judge("double_shift_count");
  } else {
    leave_register_undefined(m, i.rm(), 0xffff);
  }
}

struct DoubleResult {
  u64 result;
  bool carry;
};
// Counts up to twice the operand: for 16 bits the destination comes round again.
DoubleResult double_left(u64 dst, u64 src, unsigned count, unsigned bits) {
  const u64 mask = mask_of(bits / 8);
  if (count <= bits) {
    const u64 low = count == bits ? src : src >> (bits - count);
    return {((count == 64 ? 0 : dst << count) | low) & mask, (dst >> (bits - count) & 1) != 0};
  }
  const unsigned over = count - bits;
  return {(src << over | dst >> (bits - over)) & mask, (src >> (bits - over) & 1) != 0};
}
DoubleResult double_right(u64 dst, u64 src, unsigned count, unsigned bits) {
  const u64 mask = mask_of(bits / 8);
  if (count <= bits) {
    const u64 high = count == bits ? src : src << (bits - count);
    return {((count == 64 ? 0 : dst >> count) | high) & mask, (dst >> (count - 1) & 1) != 0};
  }
  const unsigned over = count - bits;
  return {(src >> over | dst << (bits - over)) & mask, (src >> (over - 1) & 1) != 0};
}

void double_shift(Machine& m, const Instruction& i, Direction direction) {
  const unsigned count = masked_count(m, i, i.row->src), bytes = operand_size(i), bits = 8 * bytes;
  const u64 dst = load_to_modify(m, i, Operand::E, bytes), src = load(m, i, Operand::G, bytes);
  if (count == 0) {
    set_destination(m, i, dst);
    return;
  }
  const DoubleResult r =
      direction == Direction::Left ? double_left(dst, src, count, bits) : double_right(dst, src, count, bits);
  commit(m, i, dst, count, shifted(r.result, r.carry, bytes), Direction::Right);
  if (count > bits) leave_double_shift_undefined(m, i);
}

}  // namespace

void rol(Machine& m, const Instruction& i) { shift(m, i, &rotate_left, Direction::Left); }
void rcl(Machine& m, const Instruction& i) { shift(m, i, &rotate_carry_left, Direction::Left); }
void shl(Machine& m, const Instruction& i) { logical_shift(m, i, &shift_left, Direction::Left); }
void shr(Machine& m, const Instruction& i) { logical_shift(m, i, &shift_right, Direction::Right); }
void sar(Machine& m, const Instruction& i) { shift(m, i, &shift_arithmetic, Direction::Right); }
void ror(Machine& m, const Instruction& i) { shift(m, i, &rotate_right, Direction::Right); }
void rcr(Machine& m, const Instruction& i) { shift(m, i, &rotate_carry_right, Direction::Right); }
void shld(Machine& m, const Instruction& i) { double_shift(m, i, Direction::Left); }
void shrd(Machine& m, const Instruction& i) { double_shift(m, i, Direction::Right); }

}  // namespace diffvisor::x86
