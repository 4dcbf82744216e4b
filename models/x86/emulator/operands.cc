// SPDX-License-Identifier: Apache-2.0
#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

constexpr u64 kUndefinedFlags[] = {
#define UNDEFINED(constant, flags, page) flags,
#include "models/x86/emulator/undefined.def"
#undef UNDEFINED
};

}  // namespace

u64 load(Machine& m, const Instruction& i, Operand kind, unsigned bytes) {
  switch (kind) {
    case Operand::E:
      return i.is_memory() ? m.read(i.segment, effective_offset(m, i), bytes) : get_register(m, i, i.rm(), bytes);
    case Operand::G:
      return get_register(m, i, i.reg(), bytes);
    case Operand::Z:
      return get_register(m, i, opcode_register(i), bytes);
    case Operand::Acc:
      return m.v[insn::Rax] & mask_of(bytes);
    case Operand::Imm:
      return i.immediate & mask_of(bytes);
    case Operand::Cl:
      return m.v[insn::Rcx] & 0xff;
    case Operand::Moffs:
      return m.read(i.segment, i.displacement, bytes);
    case Operand::One:
      return 1;
    case Operand::None:
      return 0;
  }
  return 0;
}

void store(Machine& m, const Instruction& i, Operand kind, unsigned bytes, u64 value) {
  switch (kind) {
    case Operand::E:
      if (i.is_memory()) {
        m.write(i.segment, effective_offset(m, i), bytes, value & mask_of(bytes));
      } else {
        set_register(m, i, i.rm(), bytes, value);
      }
      return;
    case Operand::G:
      set_register(m, i, i.reg(), bytes, value);
      return;
    case Operand::Z:
      set_register(m, i, opcode_register(i), bytes, value);
      return;
    case Operand::Acc:
      set_register(m, i, 0, bytes, value);
      return;
    case Operand::Moffs:
      m.write(i.segment, i.displacement, bytes, value & mask_of(bytes));
      return;
    case Operand::Imm:
    case Operand::Cl:
    case Operand::One:
    case Operand::None:
      return;
  }
}

u64 load_to_modify(Machine& m, const Instruction& i, Operand kind, unsigned bytes) {
  if (kind == Operand::E && i.is_memory()) return m.read_for_write(i.segment, effective_offset(m, i), bytes);
  return load(m, i, kind, bytes);
}

u64 add_flags(Machine& m, u64 a, u64 b, bool carry, unsigned bytes) {
  const u64 result = (a + b + (carry ? 1 : 0)) & mask_of(bytes);
  const u64 carries = (a & b) | ((a | b) & ~result);  // out of each bit
  set_flags(m, kStatus,
            result_flags(result, bytes) | flag_bit(CF, sign_of(carries, bytes) != 0) |
                flag_bit(AF, (carries >> 3 & 1) != 0) | flag_bit(OF, sign_of((a ^ result) & (b ^ result), bytes) != 0));
  return result;
}

u64 sub_flags(Machine& m, u64 a, u64 b, bool borrow, unsigned bytes) {
  const u64 result = (a - b - (borrow ? 1 : 0)) & mask_of(bytes);
  const u64 borrows = (~a & b) | ((~a | b) & result);
  set_flags(m, kStatus,
            result_flags(result, bytes) | flag_bit(CF, sign_of(borrows, bytes) != 0) |
                flag_bit(AF, (borrows >> 3 & 1) != 0) | flag_bit(OF, sign_of((a ^ b) & (a ^ result), bytes) != 0));
  return result;
}

void logic_flags(Machine& m, u64 result, unsigned bytes) {
  set_flags(m, kStatus, result_flags(result, bytes));
  leave_undefined(m, Undefined::Logic);
}

bool condition(const Machine& m, unsigned code) {
  const bool less = m.flag(SF) != m.flag(OF);
  bool holds = false;
  switch (code >> 1 & 7) {
    case 0:
      holds = m.flag(OF);
      break;
    case 1:
      holds = m.flag(CF);
      break;
    case 2:
      holds = m.flag(ZF);
      break;
    case 3:
      holds = m.flag(CF) || m.flag(ZF);
      break;
    case 4:
      holds = m.flag(SF);
      break;
    case 5:
      holds = m.flag(PF);
      break;
    case 6:
      holds = less;
      break;
    case 7:
      holds = less || m.flag(ZF);
      break;
  }
  return holds != ((code & 1) != 0);
}

void leave_undefined(Machine& m, Undefined what) { m.undefined_flags |= kUndefinedFlags[static_cast<unsigned>(what)]; }

}  // namespace diffvisor::x86
