// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/golden.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/arch/svm/schema.h"
#include "harness/case/case.h"
#include "harness/case/schema_check.h"

namespace diffvisor::svm {
namespace {

TEST(Schema, IsSound) {
  for (const std::string& problem : schema_problems(schema())) ADD_FAILURE() << problem;
}

// The agent places a field by its id: the fields must not overlap, nor leave their area of the VMCB.
TEST(Schema, FieldsLieSideBySideInTheVmcb) {
  std::set<unsigned> taken;
  for (const Field& f : schema().fields) {
    if (f.role != Role::State || f.tag != f.id) continue;
    EXPECT_EQ(f.width % 8, 0) << f.name;
    for (unsigned i = 0; i < f.width / 8u; ++i) EXPECT_TRUE(taken.insert(f.id + i).second) << f.name;
    EXPECT_LE(f.id + f.width / 8u, 0x1000u) << f.name;
  }
  EXPECT_EQ(schema().fields.back().slot, Cr3Pdpte);
}

TEST(Golden, DependsOnTheProbeInTheInterruptOnly) {
  for (std::uint16_t i = 0; i < schema().profiles.size(); ++i) {
    Case call = golden_case(schema(), i), interrupt = call;
    interrupt.v[Probe] = kVirtualInterrupt;
    reset_to_golden(interrupt);
    EXPECT_NE(call.v, interrupt.v);
    for (const Slot s : {IntCtl, IntVector, Rflags, Probe}) interrupt.v[s] = call.v[s];
    EXPECT_EQ(call.v, interrupt.v);
  }
}

TEST(Golden, IsSettledAndNeedsNoMemoryWrites) {
  for (std::uint16_t i = 0; i < schema().profiles.size(); ++i) {
    Case c = golden_case(schema(), i);
    const Case before = c;
    settle_facts(c.v.data());
    EXPECT_EQ(before.v, c.v);
    agent::MemoryWrite out[kMaxFactWrites];
    EXPECT_EQ(fact_writes(c.v.data(), out), 0u);
  }
}

TEST(Golden, Ryzen) {
  const Case c = golden_case(schema());
  EXPECT_EQ(schema().profiles[0].name, "ryzen");
  EXPECT_EQ(c.v[Cr4], 0x620u);
  EXPECT_EQ(c.v[Efer], 0x1d01u);
  EXPECT_EQ(c.v[NestedCtl], 1u);
  EXPECT_EQ(c.v[VmcbAddress], kVmcb);
}

}  // namespace
}  // namespace diffvisor::svm
