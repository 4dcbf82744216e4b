// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/system_instructions.h"
#include "models/x86/test_machine.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;
namespace cr0 = insn::cr0;
namespace cr4 = insn::cr4;
namespace feature = insn::feature;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr unsigned k16 = insn::kReal16, k32 = insn::kProtected32, k64 = insn::kLong64, kC = insn::kCompatibility32;
constexpr u64 kPe = 1, kPg = bit(31), kPae = bit(5);

struct CrCase {
  const char* name;
  unsigned mode;
  std::vector<SlotValue> state;
  unsigned number;
  u64 value;
  const char* expected;
  u64 after;  // of the register, where it was written
};

// clang-format off
const CrCase kCrCases[] = {
    // name              mode state                              CR value                    outcome    after
    {"plain",            k32, {},                                0, kPg | kPe | 0x10,        "ok",      kPg | kPe | 0x10},
    {"reserved_ignored", k32, {},                                0, kPg | kPe | 0x1000ffc0,  "ok",      kPg | kPe | 0x10},
    {"high",             k64, {},                                0, bit(32) | kPg | kPe,     "#GP(0)",  0},
    {"nw_without_cd",    k32, {},                                0, kPg | kPe | bit(29),     "#GP(0)",  0},
    {"pg_without_pe",    k32, {},                                0, kPg,                     "#GP(0)",  0},
    {"pg_clear_64",      k64, {},                                0, kPe,                     "#GP(0)",  0},
    {"pg_clear_compat",  kC,  {},                                0, kPe,                     "ok",      kPe | 0x10},
    {"pg_clear_pcide",   kC,  {{insn::Cr4, bit(17) | kPae}},     0, kPe,                     "#GP(0)",  0},
    {"lme_without_pae",  k32, {{insn::Cr0, kPe}, {insn::Efer, bit(8)}}, 0, kPg | kPe,        "#GP(0)",  0},
    {"lme_with_pae",     k32, {{insn::Cr0, kPe}, {insn::Efer, bit(8)}, {insn::Cr4, kPae}}, 0, kPg | kPe, "ok", kPg | kPe | 0x10},
    {"lme_task16",       k32, {{insn::Cr0, kPe}, {insn::Efer, bit(8)}, {insn::Cr4, kPae}, {insn::TrAttr, 3}}, 0, kPg | kPe, "#GP(0)", 0},
    {"pae_pointers",     k32, {{insn::Cr0, kPe}, {insn::Cr4, kPae}, {insn::Cr3, insn::kPdptPae}}, 0, kPg | kPe, "ok", kPg | kPe | 0x10},
    {"pae_bad_pointers", k32, {{insn::Cr0, kPe}, {insn::Cr4, kPae}, {insn::Cr3, insn::kPdpt}}, 0, kPg | kPe, "#GP(0)", 0},
    {"cr2",              k64, {},                                2, bit(60),                 "ok",      bit(60)},
    {"cr3_width",        k64, {},                                3, bit(46),                 "#GP(0)",  0},
    {"cr3_63",           k64, {},                                3, bit(63),                 "#GP(0)",  0},
    {"cr3_63_pcide",     k64, {{insn::Cr4, bit(17) | kPae}},     3, bit(63) | 0x9000,        "ok",      0x9000},
    {"cr4_reserved",     k64, {},                                4, kPae | bit(15),          "#GP(0)",  0},
    {"cr4_high",         k64, {},                                4, kPae | bit(40),          "#GP(0)",  0},
    {"cr4_vmxe",         k64, {},                                4, kPae | bit(13),          "cr4_bit_not_modelled", 0},
    {"cr4_pae_clear",    k64, {},                                4, 0,                       "#GP(0)",  0},
    {"cr4_la57",         k64, {},                                4, kPae | bit(12),          "#GP(0)",  0},
    {"cr4_pcide",        k64, {},                                4, kPae | bit(17),          "ok",      kPae | bit(17)},
    {"cr4_pcide_cr3",    k64, {{insn::Cr3, insn::kPml4 | 8}},    4, kPae | bit(17),          "#GP(0)",  0},
    {"cr4_pcide_legacy", k32, {},                                4, bit(17),                 "#GP(0)",  0},
    {"cr4_pae_pointers", k32, {{insn::Cr3, insn::kPdpt}},        4, kPae,                    "#GP(0)",  0},
    {"cr8",              k64, {},                                8, 9,                       "ok",      9},
    {"cr8_high",         k64, {},                                8, 16,                      "#GP(0)",  0},
    {"cr1",              k64, {},                                1, 0,                       "#UD",     0},
    {"cr8_legacy",       k32, {},                                8, 0,                       "#UD",     0},
    {"real",             k16, {},                                0, kPe,                     "ok",      kPe | 0x10},
};
// clang-format on

