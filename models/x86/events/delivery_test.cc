// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/delivery.h"

#include <gtest/gtest.h>

#include "models/x86/system/system_instructions.h"
#include "models/x86/test_machine.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;
using insn::kCode;
using insn::kStack;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

Fault fault(unsigned vector, u32 error_code = 0, u64 payload = 0) {
  Fault f;
  f.raised = true;
  f.vector = static_cast<u8>(vector);
  f.error_code = error_code;
  f.payload = payload;
  return f;
}

std::vector<u64> stack_words(const TestMachine& t, unsigned count, unsigned bytes) {
  std::vector<u64> words;
  const u64 base = t.m.code64() ? 0 : t.m.v[insn::SsBase];
  for (unsigned i = 0; i < count; ++i) words.push_back(t.peek(base + t.m.stack_pointer() + i * bytes, bytes));
  return words;
}

TEST(RealMode, PushesFlagsCsIp) {
  TestMachine t(insn::kReal16, {{insn::Rflags, bit(fl::IF) | bit(fl::TF) | bit(fl::AC)}});
  int_n(t.m, plain(0xcd, 2, 0x21));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::CsSelector], insn::kIvtSegment);
  EXPECT_EQ(t.m.next_rip, 0x21u);
  EXPECT_EQ(stack_words(t, 3, 2), (std::vector<u64>{2, kCode >> 4, 0x302}));
  EXPECT_EQ(t.m.v[insn::Rflags], 2u);
  TestMachine small(insn::kReal16, {{insn::IdtrLimit, 0x86}});
  int_n(small.m, plain(0xcd, 2, 0x21));
  EXPECT_EQ(story(small.m), "#GP(0)");
}

TEST(Idt32, SameLevelPushesAnErrorCodeAndSetsRfInTheImage) {
  TestMachine t(insn::kProtected32, {{insn::Rflags, bit(fl::IF) | bit(fl::NT)}});
  deliver_fault(t.m, fault(insn::kGP, 0x58));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::Rip], kCode + 0x1000 + insn::kGP);
  EXPECT_EQ(stack_words(t, 4, 4), (std::vector<u64>{0x58, kCode, insn::kSelCode32, 0x14202}));
  EXPECT_EQ(t.m.v[insn::Rflags], 2u);
}

TEST(Idt32, ACompletedInstructionPushesNoRf) {
  TestMachine t(insn::kProtected32, {{insn::Rflags, bit(fl::RF)}});
  Fault breakpoint = fault(insn::kBP);
  breakpoint.soft = true;
  deliver_fault(t.m, breakpoint);
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(stack_words(t, 3, 4)[2], 2u);
}

TEST(Idt32, InnerLevelTakesTheStackOfTheTss) {
  TestMachine t(insn::kProtected32);
  t.to_user();
  int_n(t.m, plain(0xcd, 4, 0x80));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 0u);
  EXPECT_EQ(t.m.v[insn::SsSelector], insn::kSelData);
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0xa000 - 20);
  EXPECT_EQ(stack_words(t, 5, 4),
            (std::vector<u64>{kCode + 2, insn::kSelUserCode32 | 3, 2, kStack + 0x8000, insn::kSelUserData | 3}));
}

struct IdtCase {
  const char* name;
  unsigned mode;
  bool user;
  u8 vector;
  unsigned at, bytes;  // what is overwritten in the gate
  u64 value;
  const char* expected;
};

// clang-format off
constexpr unsigned k32 = insn::kProtected32, k64 = insn::kLong64;
constexpr IdtCase kIdtCases[] = {
    // name               mode user   vec   at bytes value                     outcome
    {"gate_dpl",          k32, true,  0x20, 0, 0,    0,                        "#GP(102)"},
    {"gate_dpl_inner",    k32, false, 0x20, 0, 0,    0,                        "ok"},
    {"gate_absent",       k32, false, 0x20, 5, 1,    0x0e,                     "#NP(102)"},
    {"gate_type",         k32, false, 0x20, 5, 1,    0x8c,                     "#GP(102)"},
    {"null_target",       k32, false, 0x20, 2, 2,    3,                        "#GP(0)"},
    {"target_beyond",     k32, false, 0x20, 2, 2,    0x200,                    "#GP(200)"},
    {"target_data",       k32, false, 0x20, 2, 2,    insn::kSelData,           "#GP(10)"},
    {"target_outer",      k32, false, 0x20, 2, 2,    insn::kSelUserCode32,     "#GP(20)"},
    {"target_absent",     k32, false, 0x20, 2, 2,    insn::kSelCodeAbsent,     "#NP(88)"},
    {"target_limit",      k32, false, 0x20, 2, 6,    0x00018e000000 | insn::kSelCode16, "#GP(0)"},
    {"gate16",            k32, false, 0x20, 5, 1,    0x86,                     "ok"},
    {"gate_dpl_64",       k64, true,  0x20, 0, 0,    0,                        "#GP(102)"},
    {"gate_type_64",      k64, false, 0x20, 5, 1,    0x86,                     "#GP(102)"},
    {"target_32_of_64",   k64, false, 0x20, 2, 2,    insn::kSelCode32,         "#GP(18)"},
    {"not_canonical_64",  k64, false, 0x20, 8, 4,    0x00008000,               "#GP(0)"},
};
// clang-format on

