// SPDX-License-Identifier: Apache-2.0
#include "models/svm/conditions.h"

#include <gtest/gtest.h>

#include "harness/base/rng.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::svm::arch {
namespace {

constexpr rules::Slice kBase{MsrpmBase, 0, 64}, kC{CapCBit, 0, 64};

bool legal(const rules::FreeCondition& f, std::uint64_t width, std::uint64_t c_bit, std::uint64_t address) {
  Case c = case_of("ryzen", kVmmcall, {});
  c.v[CapMaxphyaddr] = width, c.v[CapCBit] = c_bit, c.v[MsrpmBase] = address;
  return f.holds(c.v.data(), kBase, kC);
}

TEST(Conditions, Extents) {
  const rules::FreeCondition &one = kConditions[kLegalAddress], &msrpm = kConditions[kLegalMsrpm],
                             &iopm = kConditions[kLegalIopm];
  for (const unsigned width : {36u, 40u, 52u}) {
    const std::uint64_t end = b(width);
    EXPECT_TRUE(legal(one, width, 0, end - 1));
    EXPECT_FALSE(legal(one, width, 0, end));
    EXPECT_TRUE(legal(msrpm, width, 0, end - 0x1001));
    EXPECT_FALSE(legal(msrpm, width, 0, end - 0x1000));
    EXPECT_TRUE(legal(iopm, width, 0, end - 0x2001));
    EXPECT_FALSE(legal(iopm, width, 0, end - 0x2000));
    EXPECT_FALSE(legal(iopm, width, 0, ~std::uint64_t{0}));
  }
}

TEST(Conditions, TheBitThatMeansEncryptionIsNoPartOfAnAddress) {
  for (const rules::FreeCondition& f : kConditions) {
    EXPECT_TRUE(legal(f, 43, b(47), b(47) | 0x1000));
    EXPECT_FALSE(legal(f, 43, b(47), b(47) | b(46)));
    EXPECT_FALSE(legal(f, 43, 0, b(47)));
  }
}

TEST(Conditions, AreMadeBothWaysWithinLocks) {
  for (const rules::FreeCondition& f : kConditions) {
    std::size_t by_extent = 0;
    for (std::uint64_t n = 0; n < 2000; ++n) {
      Rng rng(n);
      Case c = case_of(n % 2 == 0 ? "ryzen" : "sev", kVmmcall, {});
      c.v[MsrpmBase] = rng.one_in(2) ? rng.next() : c.v[MsrpmBase];
      rules::Locks locks{};
      locks[MsrpmBase] = rng.one_in(2) ? 0 : 0xfff;
      const std::uint64_t before = c.v[MsrpmBase];
      const bool want = rng.one_in(2);
      if (f.holds(c.v.data(), kBase, kC) == want) continue;
      ASSERT_TRUE(f.make(c.v.data(), locks, kBase, kC, want, rng)) << f.name << n;
      ASSERT_EQ(f.holds(c.v.data(), kBase, kC), want) << f.name << n;
      ASSERT_EQ((before ^ c.v[MsrpmBase]) & locks[MsrpmBase], 0u);
      by_extent += !want && address_is_legal<1>(c.v.data(), kBase, kC);
    }
    EXPECT_EQ(by_extent > 0, &f != &kConditions[kLegalAddress]) << f.name;
  }
}

}  // namespace
}  // namespace diffvisor::svm::arch