TEST(ControlRegisters, Writes) {
  for (const CrCase& c : kCrCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    for (const SlotValue& s : c.state) t.m.v[s.slot] = s.value;
    t.m.v[insn::Rbx] = c.value;
    const auto before = t.m.v;
    mov_to_cr(t.m, register_form(0x22, c.number, 3, 8));
    EXPECT_EQ(story(t.m), c.expected);
    if (story(t.m) != "ok") {
      EXPECT_EQ(t.m.v, before);
      continue;
    }
    mov_from_cr(t.m, register_form(0x20, c.number, 1, 8));
    EXPECT_EQ(t.m.v[insn::Rcx], c.after);
  }
}

TEST(ControlRegisters, LongModeComesAndGoesWithPaging) {
  TestMachine t(insn::kProtected32, {{insn::Cr0, kPe}, {insn::Efer, bit(8)}, {insn::Cr4, kPae}});
  t.m.v[insn::Cr0] &= ~kPg;
  t.m.v[insn::Efer] |= bit(8);
  t.m.v[insn::Cr4] |= kPae;
  t.m.v[insn::Rax] = kPg | kPe;
  mov_to_cr(t.m, register_form(0x22, 0, 0, 4));
  EXPECT_TRUE(t.m.long_mode());
  t.m.v[insn::Rax] = kPe;
  mov_to_cr(t.m, register_form(0x22, 0, 0, 4));
  EXPECT_FALSE(t.m.long_mode());
}

TEST(ControlRegisters, NeedPrivilege) {
  TestMachine t(insn::kLong64);
  t.to_user();
  mov_from_cr(t.m, register_form(0x20, 0, 0, 8));
  EXPECT_EQ(story(t.m), "#GP(0)");
}

TEST(ControlRegisters, LmswCannotClearPe) {
  TestMachine t(insn::kProtected32);
  t.m.v[insn::Rax] = 0xe;
  lmsw(t.m, register_form(0x01, 6, 0, 4));
  EXPECT_EQ(t.m.v[insn::Cr0] & 0xf, 0xfu);
}

TEST(ControlRegisters, Quirks) {
  TestMachine t(insn::kLong64);
  t.m.quirks.set(Quirk::Cr0PgClear64);
  t.m.v[insn::Rax] = kPe;
  mov_to_cr(t.m, register_form(0x22, 0, 0, 8));
  EXPECT_EQ(story(t.m), "ok");
  TestMachine late(insn::kLong64, {}, ~bit(feature::SMEP));
  late.m.v[insn::Rax] = kPae | bit(cr4::SMEP);
  mov_to_cr(late.m, register_form(0x22, 4, 0, 8));
  EXPECT_EQ(story(late.m), "#GP(0)");
}

struct DrCase {
  const char* name;
  unsigned mode;
  bool user;
  u64 cr4, dr7;
  unsigned number;
  u64 value;
  const char* expected;
  u64 after;
};
// clang-format off
constexpr u64 kGd = bit(13), kDe = bit(cr4::DE);
constexpr DrCase kDrCases[] = {
    // name           mode user   CR4  DR7   DR  value          outcome   after
    {"dr0",           k64, false, 0,   0,    0,  bit(60),       "ok",     bit(60)},
    {"dr6",           k64, false, 0,   0,    6,  0,             "ok",     0xffff0ff0},
    {"dr6_all",       k64, false, 0,   0,    6,  0xffffffff,    "ok",     0xffffefff},
    {"dr6_high",      k64, false, 0,   0,    6,  bit(32),       "#GP(0)", 0},
    {"dr7",           k64, false, 0,   0,    7,  0,             "ok",     0x400},
    {"alias",         k64, false, 0,   0,    4,  0,             "ok",     0xffff0ff0},
    {"alias_high",    k64, false, 0,   0,    5,  bit(32),       "#GP(0)", 0},
    {"alias_de",      k64, false, kDe, 0,    4,  0,             "#UD",    0},
    {"user",          k64, true,  0,   0,    0,  0,             "#GP(0)", 0},
    {"user_gd",       k64, true,  0,   kGd,  0,  0,             "#GP(0)", 0},
    {"user_de",       k64, true,  kDe, 0,    4,  0,             "debug_register_or_privilege", 0},
    {"gd",            k64, false, 0,   kGd,  0,  0,             "#DB",    0},
    {"gd_de",         k64, false, kDe, kGd,  5,  0,             "#UD",    0},
    {"dr8",           k64, false, 0,   0,    8,  0,             "#UD",    0},
    {"legacy",        k32, false, 0,   0,    3,  0x12345678,    "ok",     0x12345678},
};
// clang-format on

