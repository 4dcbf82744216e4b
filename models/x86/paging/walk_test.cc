// SPDX-License-Identifier: Apache-2.0
#include "models/x86/paging/walk.h"

#include <gtest/gtest.h>

#include "models/x86/test_machine.h"

namespace diffvisor::x86 {
namespace {

using insn::kData;
using insn::kPt;
namespace cr0 = insn::cr0;
namespace cr4 = insn::cr4;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 kAt = kData + 0x18;
constexpr u64 kEntry = kPt + 8 * (kData >> 12);  // of kAt
constexpr u64 kRw = 3, kAll = 0x67;

struct Case {
  const char* name;
  bool user;
  u64 cr0_set, cr0_clear, cr4_set, efer_clear;
  u64 entry;  // flags of the page
  Access access;
  const char* expected;
};

constexpr u64 kNx = bit(63), kKey5 = u64{5} << 59, kKey6 = u64{6} << 59;
// clang-format off
constexpr Case kCases[] = {
    // name                user   cr0+  cr0-          cr4+            efer-     page           access             outcome
    {"read",               false, 0,    0,            0,              0,        kAll,          Access::Read,      "ok"},
    {"absent",             false, 0,    0,            0,              0,        kAll & ~u64{1}, Access::Read,     "#PF(0)"},
    {"absent_write_user",  true,  0,    0,            0,              0,        0,             Access::Write,     "#PF(6)"},
    {"absent_reserved",    false, 0,    0,            0,              0,        bit(50),       Access::Read,      "#PF(0)"},
    {"user_of_supervisor", true,  0,    0,            0,              0,        kRw,           Access::Read,      "#PF(5)"},
    {"user_read_only",     true,  0,    0,            0,              0,        5,             Access::Write,     "#PF(7)"},
    {"rmw_is_a_write",     true,  0,    0,            0,              0,        5,             Access::ReadForWrite, "#PF(7)"},
    {"wp",                 false, 0,    0,            0,              0,        5,             Access::Write,     "#PF(3)"},
    {"no_wp",              false, 0,    bit(cr0::WP), 0,              0,        5,             Access::Write,     "ok"},
    {"no_wp_user",         true,  0,    bit(cr0::WP), 0,              0,        5,             Access::Write,     "#PF(7)"},
    {"nx",                 false, 0,    0,            0,              0,        kAll | kNx,    Access::Execute,   "#PF(11)"},
    {"nx_user",            true,  0,    0,            0,              0,        kAll | kNx,    Access::Execute,   "#PF(15)"},
    {"nx_reads",           false, 0,    0,            0,              0,        kAll | kNx,    Access::Read,      "ok"},
    {"nx_reserved",        false, 0,    0,            0,              bit(11),  kAll | kNx,    Access::Read,      "#PF(9)"},
    {"fetch_absent_no_nx", false, 0,    0,            0,              bit(11),  0,             Access::Execute,   "#PF(0)"},
    {"fetch_absent_smep",  false, 0,    0,            bit(cr4::SMEP), bit(11),  0,             Access::Execute,   "#PF(10)"},
    {"smep",               false, 0,    0,            bit(cr4::SMEP), 0,        kAll,          Access::Execute,   "#PF(11)"},
    {"smep_user",          true,  0,    0,            bit(cr4::SMEP), 0,        kAll,          Access::Execute,   "ok"},
    {"smap_read",          false, 0,    0,            bit(cr4::SMAP), 0,        kAll,          Access::Read,      "#PF(1)"},
    {"smap_write",         false, 0,    0,            bit(cr4::SMAP), 0,        kAll,          Access::Write,     "#PF(3)"},
    {"smap_supervisor",    false, 0,    0,            bit(cr4::SMAP), 0,        kRw,           Access::Read,      "ok"},
    {"smap_user",          true,  0,    0,            bit(cr4::SMAP), 0,        kAll,          Access::Read,      "ok"},
    {"reserved_46",        false, 0,    0,            0,              0,        kAll | bit(46), Access::Read,     "#PF(9)"},
    {"reserved_51_write",  true,  0,    0,            0,              0,        5 | bit(51),   Access::Write,     "#PF(f)"},
    {"ignored_52",         false, 0,    0,            0,              0,        kAll | bit(52), Access::Read,     "ok"},
    {"key_access",         true,  0,    0,            bit(cr4::PKE),  0,        kAll | kKey5,  Access::Read,      "#PF(25)"},
    {"key_off",            true,  0,    0,            0,              0,        kAll | kKey5,  Access::Read,      "ok"},
    {"key_supervisor_page", false, 0,   0,            bit(cr4::PKE),  0,        kRw | kKey5,   Access::Read,      "ok"},
    {"key_fetch",          true,  0,    0,            bit(cr4::PKE),  0,        kAll | kKey5,  Access::Execute,   "ok"},
    {"key_write",          true,  0,    0,            bit(cr4::PKE),  0,        kAll | kKey6,  Access::Write,     "#PF(27)"},
    {"key_write_reads",    true,  0,    0,            bit(cr4::PKE),  0,        kAll | kKey6,  Access::Read,      "ok"},
    {"key_write_no_wp",    false, 0,    bit(cr0::WP), bit(cr4::PKE),  0,        kAll | kKey6,  Access::Write,     "ok"},
    {"key_and_rights",     true,  0,    0,            bit(cr4::PKE),  0,        5 | kKey5,     Access::Write,     "#PF(27)"},
};
// clang-format on
TEST(Paging, JudgesOneAccess) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(insn::kLong64);
    Machine& m = t.m;
    m.v[insn::Cr0] = (m.v[insn::Cr0] | c.cr0_set) & ~c.cr0_clear;
    m.v[insn::Cr4] |= c.cr4_set;
    m.v[insn::Efer] &= ~c.efer_clear;
    m.v[insn::Pkru] = 0x3 << 10 | 0x2 << 12;  // key 5: no access, key 6: no writes
    if (c.user) t.to_user();
    t.poke(kEntry, 8, kData | c.entry);
    m.translate(kAt, c.access, false);
    EXPECT_EQ(story(m), c.expected);
    if (m.fault.raised) {
      EXPECT_EQ(m.fault.payload, kAt);
    }
  }
}

