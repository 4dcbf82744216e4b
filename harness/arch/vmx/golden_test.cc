// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/golden.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/arch/vmx/schema.h"
#include "harness/case/case.h"
#include "harness/case/schema_check.h"

namespace diffvisor::vmx {
namespace {

TEST(Schema, IdsAndNamesAreUniqueAndBitsFitTheirField) {
  std::set<std::uint16_t> ids;
  std::set<std::string_view> names;
  for (const Field& f : schema().fields) {
    EXPECT_TRUE(ids.insert(f.id).second) << f.name;
    EXPECT_TRUE(names.insert(f.name).second) << f.name;
    for (const BitName& b : f.bits) EXPECT_TRUE(b.lo <= b.hi && b.hi < f.width) << f.name << ' ' << b.name;
    for (const std::uint64_t x : f.interesting) EXPECT_TRUE(f.width == 64 || x >> f.width == 0) << f.name << ' ' << x;
  }
}

TEST(Schema, IsSound) {
  for (const std::string& problem : schema_problems(schema())) ADD_FAILURE() << problem;
}

TEST(Schema, EveryProfileSaysEveryCapabilityOnce) {
  for (const ProfileSpec& p : schema().profiles) {
    std::set<Slot> said;
    for (const Capability& c : p.values) EXPECT_TRUE(said.insert(c.slot).second);
    for (const Field& f : schema().fields)
      EXPECT_EQ(said.contains(f.slot), f.role == Role::Capability) << p.name << ' ' << f.name;
  }
}

// SDM 3C appendix A: what must be 1 may be 1, and the address widths are ones an x86 processor can have.
TEST(Schema, ProfilesAreConsistent) {
  for (std::uint16_t i = 0; i < schema().profiles.size(); ++i) {
    const auto v = profile_values(schema(), i);
    for (const Slot s : {CapPinCtls, CapProcCtls, CapProc2Ctls, CapExitCtls, CapEntryCtls})
      EXPECT_EQ((v[s] & 0xffffffff) & ~(v[s] >> 32), 0u) << schema().profiles[i].name << " slot " << s;
    EXPECT_EQ(v[CapCr0Fixed0] & ~v[CapCr0Fixed1], 0u);
    EXPECT_EQ(v[CapCr4Fixed0] & ~v[CapCr4Fixed1], 0u);
    EXPECT_LE(v[CapMaxphyaddr] + v[CapTmeKeyidBits], 52u);
    EXPECT_TRUE(v[CapLinearWidth] == 48 || v[CapLinearWidth] == 57);
    EXPECT_EQ(v[CapLinearWidth] == 57, (v[CapCr4Fixed1] >> cr4::LA57 & 1) != 0);
  }
}

TEST(Golden, DependsOnTheProbeInOneControlOnly) {
  for (std::uint16_t i = 0; i < schema().profiles.size(); ++i) {
    Case timer = golden_case(schema(), i), call = timer;
    call.v[Probe] = kVmcall;
    reset_to_golden(call);
    EXPECT_EQ(timer.v[Pin] ^ call.v[Pin], 1u << pin::PREEMPT);
    EXPECT_EQ(timer.v[Pin] >> pin::PREEMPT & 1, 1u);
    call.v[Probe] = kTimerZero;
    call.v[Pin] = timer.v[Pin];
    EXPECT_EQ(timer.v, call.v);
  }
}

TEST(Golden, DoesNotDependOnContextOrOldValues) {
  Case c = golden_case(schema());
  const Case plain = c;
  c.v[Context] = 0x3f;
  for (std::size_t s = Pin; s < kSlots; ++s) c.v[s] = 0x55;
  reset_to_golden(c);
  c.v[Context] = 0;
  EXPECT_EQ(plain.v, c.v);
}

TEST(Golden, IsSettled) {
  for (std::uint16_t i = 0; i < schema().profiles.size(); ++i) {
    Case c = golden_case(schema(), i);
    const Case before = c;
    settle_facts(c.v.data());
    clip_to_widths(c);
    EXPECT_EQ(before.v, c.v);
    FactWrite out[kMaxFactWrites];
    EXPECT_EQ(fact_writes(c.v.data(), out), 0u) << "a golden case needs no memory writes";
  }
}

TEST(Golden, TigerlakeControls) {
  const Case c = golden_case(schema());
  EXPECT_EQ(schema().profiles[0].name, "tigerlake");
  EXPECT_EQ(c.v[Pin], 0x7fu);
  EXPECT_EQ(c.v[Proc], 0x04006172u);
  EXPECT_EQ(c.v[Exit], 0x002b6ffbu);
  EXPECT_EQ(c.v[Entry], 0x000093fbu);
  EXPECT_EQ(c.v[HostCr4], 0x2620u);
  EXPECT_EQ(c.v[HostIa32Efer], 0xd01u);
}

}  // namespace
}  // namespace diffvisor::vmx