TEST(DebugRegisters, Writes) {
  for (const DrCase& c : kDrCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode);
    if (c.user) t.to_user();
    t.m.v[insn::Cr4] |= c.cr4;
    t.m.v[insn::Dr7] |= c.dr7;
    t.m.v[insn::Rax] = c.value;
    mov_to_dr(t.m, register_form(0x23, c.number, 0, 8));
    EXPECT_EQ(story(t.m), c.expected);
    if (story(t.m) == "#DB") {
      EXPECT_EQ(t.m.fault.payload, kGd);
    }
    if (!t.m.ok()) continue;
    mov_from_dr(t.m, register_form(0x21, c.number, 1, 8));
    EXPECT_EQ(t.m.v[insn::Rcx], c.after);
  }
}

struct MsrCase {
  const char* name;
  u32 number;
  u64 value;
  const char* expected;
};
// clang-format off
constexpr MsrCase kMsrCases[] = {
    // name        MSR         value                     outcome
    {"efer_lme",   0xc0000080, bit(0) | bit(11),         "#GP(0)"},
    {"efer_sce",   0xc0000080, bit(8) | bit(11),         "ok"},
    {"efer_bit",   0xc0000080, bit(8) | bit(1),          "#GP(0)"},
    {"lstar",      0xc0000082, bit(47),                  "#GP(0)"},
    {"gs_base",    0xc0000101, 0xffff800000000000,       "ok"},
    {"tsc_aux",    0xc0000103, bit(32),                  "#GP(0)"},
    {"fmask_high", 0xc0000084, bit(32),                  "msr_upper_half"},
    {"apic_base",  0x1b,       0,                        "msr_not_modelled"},
};
// clang-format on

TEST(Msrs, Writes) {
  for (const MsrCase& c : kMsrCases) {
    SCOPED_TRACE(c.name);
    TestMachine t(insn::kLong64,
                  {{insn::Rcx, c.number}, {insn::Rax, c.value & 0xffffffff}, {insn::Rdx, c.value >> 32}});
    wrmsr(t.m, plain(0x30, 4));
    EXPECT_EQ(story(t.m), c.expected);
    if (!t.m.ok()) continue;
    t.m.v[insn::Rax] = t.m.v[insn::Rdx] = ~u64{0};
    rdmsr(t.m, plain(0x32, 4));
    const u64 lma = c.number == 0xc0000080 ? bit(10) : 0;
    EXPECT_EQ(t.m.v[insn::Rdx] << 32 | t.m.v[insn::Rax], c.value | lma);
  }
}

struct PortCase {
  const char* name;
  unsigned mode;
  u64 flags, tr_limit;
  bool user;
  u64 port;
  u8 opcode;
  unsigned bytes;
  const char* expected;
};
// clang-format off
// Bitmap bytes whose index in the TSS is a multiple of 8 or 3 allow all their ports; 0x8b (port 18h) denies the fourth.
constexpr PortCase kPorts[] = {
    // name          mode flags              TR limit user   port    opcode bytes outcome
    {"ring0",        k64, 0,                 0xfff,   false, 0x1b,   0xec,  4,    "port_access"},
    {"allowed",      k64, 0,                 0xfff,   true,  0,      0xec,  4,    "port_access"},
    {"denied",       k64, 0,                 0xfff,   true,  0x1b,   0xec,  4,    "#GP(0)"},
    {"beside",       k64, 0,                 0xfff,   true,  0x1a,   0xec,  4,    "port_access"},
    {"dword_spans",  k64, 0,                 0xfff,   true,  0x1a,   0xed,  4,    "#GP(0)"},
    {"iopl",         k64, u64{3} << fl::IOPL, 0xfff,  true,  0x1b,   0xec,  4,    "port_access"},
    {"second_byte",  k64, 0,                 0x88,    true,  0,      0xec,  4,    "#GP(0)"},
    {"both_bytes",   k64, 0,                 0x89,    true,  0,      0xec,  4,    "port_access"},
    {"short_tss",    k64, 0,                 0x66,    true,  0,      0xec,  4,    "#GP(0)"},
    {"virtual",      insn::kVirtual8086, bit(fl::VM) | u64{3} << fl::IOPL, 0xfff, false, 0x1b, 0xec, 2, "#GP(0)"},
};
// clang-format on

