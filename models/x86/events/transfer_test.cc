// SPDX-License-Identifier: Apache-2.0
// Far transfers, IRET, task switches and fast system calls.
#include <gtest/gtest.h>

#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/system_instructions.h"
#include "models/x86/test_machine.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;
using insn::kCode;
using insn::kStack;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr unsigned k32 = insn::kProtected32, k64 = insn::kLong64, kC = insn::kCompatibility32;

struct FarCase {
  const char* name;
  unsigned mode;
  bool user, call;
  u16 selector;
  u64 offset;
  const char* expected;
};
// clang-format off
constexpr FarCase kFarCases[] = {
    // name              mode user   call   selector                    offset   outcome
    {"jmp_code",         k32, false, false, insn::kSelCode32,           kCode,   "ok"},
    {"null",             k32, false, false, 2,                          kCode,   "#GP(0)"},
    {"beyond",           k32, false, false, 0x200,                      kCode,   "#GP(200)"},
    {"data",             k32, false, false, insn::kSelData,             kCode,   "#GP(10)"},
    {"absent",           k32, false, false, insn::kSelCodeAbsent,       kCode,   "#NP(88)"},
    {"rpl",              k32, false, false, insn::kSelCode32 | 1,       kCode,   "#GP(18)"},
    {"conforming_rpl",   k32, false, false, insn::kSelCodeConforming | 3, kCode, "ok"},
    {"conforming_user",  k32, true,  false, insn::kSelCodeConforming,   kCode,   "ok"},
    {"outer",            k32, false, false, insn::kSelUserCode32,       kCode,   "#GP(20)"},
    {"inner",            k32, true,  false, insn::kSelCode32,           kCode,   "#GP(18)"},
    {"limit",            k32, false, false, insn::kSelCode16,           0x10000, "#GP(0)"},
    {"gate_jmp",         k32, false, false, insn::kSelGate32,           0,       "ok"},
    {"gate_jmp_inner",   k32, true,  false, insn::kSelGate32 | 3,       0,       "#GP(18)"},
    {"gate_call_inner",  k32, true,  true,  insn::kSelGate32 | 3,       0,       "ok"},
    {"tss_inner",        k32, true,  false, insn::kSelTss32,            0,       "#GP(b0)"},
    {"tss_busy",         k32, false, false, insn::kSelTss32,            0,       "#GP(b0)"},
    {"tss",              k32, false, false, insn::kSelTask32,           0,       "ok"},
    {"tss16",            k32, false, true,  insn::kSelTask16,           0,       "ok"},
    {"task_gate",        k32, false, false, insn::kSelTaskGate,         0,       "ok"},
    {"ldt",              k32, false, false, insn::kSelLdt,              0,       "#GP(50)"},
    {"tss_long",         k64, false, false, insn::kSelTss64Available,   0,       "#GP(f0)"},
    {"gate16_long",      k64, false, false, insn::kSelGate16,           0,       "#GP(a8)"},
    {"gate32_long",      k64, false, false, insn::kSelGate32,           0,       "#GP(a0)"},  // no second half
    {"gate64",           k64, false, false, insn::kSelGate64,           0,       "ok"},
    {"gate64_user",      k64, true,  true,  insn::kSelGate64 | 3,       0,       "ok"},
    {"to_compat",        k64, false, false, insn::kSelCode32,           kCode,   "ok"},
    {"to_64",            kC,  false, false, insn::kSelCode64,           kCode,   "ok"},
};
// clang-format on

TEST(FarTransfer, ChecksInOrder) {
  for (const FarCase& c : kFarCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    if (c.user) t.to_user();
    const Instruction i = plain(c.call ? 0x9a : 0xea, 4, c.offset, c.selector);
    c.call ? call_far(t.m, i) : jmp_far(t.m, i);
    EXPECT_EQ(story(t.m), c.expected);
  }
}