TEST(PagingSmap, AcHelpsOnlyExplicitAccesses) {
  TestMachine t(insn::kLong64, {{insn::Rflags, bit(insn::rflags::AC)}});
  t.m.v[insn::Cr4] |= bit(cr4::SMAP);
  t.m.translate(kAt, Access::Read, false);
  EXPECT_EQ(story(t.m), "ok");
  t.m.translate(kAt, Access::Read, true);
  EXPECT_EQ(story(t.m), "#PF(1)");
}

TEST(PagingBits, AccessedAndDirtyChangeOnlyWhenTheAccessIsAllowed) {
  TestMachine t(insn::kLong64);
  t.poke(kEntry, 8, kData | 5);
  t.m.translate(kAt, Access::Read, false);
  EXPECT_EQ(t.peek(kEntry, 8), kData | 0x25);
  TestMachine w(insn::kLong64);
  w.poke(kEntry, 8, kData | 7);
  w.m.translate(kAt, Access::Write, false);
  EXPECT_EQ(w.peek(kEntry, 8), kData | 0x67);
  TestMachine f(insn::kLong64);
  f.poke(kEntry, 8, kData | 5);
  f.m.translate(kAt, Access::Write, false);
  EXPECT_EQ(story(f.m), "#PF(3)");
  EXPECT_EQ(f.peek(kEntry, 8), kData | 5);
}

TEST(PagingStale, AnEntryThatItsUserHasChangedIsOpen) {
  TestMachine t(insn::kLong64);
  t.poke(kEntry, 8, kPt | 0x67);  // the page of kAt is the table
  const u64 alias = kData + 8 * (kData >> 12);
  t.m.write(insn::kDs, alias + 8, 8, kPt | 0x67);  // of the next page, which nobody has used
  t.m.write(insn::kDs, kAt, 8, 0x67);
  t.m.read(insn::kDs, kAt + 0x1000, 8);
  EXPECT_EQ(story(t.m), "ok");
  t.m.write(insn::kDs, alias + 7, 1, 0);
  EXPECT_EQ(story(t.m), "ok");
  t.m.walked.start_instruction();
  t.m.read(insn::kDs, kAt, 8);
  t.m.write(insn::kDs, alias + 7, 1, 0);
  t.m.read(insn::kDs, kAt, 8);
  EXPECT_EQ(story(t.m), "stale_translation");
}