TEST(Ports, Permissions) {
  for (const PortCase& c : kPorts) {
    SCOPED_TRACE(c.name);
    TestMachine t(c.mode, {{insn::Rflags, c.flags}, {insn::TrLimit, c.tr_limit}, {insn::Rdx, c.port}});
    if (c.user) t.to_user();
    in(t.m, plain(c.opcode, c.bytes));
    EXPECT_EQ(story(t.m), c.expected);
    if (t.m.has_ended) {
      EXPECT_EQ(t.m.port, c.port | u64{c.opcode == 0xed ? 4u : 1u} << 16 | bit(24));
    }
  }
}

TEST(Ports, StringsLookAtMemoryAndChangeNothing) {
  TestMachine t(insn::kLong64, {{insn::Rsi, insn::window(insn::kUntouched)}, {insn::Rdi, insn::window(insn::kAbsent)}});
  t.m.memory->changes();
  Instruction i = plain(0x6f, 4);
  i.address_bytes = 8;
  outs(t.m, i);
  EXPECT_EQ(story(t.m), "port_access");
  EXPECT_EQ(t.m.port_value, t.peek(insn::kData, 4));
  EXPECT_EQ(t.memory.changes().size(), 0u);
  TestMachine f(insn::kLong64, {{insn::Rdi, insn::window(insn::kAbsent)}});
  i.opcode = 0x6d;
  ins(f.m, i);
  EXPECT_EQ(story(f.m), "#PF(2)");
}

// The last page of kUntouched, and the first of the window behind it, which is made absent.
TEST(Ports, AFaultLeavesTheFirstPageAccessed) {
  constexpr u64 kEnd = insn::window(insn::kUntouched + 1);
  for (const u8 opcode : {u8{0x6d}, u8{0x6f}}) {
    TestMachine t(insn::kLong64, {{insn::Rsi, kEnd - 2}, {insn::Rdi, kEnd - 2}});
    t.poke(insn::kPt + kEnd / insn::kPage * 8, 8, 0);
    Instruction i = plain(opcode, 4);
    i.address_bytes = 8;
    opcode == 0x6d ? ins(t.m, i) : outs(t.m, i);
    EXPECT_EQ(story(t.m), opcode == 0x6d ? "#PF(2)" : "#PF(0)");
    EXPECT_EQ(t.peek(insn::kPt + (kEnd / insn::kPage - 1) * 8, 1) & 0x60, opcode == 0x6d ? 0x60u : 0x20u);
  }
}

TEST(Flags, PopfByPrivilege) {
  struct Row {
    const char* name;
    bool user;
    u64 before, popped, after;
    unsigned bytes;
  };
  constexpr u64 kIf = bit(fl::IF), kIopl = u64{3} << fl::IOPL;
  const Row rows[] = {{"all", false, 2, 0x3f7fd7, 0x247fd7, 4},
                      {"word", false, bit(fl::AC) | 2, 0x7fd7, bit(fl::AC) | 0x7fd7, 2},
                      {"user", true, 2, kIf | kIopl, 2, 4},
                      {"user_iopl3", true, kIopl | 2, kIf, kIopl | kIf | 2, 4}};
  for (const Row& r : rows) {
    SCOPED_TRACE(r.name);
    TestMachine t(insn::kProtected32, {{insn::Rflags, r.before}});
    if (r.user) t.to_user();
    t.poke(insn::kStack + 0x8000, 4, r.popped);
    popf(t.m, plain(0x9d, r.bytes));
    EXPECT_EQ(t.m.v[insn::Rflags], r.after);
  }
}