TEST(FarTransfer, CallGateCopiesParameters) {
  TestMachine t(insn::kProtected32);
  t.to_user();
  t.poke(kStack + 0x8000, 8, 0x2222222211111111);
  call_far(t.m, plain(0x9a, 4, 0, insn::kSelGate32 | 3));
  ASSERT_EQ(story(t.m), "ok");
  const u64 sp = t.m.v[insn::Rsp];
  EXPECT_EQ(sp, kStack + 0xa000 - 24);
  const u64 expected[] = {kCode + 2,  insn::kSelUserCode32 | 3, 0x11111111,
                          0x22222222, kStack + 0x8000,          insn::kSelUserData | 3};
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(t.peek(sp + 4 * i, 4), expected[i]) << i;
  EXPECT_EQ(t.m.v[insn::CsSelector], insn::kSelCode32);
  EXPECT_EQ(t.m.next_rip, kCode + 0x900);
  ret_far(t.m, plain(0xca, 4, 8));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 3u);
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0x8008);
  EXPECT_EQ(t.m.next_rip, kCode + 2);
}

// The inner stack begins where the outer one ends: SS:ESP is pushed over the parameters before they are read.
TEST(FarTransfer, ParametersAreReadBehindThePushOfTheOldStack) {
  TestMachine t(insn::kProtected32);
  t.to_user();
  t.m.v[insn::Rsp] = kStack + 0xa000 - 8;
  t.poke(kStack + 0xa000 - 8, 8, 0x2222222211111111);
  call_far(t.m, plain(0x9a, 4, 0, insn::kSelGate32 | 3));
  ASSERT_EQ(story(t.m), "ok");
  const u64 sp = t.m.v[insn::Rsp];
  EXPECT_EQ(t.peek(sp + 8, 4), kStack + 0xa000 - 8) << "ESP in the first parameter's place";
  EXPECT_EQ(t.peek(sp + 12, 4), insn::kSelUserData | 3u) << "SS in the second's";
}

TEST(FarReturn, ASixteenBitStackKeepsTheUpperHalfFromBeforeTheFrame) {
  TestMachine t(insn::kLong64);
  t.poke(insn::kGdt + insn::kSelUserData + 6, 1, 0x8f);  // SS.B = 0
  const u64 sp = kStack - 16;
  const u64 frame[] = {kCode, insn::kSelUserCode32 | 3, 0x1234, insn::kSelUserData | 3};
  for (unsigned i = 0; i < 4; ++i) t.poke(sp + 8 * i, 8, frame[i]);
  t.m.v[insn::Rsp] = sp;
  ret_far(t.m, plain(0xcb, 8));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::Rsp], (sp & ~u64{0xffff}) | 0x1234);
}

TEST(FarTransfer, AGateIsPresentBeforeItsSecondHalfCounts) {
  TestMachine t(insn::kLong64);
  t.poke(insn::kGdt + insn::kSelGate32 + 5, 1, 0x6c);
  jmp_far(t.m, plain(0xea, 4, 0, insn::kSelGate32));
  EXPECT_EQ(story(t.m), "#NP(a0)");
}

TEST(FarTransfer, A16BitGateHasNoBitsAbove15) {
  TestMachine t(insn::kProtected16);
  t.poke(insn::kGdt + insn::kSelGate16 + 6, 2, 0x1234);
  jmp_far(t.m, plain(0xea, 2, 0, insn::kSelGate16));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.next_rip, 0xa00u);
}

TEST(FarTransfer, AStackThatCannotBePushedToStaysUnaccessed) {
  TestMachine t(insn::kProtected32);
  t.to_user();
  t.poke(insn::kGdt + insn::kSelData + 5, 1, 0x92);
  t.poke(insn::kTss32 + 4, 4, insn::window(insn::kAbsent) + 0x800);
  call_far(t.m, plain(0x9a, 4, 0, insn::kSelGate32 | 3));
  EXPECT_EQ(story(t.m), "#PF(2)");
  EXPECT_EQ(t.peek(insn::kGdt + insn::kSelData + 5, 1), 0x92u);
}