TEST(PagingLarge, SizesAndTheirReservedBits) {
  TestMachine t(insn::kLong64);
  EXPECT_EQ(t.m.translate(insn::kLargeUser + 0x1234, Access::Read, false), 0x1234u);
  EXPECT_EQ(t.m.translate(0x40000000 + 0x20005, Access::Read, false), 0x20005u);  // 1 GiB
  EXPECT_EQ(story(t.m), "ok");
  t.m.translate(0x800000, Access::Read, false);
  EXPECT_EQ(story(t.m), "#PF(9)");
  TestMachine small(insn::kLong64, {}, ~bit(insn::feature::PAGE1GB));
  small.m.translate(0x40000000, Access::Read, false);
  EXPECT_EQ(story(small.m), "#PF(9)");
}

TEST(PagingUpperLevels, LargeBitOfTheTopLevelIsReserved) {
  TestMachine t(insn::kLong64);
  t.poke(insn::kPml4, 8, t.peek(insn::kPml4, 8) | 0x80);
  t.m.translate(kAt, Access::Read, false);
  EXPECT_EQ(story(t.m), "#PF(9)");
}

TEST(Paging57, FiveLevels) {
  TestMachine t(insn::kLong64, {{insn::Cr3, insn::kPml5}});
  t.m.v[insn::Cr4] |= bit(cr4::LA57);
  EXPECT_EQ(t.m.translate(kAt, Access::Read, false), kAt);
  EXPECT_TRUE(t.m.is_canonical(u64{1} << 50));
  t.m.translate(u64{1} << 50, Access::Read, false);
  EXPECT_EQ(story(t.m), "#PF(0)");
}

TEST(Paging32, LargePagesNeedPse) {
  TestMachine t(insn::kProtected32);
  t.m.v[insn::Cr4] |= bit(cr4::PSE);
  EXPECT_EQ(t.m.translate(insn::kLargeUser32 + 0x777, Access::Read, false), 0x777u);
  t.poke(insn::kPd32 + 4, 4, 0xe7 | 1 << 21);
  t.m.translate(insn::kLargeUser32, Access::Read, false);
  EXPECT_EQ(story(t.m), "#PF(9)");
  TestMachine high(insn::kProtected32);
  high.m.v[insn::Cr4] |= bit(cr4::PSE);
  high.poke(insn::kPd32 + 4, 4, 0xe7 | 1 << 13);  // address bit 32
  high.m.translate(insn::kLargeUser32, Access::Read, false);
  EXPECT_EQ(story(high.m), "no_memory");
}

TEST(PagingPae, PointersAreReadOnceAndChecked) {
  TestMachine t(insn::kProtected32, {{insn::Cr3, insn::kPdptPae}, {insn::Cr4, bit(cr4::PAE)}});
  EXPECT_EQ(t.m.translate(kAt, Access::Read, false), kAt);
  t.poke(insn::kPdptPae, 8, 0);
  EXPECT_EQ(t.m.translate(kAt, Access::Read, false), kAt);
  t.m.translate(0x80000000 + kAt, Access::Read, false);
  EXPECT_EQ(story(t.m), "#PF(0)");
  TestMachine bad(insn::kProtected32, {{insn::Cr3, insn::kPdptPae}, {insn::Cr4, bit(cr4::PAE)}});
  bad.poke(insn::kPdptPae, 8, insn::kPd | 3);
  bad.m.translate(kAt, Access::Read, false);
  EXPECT_EQ(story(bad.m), "pdptes_not_loadable");
}

TEST(PagingCrossing, NothingIsWrittenWhenTheSecondPageFaults) {
  TestMachine t(insn::kLong64);
  t.poke(kEntry + 8, 8, 0);
  const u64 before = t.peek(kData + 0xff8, 8);
  t.m.write(insn::kDs, kData + 0xffd, 8, ~u64{0});
  EXPECT_EQ(story(t.m), "#PF(2)");
  EXPECT_EQ(t.m.fault.payload, kData + 0x1000);
  EXPECT_EQ(t.peek(kData + 0xff8, 8), before);
}

TEST(PagingCrossing, ValuesJoinAcrossPages) {
  TestMachine t(insn::kLong64);
  t.poke(kEntry + 8, 8, (kData + 0x3000) | 0x67);
  t.m.write(insn::kDs, kData + 0xffd, 8, 0x1122334455667788);
  EXPECT_EQ(t.peek(kData + 0xffd, 3), 0x667788u);
  EXPECT_EQ(t.peek(kData + 0x3000, 5), 0x1122334455u);
  EXPECT_EQ(t.m.read(insn::kDs, kData + 0xffd, 8), 0x1122334455667788u);
}

}  // namespace
}  // namespace diffvisor::x86