TEST(Idt, GateChecksInOrder) {
  for (const IdtCase& c : kIdtCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    if (c.user) t.to_user();
    const u64 gate = c.mode == insn::kLong64 ? insn::kIdt64 + 16u * c.vector : insn::kIdt32 + 8u * c.vector;
    if (c.bytes != 0) t.poke(gate + c.at, c.bytes, c.value);
    int_n(t.m, plain(0xcd, 4, c.vector));
    EXPECT_EQ(story(t.m), c.expected);
  }
}

// At its own level and on a misaligned stack #AC raises #AC, for ever.
TEST(Idt32, AlignmentCheckThatNeverEnds) {
  TestMachine t(insn::kProtected32, {{insn::Rsp, insn::kStack + 0x8001}});
  t.to_user();
  t.m.v[insn::Cr0] |= u64{1} << insn::cr0::AM;
  t.m.v[insn::Rflags] |= u64{1} << insn::rflags::AC;
  t.poke(insn::kIdt32 + 8 * insn::kAC + 2, 2, insn::kSelUserCode32);
  Fault f;
  f.raised = true;
  f.vector = insn::kAC;
  deliver_fault(t.m, f);
  ASSERT_NE(t.m.limit, nullptr);
  EXPECT_EQ(std::string_view(t.m.limit), "endless_delivery");
  EXPECT_FALSE(t.m.fault.raised);
}

TEST(Idt, TableEnd) {
  TestMachine t(insn::kLong64, {{insn::IdtrLimit, 0x20e}});
  int_n(t.m, plain(0xcd, 4, 0x20));
  EXPECT_EQ(story(t.m), "#GP(102)");
}

TEST(Idt32, StacksThatCannotBeUsed) {
  struct Row {
    u64 tss_at, value;
    const char* expected;
  };
  constexpr Row kRows[] = {{8, 0, "#TS(0)"},
                           {8, 0x200, "#TS(200)"},
                           {8, insn::kSelData | 1, "#TS(10)"},
                           {8, insn::kSelUserData, "#TS(28)"},
                           {8, insn::kSelCode32, "#TS(18)"},
                           {8, insn::kSelDataAbsent, "#SS(68)"}};
  for (const Row& r : kRows) {
    SCOPED_TRACE(r.expected);
    TestMachine t(insn::kProtected32);
    t.to_user();
    t.poke(insn::kTss32 + r.tss_at, 2, r.value);
    int_n(t.m, plain(0xcd, 4, 0x80));
    EXPECT_EQ(story(t.m), r.expected);
  }
  TestMachine t(insn::kProtected32, {{insn::TrLimit, 8}});
  t.to_user();
  int_n(t.m, plain(0xcd, 4, 0x80));
  EXPECT_EQ(story(t.m), "#TS(b0)");
}

TEST(Virtual8086, GoesToRing0WithItsSegments) {
  TestMachine t(insn::kVirtual8086, {{insn::Rflags, bit(fl::VM) | 3 << fl::IOPL}, {insn::GsSelector, 0x1234}});
  t.m.next_rip = 2;
  int_n(t.m, plain(0xcd, 2, 0x80));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 0u);
  EXPECT_FALSE(t.m.virtual_8086());
  const auto words = stack_words(t, 9, 4);
  EXPECT_EQ(words[0], 2u);
  EXPECT_EQ(words[2], bit(fl::VM) | 3 << fl::IOPL | 2);
  EXPECT_EQ(words[8], 0x1234u);
  EXPECT_EQ(t.m.v[insn::GsAttr], bit(insn::attr::UNUSABLE));
  iret(t.m, plain(0xcf, 4));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_TRUE(t.m.virtual_8086());
  EXPECT_EQ(t.m.v[insn::GsBase], 0x12340u);
  EXPECT_EQ(t.m.v[insn::CsBase], kCode);
}

TEST(Virtual8086, IoplAndTheRedirectionBitmap) {
  TestMachine plain_vm(insn::kVirtual8086);
  int_n(plain_vm.m, plain(0xcd, 2, 0x80));
  EXPECT_EQ(story(plain_vm.m), "#GP(0)");
  TestMachine t(insn::kVirtual8086, {{insn::Rflags, bit(fl::VM) | bit(fl::VIF)}, {insn::Cr4, 1}});
  int_n(t.m, plain(0xcd, 2, 8));  // byte 1 of the bitmap: redirected
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::CsSelector], insn::kIvtSegment);
  EXPECT_EQ(stack_words(t, 3, 2)[2], 0x3202u);
  EXPECT_FALSE(t.m.flag(fl::VIF));
  TestMachine denied(insn::kVirtual8086, {{insn::Cr4, 1}});
  int_n(denied.m, plain(0xcd, 2, 0));
  EXPECT_EQ(story(denied.m), "#GP(0)");
}

