// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/account.h"

#include <gtest/gtest.h>

#include "fuzzers/x86_insn/stand_ins.h"
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/arch_model.h"

namespace diffvisor::x86_insn {
namespace {

using Bytes = std::vector<unsigned>;

Case with_code(unsigned mode, const Bytes& bytes) {
  Case c = golden_case(insn::schema(), 0);
  c[insn::ModeOf] = mode;
  reset_to_golden(c);
  for (const unsigned x : bytes) c.areas[insn::kCodeArea].push_back(static_cast<std::byte>(x));
  return c;
}

Observation run(const Case& c) {
  x86::X86Model model;
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  return o;
}

Behaviour::Account account_of(const Case& c) {
  const Observation o = run(c);
  EXPECT_EQ(o.status, Status::Ran) << o.reason;
  Observation other = o;
  other.outcome = insn::make_outcome(insn::OutcomeKind::Done);
  return account(c, o, other);
}

Bytes code_of(const Case& c) {
  Bytes out;
  for (const std::byte b : c.areas[insn::kCodeArea]) out.push_back(static_cast<unsigned>(b));
  return out;
}

TEST(Account, TheInstructionOfTheLastStepIsTheSubject) {
  Case c = with_code(insn::kLong64, {0x90, 0x0f, 0xa3, 0xc0});
  EXPECT_EQ(account_of(c).subject, "nop");
  EXPECT_TRUE(account_of(c).plain);
  c[insn::ExtraSteps] = 1;
  EXPECT_EQ(account_of(c).subject, "bit_test.bt");
  EXPECT_FALSE(account_of(c).plain);
  EXPECT_EQ(account_of(with_code(insn::kLong64, {0x0f, 0x20, 0xc0})).subject, "mov_from_cr0");
  EXPECT_EQ(account_of(with_code(insn::kLong64, {0x0f, 0x20, 0xe0})).subject, "mov_from_cr4");
  EXPECT_TRUE(account_of(with_code(insn::kReal16, {0xaa})).plain);
  EXPECT_FALSE(account_of(with_code(insn::kReal16, {0xf3, 0xaa})).plain);
}

TEST(Account, AnExceptionHasItsCheck) {
  Case c = with_code(insn::kLong64, {0x00, 0x00});
  c[insn::Rax] = insn::window(insn::kAbsent);
  EXPECT_EQ(account_of(c).check, "page_absent");
  EXPECT_EQ(account_of(c).group, "page");
  EXPECT_TRUE(account_of(c).access);
  EXPECT_EQ(account_of(with_code(insn::kLong64, {0xf0, 0x90})).check, "lock_prefix");
  EXPECT_FALSE(account_of(with_code(insn::kLong64, {0xf0, 0x90})).access);
  EXPECT_EQ(account_of(with_code(insn::kReal16, {0xec})).check, "port");
  const Observation fault = run(c);
  Observation code = fault;
  code.record[insn::kErrorCode] ^= 2;
  EXPECT_FALSE(account(c, fault, code).access) << "it accesses the same";
}

TEST(Account, WhatIsDeliveredIsAboutTheDelivery) {
  Case c = with_code(insn::kLong64, {0x0f, 0x0b});
  c[insn::Deliver] = 1;
  EXPECT_EQ(account_of(c).delivery, "delivery_ud");
  EXPECT_EQ(account_of(c).then, "");
  c[insn::IdtrLimit] = 0x5f;
  EXPECT_EQ(account_of(c).then, "then_contributory");
  c[insn::Deliver] = 0;
  EXPECT_EQ(account_of(c).delivery, "");
}

TEST(Account, RegistersDifferAlikeByTheirBitsMemoryByItsPlace) {
  const Observation a = run(with_code(insn::kLong64, {0x90}));
  Observation rcx = a, also = a, other = a, memory = a;
  rcx.record[insn::Rcx - insn::kFirstState] ^= 4;
  also.record[insn::Rcx - insn::kFirstState] ^= 4;
  also.record[insn::Rax - insn::kFirstState] ^= 1;
  other.record[insn::Rcx - insn::kFirstState] ^= 8;
  memory.record[insn::kMemoryDigest] ^= 1;
  EXPECT_TRUE(alike(a, rcx, a, also));
  EXPECT_FALSE(alike(a, rcx, a, other));
  EXPECT_FALSE(alike(a, rcx, a, memory));
  EXPECT_TRUE(alike(a, memory, a, memory));
  Observation raises = a, lacks = a;
  raises.outcome = insn::make_outcome(insn::OutcomeKind::Exception, insn::kUD);
  lacks.outcome = insn::make_outcome(insn::OutcomeKind::Halt);
  EXPECT_TRUE(alike(a, raises, lacks, raises)) << "neither reference raises it";
  EXPECT_FALSE(alike(a, raises, raises, a));
}

TEST(StandIns, BeginningsAreShorterAndTheCaseIsNotAmongThem) {
  Case c = with_code(insn::kLong64, {0x90, 0x90, 0x90});
  EXPECT_TRUE(beginnings(c).empty());
  c[insn::ExtraSteps] = 1;
  c[insn::Deliver] = 1;
  const auto some = beginnings(c);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_EQ(some[0][insn::ExtraSteps] + some[0][insn::Deliver], 0u);
  EXPECT_EQ(some[2][insn::ExtraSteps], 1u);
  EXPECT_EQ(some[2][insn::Deliver], 0u);
  const auto one = beginnings(with_code(insn::kReal16, {0xf3, 0xa4}));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0][insn::RepOne], 1u);
}

TEST(StandIns, TakeThePrefixesAndTheOperandAndEndAtTheCaseItself) {
  const auto of_memory = stand_ins(with_code(insn::kLong64, {0xf0, 0x41, 0x0f, 0xb1, 0x43, 0x08}));
  ASSERT_GT(of_memory.size(), 2u);
  EXPECT_EQ(code_of(of_memory[0]), (Bytes{0xf0, 0x41, 0x90}));
  EXPECT_EQ(code_of(of_memory[1]), (Bytes{0xf0, 0x41, 0x00, 0x43, 0x08}));
  const auto of_add = stand_ins(with_code(insn::kLong64, {0x00, 0x43, 0x08}));
  ASSERT_EQ(of_add.size(), 1u);
  EXPECT_EQ(code_of(of_add[0]), (Bytes{0x90}));
  EXPECT_TRUE(stand_ins(with_code(insn::kLong64, {0x90})).empty());
  const auto repeated = stand_ins(with_code(insn::kReal16, {0xf3, 0xa4}));
  EXPECT_EQ(code_of(repeated[1]), Bytes{0xa4});
  Case two = with_code(insn::kLong64, {0x0f, 0xa3, 0xc0});
  two[insn::ExtraSteps] = 1;
  EXPECT_TRUE(stand_ins(two).empty());
}

TEST(StandIns, WithoutChecksTheInstructionStays) {
  Case c = with_code(insn::kLong64, {0xf3, 0xa4});
  c[insn::Rcx] = 3;
  c[insn::Rsi] = 4;
  c[insn::Cr4] ^= 1;
  for (const Case& other : unchecked(c)) {
    EXPECT_EQ(other.areas, c.areas);
    EXPECT_NE(other[insn::Cr4], c[insn::Cr4]);
  }
  EXPECT_EQ(unchecked(c).front()[insn::Rcx], 3u);
  EXPECT_EQ(unchecked(c).front()[insn::Rsi], 4u);
  EXPECT_EQ(unchecked(c).back()[insn::Rsi], golden_values(c)[insn::Rsi]);
}

}  // namespace
}  // namespace diffvisor::x86_insn
