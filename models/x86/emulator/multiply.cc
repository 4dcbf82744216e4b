// SPDX-License-Identifier: Apache-2.0
// Multiplication and division: SDM 2A "DIV", "IDIV", "IMUL", 2B "MUL", "MULX".
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

using namespace status;

// DX:AX, or AX for bytes.
void set_double(Machine& m, const Instruction& i, unsigned bytes, u128 value) {
  if (bytes == 1) {
    set_register(m, i, 0, 2, static_cast<u64>(value));
    return;
  }
  set_register(m, i, 0, bytes, static_cast<u64>(value));
  set_register(m, i, 2, bytes, static_cast<u64>(value >> 8 * bytes));
}
u128 get_double(Machine& m, unsigned bytes) {
  if (bytes == 1) return m.reg(0) & 0xffff;
  return static_cast<u128>(m.reg(2) & mask_of(bytes)) << 8 * bytes | (m.reg(0) & mask_of(bytes));
}

// CF and OF say that the upper half matters; SF and PF follow the lower half, as CPUs do.
void multiply_flags(Machine& m, u64 low, unsigned bytes, bool overflow) {
  set_flags(m, kStatus, (result_flags(low, bytes) & ~Z) | flag_bit(CF, overflow) | flag_bit(OF, overflow));
  leave_undefined(m, Undefined::Multiply);
}

i128 signed_product(Machine& m, u64 a, u64 b, unsigned bytes) {
  const i128 product = static_cast<i128>(sign_extend(a, bytes)) * sign_extend(b, bytes);
  const u64 low = static_cast<u64>(product) & mask_of(bytes);
  multiply_flags(m, low, bytes, product != sign_extend(low, bytes));
  return product;
}

// The 80286 has changed the flags by then.
void divide_error(Machine& m) {
  m.raise(insn::kDE, Cause::Divide);
  if (m.v[insn::CapGeneration] == insn::k80286) leave_undefined(m, Undefined::Divide);
}

void set_quotient(Machine& m, const Instruction& i, unsigned bytes, u64 quotient, u64 remainder) {
  leave_undefined(m, Undefined::Divide);
  if (bytes == 1) {
    set_register(m, i, 0, 2, (quotient & 0xff) | (remainder & 0xff) << 8);
    return;
  }
  set_register(m, i, 0, bytes, quotient);
  set_register(m, i, 2, bytes, remainder);
}

}  // namespace

void mul(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u128 product = static_cast<u128>(source(m, i)) * (m.reg(0) & mask_of(bytes));
  multiply_flags(m, static_cast<u64>(product), bytes, product >> 8 * bytes != 0);
  set_double(m, i, bytes, product);
}
void imul1(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 src = source(m, i);
  set_double(m, i, bytes, static_cast<u128>(signed_product(m, m.reg(0) & mask_of(bytes), src, bytes)));
}
void imul2(Machine& m, const Instruction& i) {
  const u64 src = source(m, i), dst = load(m, i, Operand::G, operand_size(i));
  set_destination(m, i, static_cast<u64>(signed_product(m, dst, src, operand_size(i))));
}
void imul3(Machine& m, const Instruction& i) {
  set_destination(m, i, static_cast<u64>(signed_product(m, source(m, i), i.immediate, operand_size(i))));
}

void div(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 divisor = source(m, i);
  if (!m.ok()) return;
  if (divisor == 0) return divide_error(m);
  const u128 dividend = get_double(m, bytes);
  const u128 quotient = dividend / divisor;
  if (quotient > mask_of(bytes)) return divide_error(m);
  set_quotient(m, i, bytes, static_cast<u64>(quotient), static_cast<u64>(dividend % divisor));
}

void idiv(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i), both = 16 * (bytes == 1 ? 1 : bytes);
  const u64 src = source(m, i);
  if (!m.ok()) return;
  if (src == 0) return divide_error(m);
  const i128 divisor = sign_extend(src, bytes);
  const i128 dividend = static_cast<i128>(get_double(m, bytes) << (128 - both)) >> (128 - both);
  // The one quotient that 128 bits cannot hold; its division would trap here too.
  if (divisor == -1 && dividend == static_cast<i128>(static_cast<u128>(1) << 127)) return divide_error(m);
  const i128 quotient = dividend / divisor;
  if (quotient != sign_extend(static_cast<u64>(quotient) & mask_of(bytes), bytes)) return divide_error(m);
  set_quotient(m, i, bytes, static_cast<u64>(quotient), static_cast<u64>(dividend % divisor));
}

// No flags; with one destination for both halves the upper half stays.
void mulx(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u128 product = static_cast<u128>(source(m, i)) * (m.reg(2) & mask_of(bytes));
  set_register(m, i, i.vex_v, bytes, static_cast<u64>(product));
  set_register(m, i, i.reg(), bytes, static_cast<u64>(product >> 8 * bytes));
}

}  // namespace diffvisor::x86