TEST(FarTransfer, NothingIsPushedWhenTheTargetIsRefused) {
  TestMachine t(insn::kProtected32);
  call_far(t.m, plain(0x9a, 4, 0x10000, insn::kSelCode16));
  EXPECT_EQ(story(t.m), "#GP(0)");
  EXPECT_EQ(t.memory.changes().size(), 0u);
}

TEST(FarReturn, DropsSegmentsTheOuterLevelMayNotSee) {
  TestMachine t(insn::kProtected32);
  const u64 sp = kStack + 0x7000;
  const u64 frame[] = {kCode + 5, insn::kSelUserCode32 | 3, kStack + 0x100, insn::kSelUserData | 3};
  for (unsigned i = 0; i < 4; ++i) t.poke(sp + 4 * i, 4, frame[i]);
  t.m.v[insn::Rsp] = sp;
  t.m.v[insn::EsAttr] |= 0x60;
  ret_far(t.m, plain(0xcb, 4));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::DsSelector], 0u);
  EXPECT_EQ(t.m.v[insn::DsAttr], bit(insn::attr::UNUSABLE));
  EXPECT_EQ(t.m.v[insn::EsSelector], insn::kSelData);
}

struct ReturnCase {
  const char* name;
  unsigned mode;
  u64 rip, cs, flags, sp, ss;
  const char* expected;
};
constexpr u64 kUser32 = insn::kSelUserCode32 | 3, kUser64 = insn::kSelUserCode64 | 3, kUserSs = insn::kSelUserData | 3;
// clang-format off
constexpr ReturnCase kReturns[] = {
    // name            mode rip           cs                          flags   sp      ss                    outcome
    {"same",           k32, kCode,        insn::kSelCode32,           2,      0,      0,                    "ok"},
    {"outer",          k32, kCode,        kUser32,                    2,      0,      kUserSs,              "ok"},
    {"cs_null",        k32, kCode,        3,                          2,      0,      kUserSs,              "#GP(0)"},
    {"cs_data",        k32, kCode,        insn::kSelData,             2,      0,      kUserSs,              "#GP(10)"},
    {"cs_dpl",         k32, kCode,        insn::kSelUserCode32,       2,      0,      kUserSs,              "#GP(20)"},
    {"ss_null",        k32, kCode,        kUser32,                    2,      0,      0,                    "#GP(0)"},
    {"ss_rpl",         k32, kCode,        kUser32,                    2,      0,      insn::kSelUserData,   "#GP(28)"},
    {"ss_before_rip",  k32, 0x20000,      insn::kSelUserCode16 | 3,   2,      0,      insn::kSelData | 3,   "#GP(10)"},
    {"rip",            k32, 0x20000,      insn::kSelUserCode16 | 3,   2,      0,      kUserSs,              "#GP(0)"},
    {"long_same",      k64, kCode,        insn::kSelCode64,           2,      0x1000, 0,                    "ok"},
    {"long_null_user", k64, kCode,        kUser64,                    2,      0x1000, 3,                    "#GP(0)"},
    {"long_user",      k64, kCode,        kUser64,                    2,      0x1000, kUserSs,              "ok"},
    {"long_compat",    k64, kCode,        kUser32,                    2,      0x1000, kUserSs,              "ok"},
    {"long_canonical", k64, bit(50),      insn::kSelCode64,           2,      0x1000, insn::kSelData,       "#GP(0)"},
    {"long_null_32",   k64, kCode,        insn::kSelCode32,           2,      0x1000, 0,                    "#GP(0)"},
};
// clang-format on

