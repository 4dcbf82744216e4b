// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "models/x86/segmentation/descriptor.h"
#include "models/x86/test_machine.h"

namespace diffvisor::x86 {
namespace {

using insn::kData;
using insn::kDs;
using insn::kEs;
using insn::kSs;
using insn::Segment;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

struct AccessCase {
  const char* name;
  u64 attributes, limit;
  Segment segment;
  u64 offset;
  unsigned bytes;
  Access access;
  const char* expected;
};

// clang-format off
constexpr AccessCase kAccesses[] = {
    // name               attributes  limit       segment offset      bytes access           outcome
    {"last_byte",         0x93,       0xffff,     kDs,    0xffff,     1,    Access::Write,   "ok"},
    {"word_beyond",       0x93,       0xffff,     kDs,    0xffff,     2,    Access::Write,   "#GP(0)"},
    {"stack_beyond",      0x93,       0xffff,     kSs,    0xffff,     2,    Access::Write,   "#SS(0)"},
    {"offset_wraps",      0x93,       0xfffff,    kDs,    0xffffffff, 2,    Access::Read,    "#GP(0)"},
    {"end_of_memory",     0xc093,     0xffffffff, kDs,    0xfffffffe, 4,    Access::Read,    "segment_wrap"},
    {"read_only_write",   0x91,       0xffff,     kDs,    0,          1,    Access::Write,   "#GP(0)"},
    {"read_only_rmw",     0x91,       0xffff,     kDs,    0,          1,    Access::ReadForWrite, "#GP(0)"},
    {"read_only_read",    0x91,       0xffff,     kDs,    0,          1,    Access::Read,    "ok"},
    {"code_write",        0x9b,       0xffff,     kDs,    0,          1,    Access::Write,   "#GP(0)"},
    {"execute_only_read", 0x99,       0xffff,     kDs,    0,          1,    Access::Read,    "#GP(0)"},
    {"null",              0x10000,    0,          kEs,    0,          1,    Access::Read,    "#GP(0)"},
    {"null_stack",        0x10000,    0,          kSs,    0,          1,    Access::Read,    "#SS(0)"},
    {"down_at_limit",     0x4097,     0xfff,      kDs,    0xfff,      1,    Access::Read,    "#GP(0)"},
    {"down_above_limit",  0x4097,     0xfff,      kDs,    0x1000,     4,    Access::Read,    "ok"},
    {"down_small_top",    0x97,       0xfff,      kDs,    0xffff,     1,    Access::Read,    "ok"},
    {"down_small_beyond", 0x97,       0xfff,      kDs,    0xffff,     2,    Access::Read,    "#GP(0)"},
    {"down_big_beyond",   0x4097,     0xfff,      kDs,    0xffff,     2,    Access::Read,    "ok"},
};
// clang-format on
TEST(SegmentAccess, ByTypeAndLimit) {
  for (const AccessCase& c : kAccesses) {
    SCOPED_TRACE(c.name);
    TestMachine t(insn::kProtected32);
    t.m.v[insn::attr_of(c.segment)] = c.attributes;
    t.m.v[insn::limit_of(c.segment)] = c.limit;
    t.m.linear(c.segment, c.offset, c.bytes, c.access);
    EXPECT_EQ(story(t.m), c.expected);
  }
}

TEST(Canonical, LastByteCountsAndTheStackHasItsOwnFault) {
  TestMachine t(insn::kLong64);
  t.m.linear(kDs, 0x7fffffffffff, 1, Access::Read);
  EXPECT_EQ(story(t.m), "ok");
  t.m.linear(kDs, 0x7fffffffffff, 2, Access::Read);
  EXPECT_EQ(story(t.m), "#GP(0)");
  TestMachine s(insn::kLong64);
  s.m.linear(kSs, 0x800000000000, 8, Access::Read);
  EXPECT_EQ(story(s.m), "#SS(0)");
}

TEST(Bases, OnlyFsAndGsCountIn64BitMode) {
  TestMachine t(insn::kLong64, {{insn::DsBase, 0x1000}, {insn::GsBase, 0xffffffff00000000}});
  EXPECT_EQ(t.m.linear(kDs, 0x10, 1, Access::Read), 0x10u);
  EXPECT_EQ(t.m.linear(insn::kGs, 0x10, 1, Access::Read), 0xffffffff00000010u);
  TestMachine c(insn::kCompatibility32, {{insn::DsBase, 0xfffffff0}});
  EXPECT_EQ(c.m.linear(kDs, 0x20, 1, Access::Read), 0x10u);
}

TEST(Alignment, IsCheckedAtCpl3Alone) {
  for (const bool user : {false, true}) {
    TestMachine t(insn::kLong64, {{insn::Rflags, bit(insn::rflags::AC)}});
    t.m.v[insn::Cr0] |= bit(insn::cr0::AM);
    if (user) t.to_user();
    t.m.read(kDs, kData + 1, 1);
    EXPECT_EQ(story(t.m), "ok");
    t.m.read(kDs, kData + 2, 4);
    EXPECT_EQ(story(t.m), user ? "#AC(0)" : "ok");
  }
}

TEST(Alignment, NobodyJudgesItBesideAPageFault) {
  TestMachine t(insn::kLong64, {{insn::Rflags, bit(insn::rflags::AC)}});
  t.m.v[insn::Cr0] |= bit(insn::cr0::AM);
  t.to_user();
  t.m.read(kDs, insn::window(insn::kAbsent) + 1, 2);
  EXPECT_EQ(story(t.m), "alignment_or_page_fault");
}

TEST(Alignment, ComesBeforeTheEndOfCanonicalAddresses) {
  constexpr u64 kLastPage = 0x7ffffffff000;
  for (const bool checks : {false, true}) {
    TestMachine t(insn::kLong64, {{insn::Rflags, bit(insn::rflags::AC)}});
    if (checks) t.m.v[insn::Cr0] |= bit(insn::cr0::AM);
    t.to_user();
    t.m.read(kDs, kLastPage + 0xffe, 4);
    EXPECT_EQ(story(t.m), checks ? "alignment_or_page_fault" : "#GP(0)");
  }
}

TEST(Stack, WrapsWithItsAddressSize) {
  TestMachine t(insn::kReal16, {{insn::Rsp, 0x12340000}});
  t.m.push(0xabcd, 2);
  EXPECT_EQ(t.m.v[insn::Rsp], 0x1234fffeu);
  EXPECT_EQ(t.m.pop(2), 0xabcdu);
  EXPECT_EQ(t.m.v[insn::Rsp], 0x12340000u);
  t.m.v[insn::Rsp] = 1;
  t.m.push(0, 2);
  EXPECT_EQ(story(t.m), "#SS(0)");
}

TEST(Fetch, EndsAtThePageAndAtTheLimit) {
  TestMachine t(insn::kProtected32);
  std::array<u8, 15> bytes{};
  Fault f;
  EXPECT_EQ(t.m.fetch(insn::kCode + 0xffa, bytes, f), 6u);
  EXPECT_FALSE(f.raised);
  t.m.v[insn::CsLimit] = insn::kCode + 3;
  EXPECT_EQ(t.m.fetch(insn::kCode, bytes, f), 4u);
  EXPECT_EQ(t.m.fetch(insn::kCode + 4, bytes, f), 0u);
  EXPECT_EQ(f.vector, insn::kGP);
  TestMachine u(insn::kLong64);
  EXPECT_EQ(u.m.fetch(insn::window(insn::kCodeNoExecute), bytes, f), 0u);
  EXPECT_EQ(f.vector, insn::kPF);
  EXPECT_EQ(f.error_code, 0x11u);
  EXPECT_FALSE(u.m.fault.raised);
}

struct LoadCase {
  const char* name;
  unsigned mode;
  bool user;
  Segment segment;
  u16 selector;
  const char* expected;
};

constexpr unsigned k32 = insn::kProtected32, k64 = insn::kLong64;
// clang-format off
constexpr LoadCase kLoads[] = {
    // name                 mode user   segment selector                       outcome
    {"data",                k32, false, kDs,    insn::kSelData,                "ok"},
    {"null",                k32, false, kDs,    3,                             "ok"},
    {"null_stack",          k32, false, kSs,    0,                             "#GP(0)"},
    {"null_stack_64",       k64, false, kSs,    0,                             "ok"},
    {"null_stack_64_rpl",   k64, false, kSs,    1,                             "#GP(0)"},
    {"null_stack_64_user",  k64, true,  kSs,    3,                             "#GP(0)"},
    {"beyond_gdt",          k32, false, kDs,    0x200,                         "#GP(200)"},
    {"ldt",                 k32, false, kDs,    4,                             "ok"},
    {"beyond_ldt",          k32, false, kDs,    0x104,                         "#GP(104)"},
    {"absent",              k32, false, kDs,    insn::kSelDataAbsent,          "#NP(68)"},
    {"absent_stack",        k32, false, kSs,    insn::kSelDataAbsent,          "#SS(68)"},
    {"system",              k32, false, kDs,    insn::kSelTss32,               "#GP(b0)"},
    {"execute_only",        k32, false, kDs,    insn::kSelExecuteOnly,         "#GP(e0)"},
    {"readable_code",       k32, false, kDs,    insn::kSelCode32,              "ok"},
    {"read_only_stack",     k32, false, kSs,    insn::kSelDataReadOnly,        "#GP(70)"},
    {"stack_rpl",           k32, false, kSs,    insn::kSelData | 1,            "#GP(10)"},
    {"stack_dpl",           k32, false, kSs,    insn::kSelUserData,            "#GP(28)"},
    {"rpl_beyond_dpl",      k32, false, kDs,    insn::kSelData | 3,            "#GP(10)"},
    {"user_inner_data",     k32, true,  kDs,    insn::kSelData,                "#GP(10)"},
    {"user_conforming",     k32, true,  kDs,    insn::kSelCodeConforming | 3,  "ok"},
    {"user_stack",          k32, true,  kSs,    insn::kSelUserData | 3,        "ok"},
};
// clang-format on
TEST(SegmentLoad, ChecksInOrder) {
  for (const LoadCase& c : kLoads) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    if (c.user) t.to_user();
    t.m.load_segment(c.segment, c.selector);
    EXPECT_EQ(story(t.m), c.expected);
    if (t.m.ok()) {
      EXPECT_EQ(t.m.v[insn::selector_of(c.segment)], c.selector);
    }
  }
}

TEST(SegmentLoad, SetsTheAccessedBitAndTheHiddenPart) {
  TestMachine t(insn::kProtected32);
  t.poke(insn::kGdt + insn::kSelData16 + 5, 1, 0x92);
  t.m.load_segment(kDs, insn::kSelData16);
  EXPECT_EQ(t.peek(insn::kGdt + insn::kSelData16 + 5, 1), 0x93u);
  EXPECT_EQ(t.m.v[insn::DsAttr], 0x93u);
  EXPECT_EQ(t.m.v[insn::DsBase], insn::kData);
  EXPECT_EQ(t.m.v[insn::DsLimit], 0xffffu);
}

}  // namespace
}  // namespace diffvisor::x86
