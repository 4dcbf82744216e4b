// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/prepare.h"

#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/operands.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

constexpr unsigned kRax = 0, kRcx = 1, kRdx = 2, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6, kRdi = 7;

bool repeats(const Code& code) {
  for (unsigned i = 0; i < code.decoded.raw.prefix_count; ++i)
    if ((code.decoded.raw.prefixes[i].value | 1) == 0xf3) return true;
  return false;
}

void choose_count(Builder& b) {
  const unsigned bytes = b.code.address_bytes();
  if (b.chance(92)) return b.set_low(kRcx, bytes, b.rng.below(9));
  b.set_low(kRcx, bytes, b.chance(50) ? b.rng.below(0x200) : edge_value(b.rng));
}

void choose_string(Builder& b) {
  const u8 op = b.code.opcode();
  const unsigned bytes = b.code.operand_bytes();
  const bool source =
      op == 0xa4 || op == 0xa5 || op == 0xa6 || op == 0xa7 || op == 0xac || op == 0xad || op == 0x6e || op == 0x6f;
  const bool target = op != 0xac && op != 0xad && op != 0x6e && op != 0x6f;
  if (repeats(b.code)) choose_count(b);
  if (source) aim_register(b, kRsi, segment_of(b, kDs), bytes);
  if (target) aim_register(b, kRdi, kEs, bytes);
  if (source && target && b.chance(20))  // overlapping
    b.set_low(kRsi, b.code.address_bytes(), b.reg(kRdi) + b.rng.below(9) - 4);
}

// Half of the quotients fit.
void choose_dividend(Builder& b) {
  if (b.code.group() < 6) return;
  const bool is_signed = b.code.group() == 7;
  const unsigned width = b.code.decoded.operand_width;
  const u64 r = b.rng.below(10);
  if (width == 8) {
    const u64 divisor = b.code.is_memory() ? 0x80 : b.reg(b.code.rm() & 3) & 0xff;
    if (r < 6) b.set_low(kRax, 2, b.rng.below(1 + divisor * 0xff));
    return;
  }
  if (r < 5) b.set_low(kRdx, width / 8, is_signed && b.reg(kRax) >> (width - 1) & 1 ? ~u64{0} : 0);
  if (r >= 5 && r < 8) b.set_low(kRdx, width / 8, b.rng.below(0x100));
}

void choose_bit_offset(Builder& b) {
  if (!b.code.is_memory() || b.chance(10)) return;
  const u64 offset = b.chance(70) ? b.rng.below(512) - 256 : (b.rng.below(0x10000) - 0x8000);
  b.set_low(b.code.reg(), b.code.operand_bytes(), offset);
}

void choose_relative(Builder& b) {
  const Immediate imm = immediate_of(b.code, 0);
  if (imm.bytes <= 1 || b.chance(5)) return;
  set_immediate(b, 0, choose_target(b) - b.v[Rip] - b.code.length);
}

void choose_enter(Builder& b) {
  static constexpr u64 kLevels[] = {0, 0, 0, 1, 1, 2, 3, 5, 31, 32, 33, 255};
  if (b.chance(70)) set_immediate(b, 0, b.rng.below(0x100));
  set_immediate(b, 1, pick(b.rng, kLevels));
  if (b.chance(80)) b.set_low(kRbp, b.stack_bytes(), b.reg(kRsp) + 8 * b.rng.below(64));
}

void choose_one_byte(Builder& b) {
  const u8 op = b.code.opcode();
  if ((op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf) || (op >= 0x6c && op <= 0x6f)) return choose_string(b);
  if (op >= 0x70 && op <= 0x7f) return choose_relative(b);
  switch (op) {
    case 0xc8:
      return choose_enter(b);
    case 0xc9:
      if (b.chance(85)) b.set_low(kRbp, b.stack_bytes(), b.reg(kRsp) + 8 * b.rng.below(64));
      return;
    case 0xd2:
    case 0xd3:
      if (b.chance(70)) b.set_low(kRcx, 1, b.rng.below(0x48));
      return;
    case 0xd7:
      return aim_register(b, kRbx, segment_of(b, kDs), 1);
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3:
      b.set_low(kRcx, b.code.address_bytes(), b.rng.below(4));
      return;
    case 0xe8:
    case 0xe9:
      return choose_relative(b);
    case 0xf6:
    case 0xf7:
      return choose_dividend(b);
    case 0xff:
      if ((b.code.group() == 2 || b.code.group() == 4) && !b.code.is_memory() && b.chance(90))
        b.set_low(b.code.rm(), b.code.operand_bytes(), choose_target(b));
      return;
    default:
      return;
  }
}