TEST(Flags, VirtualInterrupts) {
  constexpr u64 kVm = bit(fl::VM);
  TestMachine none(insn::kVirtual8086);
  cli(none.m, plain(0xfa, 2));
  EXPECT_EQ(story(none.m), "#GP(0)");
  TestMachine t(insn::kVirtual8086, {{insn::Rflags, kVm | bit(fl::IF)}, {insn::Cr4, 1}});
  sti(t.m, plain(0xfb, 2));
  EXPECT_TRUE(t.m.flag(fl::VIF));
  EXPECT_EQ(t.m.new_shadow, 0u);
  pushf(t.m, plain(0x9c, 2));
  EXPECT_EQ(t.m.pop(2), 0x3202u);
  cli(t.m, plain(0xfa, 2));
  EXPECT_FALSE(t.m.flag(fl::VIF));
  EXPECT_TRUE(t.m.flag(fl::IF));
  pushf(t.m, plain(0x9c, 4));
  EXPECT_EQ(story(t.m), "#GP(0)");
  TestMachine pending(insn::kVirtual8086, {{insn::Rflags, kVm | bit(fl::VIP)}, {insn::Cr4, 1}});
  sti(pending.m, plain(0xfb, 2));
  EXPECT_EQ(story(pending.m), "#GP(0)");
  TestMachine user(insn::kProtected32);
  user.m.v[insn::Cr4] |= 2;
  user.to_user();
  sti(user.m, plain(0xfb, 4));
  EXPECT_TRUE(user.m.flag(fl::VIF));
  TestMachine ring0(insn::kProtected32);
  sti(ring0.m, plain(0xfb, 4));
  EXPECT_EQ(ring0.m.new_shadow, 1u);
}

TEST(SegmentRegisters, OfConsecutiveLoadsOfSsTheFirstBlocks) {
  TestMachine t(insn::kReal16, {{insn::Shadow, 2}});
  mov_to_segment(t.m, register_form(0x8e, 2, 0, 2));
  EXPECT_EQ(t.m.new_shadow, 0u);
  t.m.v[insn::Shadow] = 1;
  mov_to_segment(t.m, register_form(0x8e, 2, 0, 2));
  EXPECT_EQ(t.m.new_shadow, 2u);
}

TEST(Tables, LdtrAndTr) {
  struct Row {
    const char* name;
    unsigned mode;
    bool task;
    u16 selector;
    const char* expected;
  };
  constexpr Row kRows[] = {{"ldt", k32, false, insn::kSelLdt, "ok"},
                           {"ldt_null", k64, false, 3, "ok"},
                           {"ldt_in_ldt", k32, false, 0x54, "#GP(54)"},
                           {"ldt_type", k32, false, insn::kSelTask32, "#GP(b8)"},
                           {"ldt_64", k64, false, insn::kSelLdt, "ok"},
                           {"tr_null", k32, true, 0, "#GP(0)"},
                           {"tr_busy", k32, true, insn::kSelTss32, "#GP(b0)"},
                           {"tr", k32, true, insn::kSelTask32, "ok"},
                           {"tr16", k32, true, insn::kSelTask16, "ok"},
                           {"tr_64", k64, true, insn::kSelTss64Available, "ok"},
                           {"tr16_64", k64, true, insn::kSelTask16, "#GP(c0)"},
                           {"half_64", k64, true, 0x1f8, "#GP(1f8)"},
                           // 8 bytes: what follows has a type where a second half has none
                           {"tr_compat", kC, true, insn::kSelTask32, "ok"}};
  for (const Row& r : kRows) {
    SCOPED_TRACE(r.name);
    TestMachine t(r.mode, {{insn::Rax, r.selector}});
    const Instruction i = register_form(0, r.task ? 3 : 2, 0, 4);
    r.task ? ltr(t.m, i) : lldt(t.m, i);
    EXPECT_EQ(story(t.m), r.expected);
    if (r.task && t.m.ok()) {
      EXPECT_EQ(t.peek(insn::kGdt + r.selector + 5, 1) & 2, 2u);
    }
  }
}

TEST(Tables, LongModeHasNo16BitTask) {
  TestMachine t(insn::kLong64, {{insn::Rax, insn::kSelTss64Available}});
  t.poke(insn::kGdt + insn::kSelTss64Available + 5, 1, 0x81);
  ltr(t.m, register_form(0, 3, 0, 4));
  EXPECT_EQ(story(t.m), "#GP(f0)");
}

TEST(Tables, UmipAndStores) {
  TestMachine t(insn::kLong64);
  t.to_user();
  str(t.m, register_form(0, 1, 0, 8));
  EXPECT_EQ(t.m.v[insn::Rax], insn::kSelTss64);
  t.m.v[insn::Cr4] |= bit(cr4::UMIP);
  str(t.m, register_form(0, 1, 0, 8));
  EXPECT_EQ(story(t.m), "#GP(0)");
}

