// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/msrs.h"

#include <array>

#include <gtest/gtest.h>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/schema.h"
#include "harness/case/case.h"

namespace diffvisor::vmx {
namespace {

struct Row {
  const char* profile;
  std::uint32_t index;
  std::uint64_t value;
  Wrmsr wanted;
};

constexpr Wrmsr kLegal = Wrmsr::Legal, kFaults = Wrmsr::Faults, kOpen = Wrmsr::NotModelled;

constexpr Row kRows[] = {
    {"tigerlake", 0x10, ~0ull, kLegal},
    {"tigerlake", 0x1b, 0xfee00900, kOpen},
    {"tigerlake", 0x1b, 0xfee00901, kFaults},
    {"tigerlake", 0x1b, 0xfee00b00, kFaults},
    {"tigerlake", 0x1b, 0xfee00400, kFaults},     // x2APIC without enable
    {"tigerlake", 0x1b, 0x100fee00900, kFaults},  // bit 40
    {"tigerlake", 0x3a, 5, kFaults},
    {"tigerlake", 0x48, 7, kLegal},
    {"tigerlake", 0x48, 8, kFaults},
    {"full", 0x48, 0x400, kLegal},
    {"skylake_x", 0x48, 0, kFaults},
    {"tigerlake", 0x49, 1, kLegal},
    {"tigerlake", 0x49, 2, kFaults},
    {"tigerlake", 0x174, 0x10, kLegal},
    {"tigerlake", 0x174, 0x100000000, kOpen},
    {"tigerlake", 0x175, 0x7fffffffffff, kLegal},
    {"tigerlake", 0x176, 0x800000000000, kFaults},
    {"full", 0x176, 0x800000000000, kLegal},  // 57 bits
    {"tigerlake", 0x1d9, 0x4, kFaults},
    {"full", 0x1d9, 0x4, kLegal},
    {"tigerlake", 0x200, 6, kLegal},
    {"tigerlake", 0x200, 7, kFaults},
    {"tigerlake", 0x200, 2, kFaults},
    {"tigerlake", 0x200, 0x106, kFaults},
    {"tigerlake", 0x20e, 0x10000000006, kFaults},
    {"full", 0x20e, 0x400000000006, kOpen},  // a TME key bit
    {"tigerlake", 0x201, 0x800, kLegal},
    {"tigerlake", 0x201, 0x400, kFaults},
    {"tigerlake", 0x210, 0, kOpen},
    {"tigerlake", 0x250, 0x0606060606060606, kLegal},
    {"tigerlake", 0x26f, 0x0706060606060606, kFaults},
    {"tigerlake", 0x277, 0x0007040600070406, kLegal},
    {"tigerlake", 0x277, 0x0200000000000000, kFaults},
    {"tigerlake", 0x277, 0x80, kFaults},
    {"tigerlake", 0x2ff, 0xc06, kLegal},
    {"tigerlake", 0x2ff, 0x106, kFaults},
    {"tigerlake", 0x2ff, 0x1006, kFaults},
    {"tigerlake", 0x38f, 0x1000000000000, kLegal},
    {"skylake_x", 0x38f, 0x10, kFaults},
    {"tigerlake", 0x480, 0, kFaults},
    {"tigerlake", 0x493, 0, kFaults},
    {"tigerlake", 0x6a0, 0x3f, kLegal},
    {"tigerlake", 0x6a2, 0x40, kFaults},
    {"tigerlake", 0x6a2, 0xc00, kFaults},
    {"tigerlake", 0x6a2, 0x1000, kOpen},
    {"tigerlake", 0x6a2, 0x800000000000, kFaults},
    {"icelake_u", 0x6a2, 0, kFaults},
    {"tigerlake", 0x6a4, 8, kLegal},
    {"tigerlake", 0x6a4, 2, kFaults},
    {"tigerlake", 0x6a8, 0x800000000000, kFaults},
    {"tigerlake", 0x6e1, 0, kFaults},
    {"full", 0x6e1, 0xffffffff, kLegal},
    {"full", 0x6e1, 0x100000000, kFaults},
    {"tigerlake", 0xc0000080, 0xd01, kLegal},
    {"tigerlake", 0xc0000080, 2, kFaults},
    {"tigerlake", 0xc0000081, ~0ull, kLegal},
    {"tigerlake", 0xc0000082, 0x800000000000, kFaults},
    {"tigerlake", 0xc0000084, 0xffffffff, kLegal},
    {"tigerlake", 0xc0000102, 0xffff800000000000, kLegal},
    {"tigerlake", 0xc0000103, 0x100000000, kFaults},
    {"tigerlake", 0, 0, kOpen},
    {"tigerlake", 0xffffffff, 0, kOpen},
};

TEST(Msrs, LegalityTable) {
  for (const Row& r : kRows) {
    const auto v = profile_values(schema(), *find_profile(schema(), r.profile));
    EXPECT_EQ(static_cast<int>(wrmsr(v.data(), r.index, r.value)), static_cast<int>(r.wanted))
        << r.profile << std::hex << " msr " << r.index << " value " << r.value;
  }
}

TEST(Msrs, EveryRuleIsInTheTable) {
  for (const Msr& m : msrs()) {
    bool seen = m.rule == MsrRule::Anything || m.rule == MsrRule::Never;
    for (const Row& r : kRows) seen |= find_msr(r.index) != nullptr && find_msr(r.index)->rule == m.rule;
    EXPECT_TRUE(seen) << m.name;
  }
}

// Whatever certain verdict an MSR can have, value_for finds a value with it from anywhere.
TEST(Msrs, ValueForFindsBothSides) {
  Rng rng(3);
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    const auto v = profile_values(schema(), p);
    for (const Row& r : kRows) {
      if (schema().profiles[p].name != r.profile || r.wanted == kOpen) continue;
      const auto found = value_for(rng, v.data(), r.index, rng.next(), r.wanted);
      ASSERT_TRUE(found.has_value()) << std::hex << r.index << " for " << static_cast<int>(r.wanted);
      EXPECT_EQ(static_cast<int>(wrmsr(v.data(), r.index, *found)), static_cast<int>(r.wanted));
    }
  }
}

// The quicker questions have the answer of wrmsr().
TEST(Msrs, EveryQuestionHasTheSameAnswer) {
  Rng rng(4);
  constexpr std::size_t kStates = 64;
  for (unsigned round = 0; round < 400; ++round) {
    std::array<std::array<std::uint64_t, kMaxSlots>, kStates> states;
    std::array<const std::uint64_t*, kStates> at;
    std::array<std::uint64_t, 3> expected{};
    for (std::size_t i = 0; i < kStates; ++i) {
      const Row& r = rng.pick(std::span<const Row>(kRows));
      auto& v = states[i] = profile_values(schema(), static_cast<std::uint16_t>(rng.below(schema().profiles.size())));
      v[EntryMsrIndex] = r.index;
      v[EntryMsrValue] = r.value ^ (rng.one_in(2) ? std::uint64_t{1} << rng.below(64) : 0);
      at[i] = v.data();
      const Wrmsr verdict = wrmsr(v.data(), r.index, v[EntryMsrValue]);
      expected[static_cast<std::size_t>(verdict)] |= std::uint64_t{1} << i;
      ASSERT_EQ(is_modelled(v.data(), r.index, v[EntryMsrValue]), verdict != kOpen) << std::hex << r.index;
    }
    const std::uint64_t among = rng.next();
    for (const Wrmsr verdict : {kLegal, kFaults, kOpen})
      ASSERT_EQ(wrmsr_each(at.data(), among, EntryMsrIndex, EntryMsrValue, verdict),
                expected[static_cast<std::size_t>(verdict)] & among)
          << static_cast<int>(verdict);
  }
}

}  // namespace
}  // namespace diffvisor::vmx