void choose_two_byte(Builder& b) {
  const u8 op = b.code.opcode();
  if (op >= 0x80 && op <= 0x8f) return choose_relative(b);
  switch (op) {
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return choose_bit_offset(b);
    case 0xa5:
    case 0xad:
      if (b.chance(70)) b.set_low(kRcx, 1, b.rng.below(0x48));
      return;
    case 0xf7:
      return aim_register(b, kRdi, segment_of(b, kDs), 8);
    default:
      if ((op >= 0x10 && op <= 0x17) || op == 0xae || op == 0x28 || op == 0x29 || op == 0x2b || op >= 0xd0 ||
          (op >= 0x50 && op <= 0x7f))
        choose_vector_state(b);
      return;
  }
}

// CMPXCHG finds what it expects in half of the cases.
void match_accumulator(Builder& b) {
  const unsigned bytes = b.code.opcode() == 0xb0 ? 1 : b.code.operand_bytes();
  if (b.chance(50)) return;
  if (!b.code.is_memory()) return b.set_low(kRax, bytes, b.reg(b.code.rm()));
  const u64 gpa = b.gpa_of(b.operand_linear);
  if (gpa != kNowhere) b.set_low(kRax, bytes, b.peek(gpa, bytes));
}

void match_pair(Builder& b) {
  if (!b.code.is_memory() || b.code.group() != 1 || b.chance(45)) return;
  const unsigned half = b.code.context.vector_unified.W != 0 && b.mode == kLong64 ? 8 : 4;
  const u64 gpa = b.gpa_of(b.operand_linear);
  if (gpa == kNowhere || gpa > kRamEnd - 16) return;
  b.set_low(kRax, 8, b.peek(gpa, half));
  b.set_low(kRdx, 8, b.peek(gpa + half, half));
}

void fill_bounds(Builder& b) {
  const unsigned bytes = b.code.operand_bytes();
  const u64 index = b.reg(b.code.reg() & 7);
  u64 low = index - b.rng.below(3);
  if (b.chance(20)) low += 2;
  b.poke_linear(b.operand_linear, bytes, low);
  b.poke_linear(b.operand_linear + bytes, bytes, index + b.rng.below(4) - 1);
}

void fill_one_byte(Builder& b) {
  const unsigned bytes = b.code.operand_bytes();
  switch (b.code.opcode()) {
    case 0x62:
      if (b.mode != kLong64 && b.code.is_memory()) fill_bounds(b);
      return;
    case 0x9d:
      return poke_stack(b, 0, bytes, b.v[Rflags] ^ (b.rng.next() & b.rng.next() & 0x3fffff));
    case 0xc2:
    case 0xc3:
      return poke_stack(b, 0, bytes, choose_target(b));
    case 0xff:
      if (b.code.is_memory() && (b.code.group() == 2 || b.code.group() == 4))
        b.poke_linear(b.operand_linear, bytes, choose_target(b));
      return;
    case 0xd9:  // FLDCW, FLDENV
      if (b.code.is_memory() && b.chance(50))
        b.poke_linear(b.operand_linear, 2, b.chance(50) ? 0x37f : edge_value(b.rng));
      return;
    default:
      return;
  }
}

void fill_two_byte(Builder& b) {
  switch (b.code.opcode()) {
    case 0xb0:
    case 0xb1:
      return match_accumulator(b);
    case 0xc7:
      return match_pair(b);
    case 0xae:  // FXRSTOR, LDMXCSR
      if (b.code.is_memory() && b.code.group() == 1) b.poke_linear(b.operand_linear + 24, 4, b.rng.next() & 0x1ffff);
      if (b.code.is_memory() && b.code.group() == 2) b.poke_linear(b.operand_linear, 4, b.rng.next() & 0x1ffff);
      return;
    default:
      return;
  }
}

}  // namespace

u64 choose_target(Builder& b) {
  const u64 r = b.rng.below(100);
  const u64 code = b.v[Rip] & ~u64{0xfff};
  if (r < 60) return code + b.rng.below(0x1000);
  if (r < 84) return b.v[Rip] + b.rng.below(0x4000) - 0x2000;
  if (r < 94) return b.v[CsLimit] + b.rng.below(4) - 2;
  return edge_value(b.rng);
}

void poke_stack(Builder& b, u64 plus, unsigned bytes, u64 value) { b.poke_linear(b.stack_linear(plus), bytes, value); }

void choose_inputs(Builder& b) {
  if (!b.code.valid || b.code.is_vex()) return;
  if (b.code.map() == 0) choose_one_byte(b);
  if (b.code.map() == 1) choose_two_byte(b);
}

void fill_memory(Builder& b) {
  if (!b.code.valid || b.code.is_vex()) return;
  if (b.code.map() == 0) fill_one_byte(b);
  if (b.code.map() == 1) fill_two_byte(b);
}

}  // namespace diffvisor::x86_insn
