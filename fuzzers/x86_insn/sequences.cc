// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/sequences.h"

#include "fuzzers/x86_insn/disturb.h"
#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/operands.h"
#include "fuzzers/x86_insn/prepare.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

// A register that the instruction's memory operand does not use.
unsigned free_register(Builder& b) {
  static constexpr u8 kRegisters[] = {0, 1, 2, 3, 5, 6, 7};
  const MemoryOperand m = memory_operand(b);
  unsigned r = pick(b.rng, kRegisters);
  while (m.exists && (r == m.base || r == m.index)) r = (r + 1) % 4;
  return r;
}

}  // namespace

// Blocking by MOV SS and by STI, and the trap of POPF, need a second instruction to be seen.
void draw_pair(Builder& b) {
  static constexpr u8 kMovSs[] = {0x8e, 0xd0}, kPopSs[] = {0x17}, kSti[] = {0xfb}, kPopf[] = {0x9d}, kIret[] = {0xcf};
  const std::span<const u8> first[] = {kMovSs, kPopSs, kSti, kPopf, kSti, kIret, kMovSs};
  set_code(b, pick(b.rng, first));
  if (b.code.is(0, 0xfb) && b.chance(80)) b.v[Rflags] &= ~bit(rflags::IF);
  if (b.chance(40)) b.v[Rflags] |= bit(rflags::TF);
}

void after_pair(Builder& b) {
  static constexpr u8 kNop[] = {0x90}, kMovSs[] = {0x8e, 0xd0}, kSti[] = {0xfb}, kAdd[] = {0x01, 0xd8},
                      kPopf[] = {0x9d}, kInt3[] = {0xcc}, kUd2[] = {0x0f, 0x0b};
  const std::span<const u8> next[] = {kNop, kMovSs, kSti, kAdd, kPopf, kInt3, kUd2, kNop, kAdd};
  if (is_protected(b.mode) && b.chance(85)) b.set_low(0, 2, b.cpl == 3 ? kSelUserData | 3 : kSelData | b.cpl);
  if (!is_protected(b.mode)) b.set_low(0, 2, kStack >> 4);
  for (unsigned i = 0; i < 3; ++i) append(b, pick(b.rng, next));
  b.v[ExtraSteps] = 1 + b.rng.below(3);
  if (b.chance(12)) set_breakpoint(b);
}

// A far transfer to code right behind it, of another width or not, and what tells the state that it has left.
void draw_onward(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0xea}, {0, 0xff, 5, Form::Memory}, {0, 0xcb}, {0, 0xcf}};
  static constexpr u64 kInner[] = {kSelCode64, kSelCode32, kSelCode16, kSelCodeConforming};
  static constexpr u64 kOuter[] = {kSelUserCode64, kSelUserCode32, kSelUserCode16, kSelCodeConforming};
  be_supervisor(b, 60);
  if (is_protected(b.mode) && !b.paging && has(b.v, feature::LM)) prepare_long_mode(b);
  b.onward = (b.cpl == 0 ? pick(b.rng, kInner) : pick(b.rng, kOuter)) | b.cpl;
  Pattern p = pick(b.rng, kPatterns);
  if (b.mode == kLong64 && p.opcode == 0xea) p = kPatterns[1];
  if (b.mode == kProtected16 && b.chance(70)) p.prefix = 0x66;
  encode(b, p);
}

void after_onward(Builder& b) {
  static constexpr u8 kNop[] = {0x90}, kPush[] = {0x50}, kAdd[] = {0x01, 0xd8}, kLoad[] = {0x8b, 0x00},
                      kSldt[] = {0x0f, 0x00, 0xc3}, kClts[] = {0x0f, 0x06};
  static constexpr std::span<const u8> kOthers[] = {kNop, kPush, kAdd, kLoad, kSldt, kClts};
  static constexpr u8 kControl[] = {0, 0, 4, 3};
  const bool before_long = !b.paging && (b.v[Efer] & bit(efer::LME)) != 0;
  const u8 move = b.chance(before_long ? 90 : 60) ? 0x22 : 0x23;
  const unsigned number = move == 0x23                  ? static_cast<unsigned>(b.rng.below(8))
                          : before_long && b.chance(70) ? 0
                                                        : pick(b.rng, kControl);
  const unsigned r = free_register(b);
  b.reg(r) = system_value(b, move, number);
  if (b.mode == kLong64 && b.chance(30)) b.reg(r) |= b.rng.next() << 32;
  const u8 write[] = {0x0f, move, static_cast<u8>(0xc0 | number << 3 | r)};
  if (b.chance(80)) append(b, write);
  append(b, pick(b.rng, kOthers));
  b.v[ExtraSteps] = 1 + b.rng.below(2);
}

}  // namespace diffvisor::x86_insn
