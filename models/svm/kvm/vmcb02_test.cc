// SPDX-License-Identifier: Apache-2.0
// The merged state, field by field.
#include "models/svm/kvm/vmcb02.h"

#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "models/svm/arch_rules.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::svm {
namespace {

std::array<std::uint64_t, kMaxSlots> merged(const std::vector<Change>& set, const char* profile = "kvm61") {
  return merge_vmcb02(case_of(profile, kVmmcall, set).v.data());
}

TEST(Vmcb02, GoldenBreaksNoRuleOfTheManual) {
  for (const char* profile : {"ryzen", "kvm61", "sev", "legacy", "full"}) {
    rules::Survey s;
    arch_rules().survey(merged({}, profile).data(), s);
    s.broken.each(
        [&](std::size_t i) { EXPECT_NE(arch_rules().rows[i].kind, rules::Kind::Check) << arch_rules().rows[i].id; });
  }
}

TEST(Vmcb02, ControlsAreMostlyL0s) {
  const auto v = merged({{Context, '=', b(kAddress32)},
                         {VmcbAddress, '=', 1},
                         {InterceptMisc2, '=', 0},
                         {Asid, '=', 0},
                         {MsrpmBase, '=', ~std::uint64_t{0}},
                         {IopmBase, '=', ~std::uint64_t{0}},
                         {NestedCtl, '=', 0xfe},
                         {Ncr3, '=', ~std::uint64_t{0}},
                         {GPat, '=', 2},
                         {SCet, '=', 8},
                         {UCet, '=', 8}});
  EXPECT_EQ(v[VmcbAddress], kVmcb);
  EXPECT_TRUE(v[InterceptMisc2] >> misc2::VMRUN & 1);
  EXPECT_EQ(v[Asid], 1u);
  EXPECT_EQ(v[MsrpmBase], kMsrpm);
  EXPECT_EQ(v[IopmBase], kIopm);
  EXPECT_EQ(v[NestedCtl], 1u);
  EXPECT_EQ(v[Ncr3], kGoldenNcr3);
  EXPECT_EQ(v[GPat], 0x0007040600070406u);
  EXPECT_EQ(v[SCet] | v[UCet] | v[Context], 0u);
}

TEST(Vmcb02, Events) {
  auto v = merged({{IntCtl, '=', 0xffffffff}, {IntVector, '=', 0x33}, {IntState, '=', 3}, {Eventinj, '=', 0x12345}});
  EXPECT_EQ(v[IntCtl], 0x31f03ffu);  // with the virtual GIF
  EXPECT_EQ(v[IntVector], 0x33u);
  EXPECT_EQ(v[IntState], 3u);
  EXPECT_EQ(v[Eventinj], 0x12345u);
  EXPECT_EQ(merged({{IntCtl, '=', 0xffffffff}}, "ryzen")[IntCtl], 0x11f01ffu);
  EXPECT_EQ(merged({{IntCtl, '=', 0xfdffffff}})[IntCtl], 0x11f01ffu);
}

TEST(Vmcb02, Registers) {
  auto v = merged({{Cr0, '|', b(cr0::CD) | b(cr0::NW) | b(40)}, {Cr4, '|', b(40)}, {Cr3, '=', 0x1234}});
  EXPECT_EQ(v[Cr0], 0x80010033u | b(40));
  EXPECT_EQ(v[Cr4], 0x620u | b(cr4::MCE) | b(40));
  EXPECT_EQ(v[Cr3], 0x1234u);
  v = merged({{Dr6, '=', b(40)}, {Dr7, '=', b(41)}, {Rflags, '=', 0x100}, {Rip, '=', 5}, {CsAttr, '=', 0x123}});
  EXPECT_EQ(v[Dr6], 0xffff0ff0u | b(40));
  EXPECT_EQ(v[Dr7], 0x400u | b(41));
  EXPECT_EQ(v[Rflags], 0x102u);
  EXPECT_EQ(v[Rip], 5u);
  EXPECT_EQ(v[CsAttr], 0x123u);
  EXPECT_EQ(merged({{IdtrBase, '=', 77}, {Cpl, '=', 3}})[IdtrBase], 77u);
  EXPECT_EQ(merged({{IdtrBase, '=', 77}, {Cpl, '=', 3}})[Cpl], 3u);
}

TEST(Vmcb02, Efer) {
  EXPECT_EQ(merged({})[Efer], 0x1d01u);
  EXPECT_EQ(merged({{Efer, '=', 0}})[Efer], b(efer::SVME));
  EXPECT_EQ(merged({{Cr0, '-', b(cr0::PG)}})[Efer], 0x1801u);
  EXPECT_EQ(merged({{Cr0, '-', b(cr0::PG)}, {Efer, '-', b(efer::LME)}})[Efer], 0x1c01u);
  EXPECT_EQ(merged({})[CapEferMask], 0x36fd01u);
  EXPECT_EQ(merged({}, "ryzen")[CapEferMask], 0x36dd01u);
}

TEST(Vmcb02, WhatL2Runs) {
  const Case c = case_of("full", kVmmcall, {{IntCtl, '|', b(31) | b(26) | b(9)}, {NestedCtl, '=', 0xff}});
  auto v = as_l2_runs(c.v.data());
  EXPECT_EQ(v[IntCtl], 0u);
  EXPECT_EQ(v[NestedCtl], 1u);
  v[IntCtl] = c.v[IntCtl];
  v[NestedCtl] = c.v[NestedCtl];
  EXPECT_EQ(v, c.v);
}

}  // namespace
}  // namespace diffvisor::svm