TEST(Queries, LarLslVerrVerw) {
  struct Row {
    const char* name;
    unsigned mode;
    bool user;
    u16 selector;
    u64 rights, limit;  // 0: not visible
    bool readable, writable;
  };
  constexpr Row kRows[] = {
      {"data", k32, false, insn::kSelData, 0xc09300, 0xffffffff, true, true},
      {"null", k32, false, 0, 0, 0, false, false},
      {"beyond", k32, false, 0x200, 0, 0, false, false},
      {"inner", k32, true, insn::kSelData | 3, 0, 0, false, false},
      {"conforming", k32, true, insn::kSelCodeConforming | 3, 0xc09f00, 0xffffffff, true, false},
      {"execute_only", k32, true, insn::kSelExecuteOnly | 3, 0xc0f900, 0xffffffff, false, false},
      {"tss16", k32, false, insn::kSelTask16, 0x00e100, 0x2b, false, false},
      {"tss16_long", k64, false, insn::kSelTask16, 0, 0, false, false},
      {"task_gate", k32, false, insn::kSelTaskGate, 0x00e500, 0, false, false},
      {"ldt", k64, false, insn::kSelLdt, 0x008200, 0xff, false, false},
  };
  for (const Row& r : kRows) {
    SCOPED_TRACE(r.name);
    TestMachine t(r.mode, {{insn::Rax, r.selector}});
    if (r.user) t.to_user();
    lar(t.m, register_form(2, 1, 0, 4));
    EXPECT_EQ(t.m.v[insn::Rcx], r.rights);
    EXPECT_EQ(t.m.flag(fl::ZF), r.rights != 0);
    lsl(t.m, register_form(3, 2, 0, 4));
    EXPECT_EQ(t.m.v[insn::Rdx], r.limit);
    EXPECT_EQ(t.m.flag(fl::ZF), r.limit != 0);
    verr(t.m, register_form(0, 4, 0, 4));
    EXPECT_EQ(t.m.flag(fl::ZF), r.readable);
    verw(t.m, register_form(0, 5, 0, 4));
    EXPECT_EQ(t.m.flag(fl::ZF), r.writable);
    EXPECT_EQ(story(t.m), "ok");
  }
}

TEST(Segments, MovAndPush) {
  TestMachine t(insn::kProtected32, {{insn::Rax, insn::kSelData}});
  mov_to_segment(t.m, register_form(0x8e, insn::kSs, 0, 4));
  EXPECT_EQ(t.m.new_shadow, 2u);
  t.poke(insn::kStack + 0x7ffc, 4, 0xffffffff);
  push_segment(t.m, plain(0x1e, 4));
  EXPECT_EQ(t.peek(insn::kStack + 0x7ffc, 4), 0xffff0000u | insn::kSelData);
  pop_segment(t.m, plain(0x07, 4));
  EXPECT_EQ(story(t.m), "ok");
  mov_to_segment(t.m, register_form(0x8e, insn::kCs, 0, 4));
  EXPECT_EQ(story(t.m), "#UD");
}

TEST(ExtendedState, Xcr0AndKeys) {
  TestMachine t(insn::kLong64);
  xgetbv(t.m, plain(0xd0, 4));
  EXPECT_EQ(story(t.m), "#UD");
  struct Row {
    u64 value;
    const char* expected;
  };
  constexpr Row kRows[] = {
      {7, "ok"}, {2, "#GP(0)"}, {5, "#GP(0)"}, {9, "#GP(0)"}, {0x207, "xcr0_bit_not_modelled"}, {0x27, "#GP(0)"}};
  for (const Row& r : kRows) {
    SCOPED_TRACE(r.value);
    TestMachine x(insn::kLong64, {{insn::Rax, r.value}});
    x.m.v[insn::Cr4] |= bit(cr4::OSXSAVE);
    xsetbv(x.m, plain(0xd1, 4));
    EXPECT_EQ(story(x.m), r.expected);
  }
  TestMachine k(insn::kLong64, {{insn::Rax, 0x30}});
  k.m.v[insn::Cr4] |= bit(cr4::PKE);
  wrpkru(k.m, plain(0xef, 4));
  EXPECT_EQ(k.m.v[insn::Pkru], 0x30u);
  k.m.v[insn::Rdx] = 1;
  wrpkru(k.m, plain(0xef, 4));
  EXPECT_EQ(story(k.m), "#GP(0)");
}

}  // namespace
}  // namespace diffvisor::x86
