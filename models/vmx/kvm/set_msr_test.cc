// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/set_msr.h"

#include <gtest/gtest.h>

#include "models/vmx/kvm/kvm_test_case.h"

namespace diffvisor::vmx {
namespace {

using namespace kvm_test;
using enum MsrVerdict;

TEST(KvmSetMsr, Verdicts) {
  const struct {
    std::uint32_t index;
    std::uint64_t value;
    MsrVerdict verdict;
    Changes changes;
  } table[] = {
      {kFillerMsr, ~std::uint64_t{0}, Accepts, {}},
      {0x175, one(60), Accepts, {}},
      {0x277, 0x0606060606060606, Accepts, {}},
      {0x277, 0x0200, Refuses, {}},
      {0xc0000080, 0xd01, Accepts, {}},
      {0xc0000080, 0xc01, Refuses, {}},
      {0xc0000080, 0xc01, Accepts, legacy() + Changes{off(GuestCr0, cr0::PG)}},
      {0xc0000080, 0x1d01, Refuses, {}},
      {0xc0000082, one(47), Refuses, {}},
      {0xc0000082, one(47), Accepts, {on(GuestCr4, cr4::LA57)}},
      {0xc0000084, one(32), Unknown, {}},
      {0xc0000103, one(32), Refuses, {}},
      {0x1d9, 0x8807, Accepts, {}},
      {0x1d9, 0x40, Refuses, {}},
      {0x1d9, 3, Accepts, {put(CapDebugctlMask, 0)}},
      {0x1d9, 0x40, Unknown, {on(CapDebugctlMask, 6)}},
      {0x38f, one(34), Accepts, {}},
      {0x38f, one(35), Refuses, {}},
      {0x38f, 0, Refuses, {put(CapPerfGlobalCtrlMask, 0)}},
      {0x3a, 5, Refuses, {}},
      {0x485, 0, Refuses, {}},
      {0x6a2, 0, Refuses, {}},
      {0x6a2, 0, Unknown, {on(CapFeatures, feature::CET)}},
      {0x808, 0, Refuses, {}},
      {0x12345678, 0, Unknown, {}},
  };
  for (const auto& e : table)
    EXPECT_EQ(kvm_set_msr(case_of(e.changes).v.data(), e.index, e.value), e.verdict)
        << std::hex << e.index << " " << e.value;
}

}  // namespace
}  // namespace diffvisor::vmx