TEST(Iret, ChecksInOrder) {
  for (const ReturnCase& c : kReturns) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    const unsigned bytes = c.mode == insn::kLong64 ? 8 : 4;
    const u64 words[] = {c.rip, c.cs, c.flags, c.sp, c.ss};
    for (unsigned i = 0; i < 5; ++i) t.poke(kStack + 0x8000 + bytes * i, bytes, words[i]);
    iret(t.m, plain(0xcf, bytes));
    EXPECT_EQ(story(t.m), c.expected);
  }
}

TEST(Iret, ChangesOnlyTheFlagsOfItsPrivilege) {
  TestMachine t(insn::kProtected32);
  t.to_user();
  const u64 words[] = {kCode, insn::kSelUserCode32 | 3, ~u64{0} & 0xfffdffff};
  for (unsigned i = 0; i < 3; ++i) t.poke(kStack + 0x8000 + 4 * i, 4, words[i]);
  iret(t.m, plain(0xcf, 4));
  EXPECT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::Rflags], 0x254dd7u);  // not IF, IOPL, VIF, VIP
}

TEST(Iret, NestedTaskIsNotForLongMode) {
  TestMachine t(insn::kLong64, {{insn::Rflags, bit(fl::NT)}});
  iret(t.m, plain(0xcf, 8));
  EXPECT_EQ(story(t.m), "#GP(0)");
}

TEST(TaskSwitch, CallAndBack) {
  TestMachine t(insn::kProtected32);
  call_far(t.m, plain(0x9a, 4, 0, insn::kSelTask32));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_TRUE(t.m.committed);
  EXPECT_EQ(t.m.v[insn::TrSelector], insn::kSelTask32);
  EXPECT_EQ(t.m.v[insn::Rax], 0x11110000u);
  EXPECT_EQ(t.m.v[insn::Rsp], kStack + 0x8000);
  EXPECT_EQ(t.m.next_rip, kCode + 0xc00);
  EXPECT_TRUE(t.m.flag(fl::NT));
  EXPECT_TRUE(t.m.cr0(insn::cr0::TS));
  EXPECT_EQ(t.peek(insn::kTaskTarget32, 2), insn::kSelTss32);
  EXPECT_EQ(t.peek(insn::kTss32 + 0x20, 4), kCode + 2);
  EXPECT_EQ(t.peek(insn::kGdt + insn::kSelTask32 + 5, 1), 0xebu);
  iret(t.m, plain(0xcf, 4));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::TrSelector], insn::kSelTss32);
  EXPECT_EQ(t.m.next_rip, kCode + 2);
  EXPECT_EQ(t.peek(insn::kGdt + insn::kSelTask32 + 5, 1), 0xe9u);
}

struct TaskCase {
  const char* name;
  u64 at;
  unsigned bytes;
  u64 value;
  const char* expected;
  bool committed;
};
constexpr u64 kNew = insn::kTaskTarget32;
// clang-format off
constexpr TaskCase kTasks[] = {
    // name       where                               bytes value                      outcome     committed
    {"limit",     insn::kGdt + insn::kSelTask32,      2,    0x66,                      "#TS(b8)",  false},
    {"absent",    insn::kGdt + insn::kSelTask32 + 5,  1,    0x69,                      "#NP(b8)",  false},
    {"ldt_type",  kNew + 0x60,                        2,    insn::kSelData,            "#TS(10)",  true},
    {"ss_null",   kNew + 0x50,                        2,    0,                         "#TS(0)",   true},
    {"ss_rpl",    kNew + 0x50,                        2,    insn::kSelUserData | 3,    "#TS(28)",  true},
    {"ss_absent", kNew + 0x50,                        2,    insn::kSelDataAbsent,      "#SS(68)",  true},
    {"cs_data",   kNew + 0x4c,                        2,    insn::kSelData,            "#TS(10)",  true},
    {"cs_absent", kNew + 0x4c,                        2,    insn::kSelCodeAbsent,      "#NP(88)",  true},
    {"ds_gate",   kNew + 0x54,                        2,    insn::kSelGate32,          "#TS(a0)",  true},
    {"ds_absent", kNew + 0x54,                        2,    insn::kSelDataAbsent,      "#NP(68)",  true},
    {"rip",       kNew + 0x4c,                        2,    insn::kSelCode16,          "#GP(0)",   true},
    {"trap",      kNew + 0x64,                        2,    1,                         "#DB",      true},
};
// clang-format on

