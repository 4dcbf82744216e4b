// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"
#include "harness/case/case.h"

namespace diffvisor::svm {
namespace {

Case with_cr3(std::uint64_t cr3) {
  Case c = golden_case(schema());
  c.v[Cr3] = cr3;
  return c;
}

TEST(Facts, AreWrittenWhereCr3Points) {
  Case c = with_cr3(agent::kScratch + 0x67);
  c.v[Cr3Pdpte] = 0;
  c.v[Cr3Pdpte + 3] = 0x401401;
  settle_facts(c.v.data());
  EXPECT_TRUE(fact_is_placed(c.v.data(), Cr3Pdpte));
  agent::MemoryWrite out[kMaxFactWrites];
  ASSERT_EQ(fact_writes(c.v.data(), out), 1u);
  EXPECT_EQ(out[0].address, agent::kScratch + 0x60 + 24);
  EXPECT_EQ(out[0].value, 0x401401u);
  EXPECT_EQ(out[0].bytes, 8u);
}

TEST(Facts, BitsAboveThirtyOneAreNoPartOfTheAddress) {
  EXPECT_TRUE(fact_is_placed(with_cr3(0x1000000000 | agent::kScratch).v.data(), Cr3Pdpte));
}

TEST(Facts, TheGoldenTablesAreClean) {
  Case c = with_cr3(agent::kGuestCr3);
  agent::MemoryWrite out[kMaxFactWrites];
  EXPECT_EQ(fact_writes(c.v.data(), out), 0u);
  c.v[Cr3Pdpte] = 0;
  EXPECT_EQ(fact_writes(c.v.data(), out), 1u);
}

TEST(Facts, ReadAllOnesAboveRamAndMeanNothingInTheAgentsPages) {
  Case c = with_cr3(agent::kRamEnd);
  settle_facts(c.v.data());
  for (unsigned i = 0; i < kPdpteFacts; ++i) EXPECT_EQ(c.v[Cr3Pdpte + i], ~std::uint64_t{0});
  EXPECT_TRUE(fact_is_placed(c.v.data(), Cr3Pdpte));
  Case agents = with_cr3(agent::kAgentImage);
  const Case before = agents;
  settle_facts(agents.v.data());
  EXPECT_EQ(before.v, agents.v);
  EXPECT_FALSE(fact_is_placed(agents.v.data(), Cr3Pdpte));
  EXPECT_FALSE(fact_is_placed(with_cr3(agent::kDevices).v.data(), Cr3Pdpte));
  EXPECT_FALSE(fact_is_placed(with_cr3(agent::kScratchEnd - 0x20 + 0x20).v.data(), Cr3Pdpte));
}

}  // namespace
}  // namespace diffvisor::svm