TEST(Idt64, AlignsTheStackAndUsesIst) {
  TestMachine t(insn::kLong64, {{insn::Rsp, kStack + 0x8005}});
  deliver_fault(t.m, fault(insn::kGP, 0));
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0x8000 - 48);
  EXPECT_EQ(stack_words(t, 6, 8),
            (std::vector<u64>{0, kCode, insn::kSelCode64, 0x10002, kStack + 0x8005, insn::kSelData}));
  EXPECT_EQ(t.m.v[insn::SsSelector], insn::kSelData);
  TestMachine ist(insn::kLong64);
  ist.poke(insn::kIdt64 + 16 * insn::kUD + 4, 1, 2);
  deliver_fault(ist.m, fault(insn::kUD));
  EXPECT_EQ(ist.m.v[insn::Rsp], kStack + 0xf000 - 0x200 - 40);
}

TEST(Idt64, InnerLevelHasANullStackSegment) {
  TestMachine t(insn::kLong64);
  t.to_user();
  int_n(t.m, plain(0xcd, 8, 0x80));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 0u);
  EXPECT_EQ(t.m.v[insn::SsSelector], 0u);
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0xa000 - 40);
  EXPECT_TRUE(t.m.code64());
  iret(t.m, plain(0xcf, 8));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 3u);
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0x8000);
  EXPECT_EQ(t.m.next_rip, kCode + 2);
}

TEST(Idt64, StackThatIsNotCanonical) {
  TestMachine t(insn::kLong64);
  t.to_user();
  t.poke(insn::kTss64 + 4, 8, u64{1} << 60);
  int_n(t.m, plain(0xcd, 8, 0x80));
  EXPECT_EQ(story(t.m), "#SS(0)");
}

TEST(Exceptions, PayloadsAreTakenOnDelivery) {
  TestMachine t(insn::kLong64, {{insn::Dr6, 0x4003}, {insn::Dr7, 0x2400}});
  deliver_fault(t.m, fault(insn::kDB, 0, bit(13)));
  EXPECT_EQ(t.m.v[insn::Dr6], 0xffff6ff0u);
  EXPECT_EQ(t.m.v[insn::Dr7], 0x400u);
  EXPECT_EQ(stack_words(t, 3, 8)[2], 2u);  // no RF
  TestMachine pf(insn::kLong64);
  deliver_fault(pf.m, fault(insn::kPF, 4, 0x123456));
  EXPECT_EQ(pf.m.v[insn::Cr2], 0x123456u);
}

TEST(Exceptions, SoftOnesReturnBehindAndMindTheGate) {
  TestMachine t(insn::kLong64);
  int3(t.m, plain(0xcc, 4));
  deliver_fault(t.m, Fault(t.m.fault));
  EXPECT_EQ(stack_words(t, 3, 8), (std::vector<u64>{kCode + 2, insn::kSelCode64, 2}));
  TestMachine u(insn::kLong64);
  u.to_user();
  u.poke(insn::kIdt64 + 16 * 3 + 5, 1, 0x8e);
  int3(u.m, plain(0xcc, 4));
  deliver_fault(u.m, Fault(u.m.fault));
  EXPECT_EQ(u.m.v[insn::Rip], kCode + 0x1000 + insn::kGP);
  EXPECT_EQ(stack_words(u, 1, 8)[0], 3u * 8 + 2);
}

TEST(Exceptions, NestOnce) {
  TestMachine t(insn::kLong64);
  t.poke(insn::kIdt64 + 16 * insn::kGP + 5, 1, 0x0e);
  deliver_fault(t.m, fault(insn::kGP));
  EXPECT_EQ(t.m.v[insn::Rip], kCode + 0x1000 + insn::kDF);
  TestMachine serial(insn::kLong64);
  serial.poke(insn::kIdt64 + 16 * insn::kUD + 5, 1, 0x0e);
  deliver_fault(serial.m, fault(insn::kUD));
  EXPECT_EQ(serial.m.v[insn::Rip], kCode + 0x1000 + insn::kNP);
  EXPECT_EQ(stack_words(serial, 1, 8)[0], insn::kUD * 8 + 3);
  TestMachine dead(insn::kLong64, {{insn::IdtrLimit, 0}});
  deliver_fault(dead.m, fault(insn::kUD));
  EXPECT_EQ(story(dead.m), "triple_fault");
}

TEST(Exceptions, QuirksOfPromotion) {
  TestMachine t(insn::kLong64);
  t.m.quirks.set(Quirk::PfThenDe);
  t.poke(insn::kIdt64 + 16 * insn::kPF + 5, 1, 0x0e);
  deliver_fault(t.m, fault(insn::kPF));
  EXPECT_EQ(t.m.v[insn::Rip], kCode + 0x1000 + insn::kNP);
}

}  // namespace
}  // namespace diffvisor::x86
