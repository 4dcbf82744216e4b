// SPDX-License-Identifier: Apache-2.0
// Decimal adjustment: SDM 2A "AAA" to "AAS", "DAA", "DAS". SALC is undocumented: AL becomes CF spread out.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

u8 al(Machine& m) { return static_cast<u8>(m.reg(0)); }
void set_al(Machine& m, const Instruction& i, unsigned value) { set_register(m, i, 0, 1, value); }
bool low_digit_overflows(Machine& m) { return (al(m) & 0xf) > 9 || m.flag(AF); }

void set_decimal_flags(Machine& m, bool carry, bool adjust) {
  set_flags(m, C | P | A | Z | S | O, result_flags(al(m), 1) | flag_bit(CF, carry) | flag_bit(AF, adjust));
  leave_undefined(m, Undefined::DecimalAdjust);
}

void ascii_adjust(Machine& m, const Instruction& i, unsigned adjusted) {
  const bool adjust = low_digit_overflows(m);
  if (adjust) set_register(m, i, 0, 2, adjusted);
  set_al(m, i, al(m) & 0xf);
  set_flags(m, kStatus, result_flags(al(m), 1) | flag_bit(CF, adjust) | flag_bit(AF, adjust));
  leave_undefined(m, Undefined::AsciiAdjust);
}

void set_ascii_flags(Machine& m) {
  set_flags(m, kStatus, result_flags(al(m), 1));
  leave_undefined(m, Undefined::AsciiMultiply);
}

}  // namespace

void daa(Machine& m, const Instruction& i) {
  const unsigned old = al(m);
  const bool old_carry = m.flag(CF), adjust = low_digit_overflows(m), carry = old > 0x99 || old_carry;
  set_al(m, i, old + (adjust ? 6 : 0) + (carry ? 0x60 : 0));
  set_decimal_flags(m, carry, adjust);
}
void das(Machine& m, const Instruction& i) {
  const unsigned old = al(m);
  const bool old_carry = m.flag(CF), adjust = low_digit_overflows(m), high = old > 0x99 || old_carry;
  const bool borrow = adjust && old < 6;
  set_al(m, i, old - (adjust ? 6 : 0) - (high ? 0x60 : 0));
  set_decimal_flags(m, high || borrow, adjust);
}
void aaa(Machine& m, const Instruction& i) { ascii_adjust(m, i, static_cast<unsigned>(m.reg(0)) + 0x106); }
void aas(Machine& m, const Instruction& i) { ascii_adjust(m, i, static_cast<unsigned>(m.reg(0)) - 0x106); }
void aam(Machine& m, const Instruction& i) {
  const auto base = static_cast<unsigned>(i.immediate);
  if (base == 0) {
    m.raise(insn::kDE, Cause::Divide);
    return;
  }
  const unsigned value = al(m);
  set_register(m, i, 0, 2, (value / base) << 8 | value % base);
  set_ascii_flags(m);
}
void aad(Machine& m, const Instruction& i) {
  const u64 ax = m.reg(0);
  set_register(m, i, 0, 2, ((ax & 0xff) + (ax >> 8 & 0xff) * i.immediate) & 0xff);
  set_ascii_flags(m);
}
void salc(Machine& m, const Instruction& i) { set_al(m, i, m.flag(CF) ? 0xff : 0); }

}  // namespace diffvisor::x86
