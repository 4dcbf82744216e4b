// SPDX-License-Identifier: Apache-2.0
// BMI1 and BMI2 but for TZCNT and MULX: SDM 1 5.1.16.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

// The operand that VEX.vvvv names.
u64 vex_source(Machine& m, const Instruction& i) { return get_register(m, i, i.vex_v, operand_size(i)); }

void set_bit_flags(Machine& m, u64 flags) {
  set_flags(m, kStatus, flags);
  leave_undefined(m, Undefined::BitManipulation);
}

// BLSR, BLSMSK and BLSI write the register of VEX.vvvv.
void commit_lowest(Machine& m, const Instruction& i, u64 result, bool carry, u64 kept) {
  const unsigned bytes = operand_size(i);
  set_bit_flags(m, (result_flags(result, bytes) & kept) | flag_bit(CF, carry));
  set_register(m, i, i.vex_v, bytes, result);
}

unsigned shift_count(Machine& m, const Instruction& i) {
  return static_cast<unsigned>(vex_source(m, i)) & (operand_size(i) == 8 ? 63 : 31);
}

}  // namespace

void andn(Machine& m, const Instruction& i) {
  const u64 result = ~vex_source(m, i) & source(m, i);
  set_bit_flags(m, result_flags(result, operand_size(i)) & (S | Z));
  set_destination(m, i, result);
}
void bextr(Machine& m, const Instruction& i) {
  const u64 control = vex_source(m, i), start = control & 0xff, length = control >> 8 & 0xff;
  const u64 src = source(m, i);
  u64 result = start < 64 ? src >> start : 0;
  if (length < 64) result &= (u64{1} << length) - 1;
  set_flags(m, kStatus, flag_bit(ZF, result == 0));
  leave_undefined(m, Undefined::BitExtract);
  set_destination(m, i, result);
}
void blsr(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  commit_lowest(m, i, (src - 1) & src, src == 0, S | Z);
}
void blsmsk(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  commit_lowest(m, i, (src - 1) ^ src, src == 0, S);
}
void blsi(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  commit_lowest(m, i, (~src + 1) & src, src != 0, S | Z);
}
void bzhi(Machine& m, const Instruction& i) {
  const u64 src = source(m, i), index = vex_source(m, i) & 0xff;
  const unsigned bits = 8 * operand_size(i);
  const u64 result = index < bits ? src & ((u64{1} << index) - 1) : src;
  set_bit_flags(m, (result_flags(result, operand_size(i)) & (S | Z)) | flag_bit(CF, index >= bits));
  set_destination(m, i, result);
}
void pext(Machine& m, const Instruction& i) {
  const u64 mask = source(m, i), src = vex_source(m, i);
  u64 result = 0;
  unsigned k = 0;
  for (u64 left = mask; left != 0; left &= left - 1, ++k) result |= (src >> std::countr_zero(left) & 1) << k;
  set_destination(m, i, result);
}
void pdep(Machine& m, const Instruction& i) {
  const u64 mask = source(m, i), src = vex_source(m, i);
  u64 result = 0;
  unsigned k = 0;
  for (u64 left = mask; left != 0; left &= left - 1, ++k) result |= (src >> k & 1) << std::countr_zero(left);
  set_destination(m, i, result);
}
void rorx(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  const unsigned bits = 8 * operand_size(i), n = static_cast<unsigned>(i.immediate) & (bits - 1);
  set_destination(m, i, n == 0 ? src : src >> n | src << (bits - n));
}
void sarx(Machine& m, const Instruction& i) {
  set_destination(m, i, static_cast<u64>(sign_extend(source(m, i), operand_size(i)) >> shift_count(m, i)));
}
void shlx(Machine& m, const Instruction& i) { set_destination(m, i, source(m, i) << shift_count(m, i)); }
void shrx(Machine& m, const Instruction& i) { set_destination(m, i, source(m, i) >> shift_count(m, i)); }

}  // namespace diffvisor::x86
