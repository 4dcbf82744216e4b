// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/disassemble.h"

#include <gtest/gtest.h>

#include "harness/arch/insn/schema.h"

namespace diffvisor::x86_insn {
namespace {

Case with_code(unsigned mode, std::initializer_list<unsigned> bytes) {
  Case c = golden_case(insn::schema(), 0);
  c[insn::ModeOf] = mode;
  reset_to_golden(c);
  for (const unsigned x : bytes) c.areas[insn::kCodeArea].push_back(static_cast<std::byte>(x));
  return c;
}

TEST(Disassemble, FollowsTheMode) {
  EXPECT_EQ(first_instruction(with_code(insn::kLong64, {0x48, 0x01, 0x18})), "add [rax], rbx");
  EXPECT_EQ(first_instruction(with_code(insn::kProtected32, {0x48, 0x01, 0x18})), "dec eax");
  EXPECT_EQ(first_instruction(with_code(insn::kReal16, {0x01, 0x07})), "add [bx], ax");
  EXPECT_EQ(first_instruction(with_code(insn::kVirtual8086, {0x66, 0x67, 0x01, 0x18})), "add [eax], ebx");
}

TEST(Disassemble, ListsEveryInstructionUntilOneIsBad) {
  EXPECT_EQ(disassemble(with_code(insn::kLong64, {0xfb, 0x8e, 0xd0, 0xeb, 0xfe, 0x06, 0x90})),
            "   10000  fb                              sti\n"
            "   10001  8e d0                           mov ss, ax\n"
            "   10003  eb fe                           jmp 0x0000000000010003\n"
            "   10005  06 90                           (bad)\n");
  EXPECT_EQ(disassemble(with_code(insn::kLong64, {})), "");
}

}  // namespace
}  // namespace diffvisor::x86_insn
