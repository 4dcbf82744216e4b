// SPDX-License-Identifier: Apache-2.0
// Vectors of svm_entry: needs, symbols, memory, expectations.
#include "fuzzers/svm_vectors.h"

#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"

namespace diffvisor::svm {
namespace {

Vector vector(std::vector<VectorItem> set, std::vector<std::string> needs = {}, std::vector<VectorItem> mem = {},
              std::string expect = "ok") {
  Vector v;
  v.id = "v", v.domain = "svm_entry", v.place = "here:1", v.expect = std::move(expect);
  v.set = std::move(set), v.mem = std::move(mem), v.needs = std::move(needs);
  return v;
}

tl::expected<VectorCase, VectorProblem> build(const Vector& v, const char* fixed = nullptr) {
  VectorProfile on;
  if (fixed != nullptr) on = {find_profile(schema(), fixed), true};
  return svm_vectors().build(v, on);
}

// "met", "unmet", or "?" if the need is not understood.
std::string on_profile(const char* profile, std::string need) {
  const auto built = build(vector({}, {std::move(need)}), profile);
  return built ? "met" : built.error().unmet ? "unmet" : "?";
}

TEST(SvmNeeds, AreCheckedAgainstAProfile) {
  EXPECT_EQ(on_profile("ryzen", "NPT"), "met");
  EXPECT_EQ(on_profile("ryzen", "!NPT"), "unmet");
  EXPECT_EQ(on_profile("ryzen", "MAXPA=40"), "met");
  EXPECT_EQ(on_profile("ryzen", "MAXPA>40"), "unmet");
  EXPECT_EQ(on_profile("full", "MAXPA>40"), "met");
  EXPECT_EQ(on_profile("full", "MAXPA<=40"), "unmet");
  EXPECT_EQ(on_profile("ryzen", "CR4_bit13_unsupported"), "met");
  EXPECT_EQ(on_profile("ryzen", "CR4_bit5_unsupported"), "unmet");
  EXPECT_EQ(on_profile("ryzen", "cpuid:AVIC"), "unmet");
  EXPECT_EQ(on_profile("full", "cpuid:AVIC"), "met");
  EXPECT_EQ(on_profile("ryzen", "instruction:cpl3"), "met");
  for (const char* text : {"precondition:smm", "CR9_bit1_unsupported", "MAXPA>", "MAXPA=a", "flying", ""})
    EXPECT_EQ(on_profile("ryzen", text), "?") << text;
}

TEST(SvmNeeds, AreMadeTrue) {
  const auto built = build(vector({}, {"MAXPA=43", "!NPT", "cpuid:shadow_stack", "precondition:svme_off"}));
  ASSERT_TRUE(built.has_value());
  EXPECT_EQ(built->c.v[CapMaxphyaddr], 43u);
  EXPECT_EQ(built->c.v[CapSvmFeatures] & 1, 0u);
  EXPECT_EQ(built->c.v[NestedCtl], 0u) << "golden follows the profile";
  EXPECT_EQ(built->c.v[CapFeatures] >> feature::SHADOW_STACK & 1, 1u);
  EXPECT_EQ(built->c.v[Context], 1u << kSvmeOff);
  EXPECT_FALSE(build(vector({}, {"MAXPA=36", "MAXPA>40"})).has_value());
  EXPECT_FALSE(build(vector({}, {"MAXPA=20"})).has_value());
}

TEST(SvmVectors, FieldsSymbolsAndMemory) {
  const auto built =
      build(vector({{"CR3", "PDPT"}, {"NP_ENABLE", "0"}, {"RIP", "CODE32(vmmcall)"}, {"EFER", "&~0x500"}}, {},
                   {{"PDPT+0x10", "PDPTE_OK(2)|0x400"}}));
  ASSERT_TRUE(built.has_value()) << built.error().reason;
  EXPECT_EQ(built->c.v[Cr3], agent::kScratch);
  EXPECT_EQ(built->c.v[NestedCtl], 0u);
  EXPECT_EQ(built->c.v[Rip], agent::kGuestCode);
  EXPECT_EQ(built->c.v[Efer], 0x1801u);
  EXPECT_EQ(built->c.v[Cr3Pdpte], 0x402001u);
  EXPECT_EQ(built->c.v[Cr3Pdpte + 2], 0x402401u);
  const auto empty = build(vector({}, {"precondition:first_NPT_entry_not_present"}));
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->c.v[Ncr3], kEmptyTables);
}

TEST(SvmVectors, WhatCannotBeBuilt) {
  for (const VectorItem& item : std::initializer_list<VectorItem>{{"GUEST_CR0", "0"},
                                                                  {"CR3_PDPTE", "1"},
                                                                  {"MAXPHYADDR", "1"},
                                                                  {"ASID", "0x100000000"},
                                                                  {"CR3", "EPT(identity)"}})
    EXPECT_FALSE(build(vector({item})).has_value()) << item.name;
  EXPECT_FALSE(build(vector({}, {}, {{"0x1000", "1"}})).has_value());
}

TEST(SvmVectors, Expectations) {
  const auto accepts = [](std::string expect, Outcome seen) {
    const auto built = build(vector({}, {}, {}, std::move(expect)));
    return built.has_value() && built->accepted[0].accepts(seen);
  };
  EXPECT_TRUE(accepts("ok", entered(kVmmcallExit)));
  EXPECT_FALSE(accepts("ok", kInvalid));
  EXPECT_TRUE(accepts("invalid", kInvalid));
  EXPECT_TRUE(accepts("npf(0x400)", entered(kNestedPageFaultExit)));
  EXPECT_TRUE(accepts("exit(0x64)", entered(kVirtualInterruptExit)));
  EXPECT_FALSE(accepts("exit(0x64)", entered(kVmmcallExit)));
  EXPECT_TRUE(accepts("#UD", make_outcome(OutcomeKind::InvalidOpcode)));
  EXPECT_TRUE(accepts("#GP(0)", make_outcome(OutcomeKind::GeneralProtection)));
  EXPECT_FALSE(build(vector({}, {}, {}, "vmfail(7)")).has_value());
}

}  // namespace
}  // namespace diffvisor::svm
