// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/conditions.h"

#include <gtest/gtest.h>

#include "harness/arch/vmx/schema.h"
#include "harness/case/case.h"

namespace diffvisor::vmx::arch {
namespace {

rules::Slice whole(Slot s) { return {s, 0, 64}; }

struct Subject {
  ConditionIndex index;
  Slot a, b;
};
constexpr Subject kSubjects[] = {
    {kMsrModelled, EntryMsrIndex, EntryMsrValue},
    {kWrmsrLegal, EntryMsrIndex + 3, EntryMsrValue + 3},
    {kCr3WithKeys, GuestCr3, CapTmeKeyidBits},
    {kLinkRevision, VmcsLinkPointer, LinkDword0},
};

TEST(Conditions, CanBeMadeTrueAndFalseFromAnywhere) {
  Rng rng(4);
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    for (const Subject& s : kSubjects) {
      for (int i = 0; i < 2000; ++i) {
        Case c = golden_case(schema(), p);
        c.v[s.a] = rng.one_in(2) ? rng.next() : rng.pick(msrs()).first;
        if (s.b != CapTmeKeyidBits) c.v[s.b] = rng.next() >> rng.below(64);
        clip_to_widths(c);
        const rules::Locks none{};
        for (const bool want : {false, true, false}) {
          const auto& f = kConditions[s.index];
          if (f.holds(c.v.data(), whole(s.a), whole(s.b)) == want) continue;
          ASSERT_TRUE(f.make(c.v.data(), none, whole(s.a), whole(s.b), want, rng)) << f.name << ' ' << want;
          ASSERT_EQ(f.holds(c.v.data(), whole(s.a), whole(s.b)), want) << f.name;
        }
      }
    }
  }
}

TEST(Conditions, LocksHold) {
  Rng rng(5);
  for (const Subject& s : kSubjects) {
    Case c = golden_case(schema());
    const Case before = c;
    rules::Locks all{};
    all.fill(~std::uint64_t{0});
    const auto& f = kConditions[s.index];
    const bool want = !f.holds(c.v.data(), whole(s.a), whole(s.b));
    EXPECT_FALSE(f.make(c.v.data(), all, whole(s.a), whole(s.b), want, rng));
    EXPECT_EQ(before.v, c.v);
  }
}

}  // namespace
}  // namespace diffvisor::vmx::arch