TEST(TaskSwitch, Faults) {
  for (const TaskCase& c : kTasks) {
    SCOPED_TRACE(c.name);
    TestMachine t(insn::kProtected32);
    t.poke(c.at, c.bytes, c.value);
    jmp_far(t.m, plain(0xea, 4, 0, insn::kSelTask32));
    EXPECT_EQ(story(t.m), c.expected);
    EXPECT_EQ(t.m.committed, c.committed);
  }
}

TEST(FastCalls, SyscallAndBack) {
  TestMachine t(insn::kLong64, {{insn::Rflags, 0x301}, {insn::Star, u64{0x20 | 3} << 48 | u64{8} << 32}});
  t.to_user();
  syscall(t.m, plain(0x05, 4));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.v[insn::Rcx], kCode + 2);
  EXPECT_EQ(t.m.v[insn::R11], 0x303u);
  EXPECT_EQ(t.m.v[insn::Rflags], 3u);
  EXPECT_EQ(t.m.cpl(), 0u);
  sysret(t.m, plain(0x07, 8));
  ASSERT_EQ(story(t.m), "ok");
  EXPECT_EQ(t.m.cpl(), 3u);
  EXPECT_EQ(t.m.v[insn::CsSelector], 0x33u);
  EXPECT_EQ(t.m.v[insn::Rflags], 0x303u);
  sysret(t.m, plain(0x07, 8));
  EXPECT_EQ(story(t.m), "#GP(0)");
}

TEST(FastCalls, WhereTheyDoNotExist) {
  TestMachine compat(insn::kCompatibility32);
  syscall(compat.m, plain(0x05, 4));
  EXPECT_EQ(story(compat.m), "#UD");
  TestMachine amd(insn::kCompatibility32, {{insn::CapVendor, insn::kAmd}});
  syscall(amd.m, plain(0x05, 4));
  EXPECT_EQ(story(amd.m), "ok");
  EXPECT_EQ(amd.m.next_rip, kCode + 0xe10);
  TestMachine canonical(insn::kLong64, {{insn::Rcx, bit(50)}});
  sysret(canonical.m, plain(0x07, 8));
  EXPECT_EQ(story(canonical.m), "#GP(0)");
  TestMachine null(insn::kProtected32, {{insn::SysenterCs, 3}});
  sysenter(null.m, plain(0x34, 4));
  EXPECT_EQ(story(null.m), "#GP(0)");
}

TEST(FastCalls, SysenterAndSysexit) {
  TestMachine t(insn::kProtected32, {{insn::Rcx, 0x1000}, {insn::Rdx, 0x2000}});
  t.to_user();
  sysexit(t.m, plain(0x35, 4));
  EXPECT_EQ(story(t.m), "#GP(0)");
  TestMachine s(insn::kProtected32, {{insn::Rcx, 0x1000}, {insn::Rdx, 0x2000}});
  s.to_user();
  sysenter(s.m, plain(0x34, 4));
  EXPECT_EQ(s.m.next_rip, kCode + 0xe20);
  EXPECT_EQ(s.m.cpl(), 0u);
  sysexit(s.m, plain(0x35, 4));
  EXPECT_EQ(s.m.next_rip, 0x2000u);
  EXPECT_EQ(s.m.v[insn::Rsp], 0x1000u);
  EXPECT_EQ(s.m.v[insn::CsSelector], insn::kSelCode64 + 16u + 3);
  EXPECT_EQ(s.m.cpl(), 3u);
}

}  // namespace
}  // namespace diffvisor::x86
