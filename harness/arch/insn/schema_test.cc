// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/schema.h"

#include <gtest/gtest.h>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::insn {
namespace {

Case random_case(std::uint64_t seed) {
  Rng rng(seed);
  Case c = golden_case(schema(), static_cast<std::uint16_t>(rng.below(schema().profiles.size())));
  c[ModeOf] = rng.below(kModes);
  for (Slot s = kFirstState; s < kSlots; ++s) c.v[s] = rng.next();
  clip_to_widths(c);
  return c;
}

TEST(InsnSchema, GoldenIsSettledInEveryModeAndProfile) {
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    for (unsigned mode = 0; mode < kModes; ++mode) {
      Case c = golden_case(schema(), p);
      if (is_long(mode) && !has(c.v.data(), feature::LM)) continue;
      c[ModeOf] = mode;
      reset_to_golden(c);
      const Case before = c;
      settle(c.v.data());
      for (Slot s = 0; s < kSlots; ++s)
        EXPECT_EQ(c.v[s], before.v[s]) << field_of_slot(schema(), s).name << " mode " << mode << " profile " << p;
    }
  }
}

TEST(InsnSchema, SettlingIsIdempotentAndStaysValid) {
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    Case c = random_case(seed);
    settle(c.v.data());
    const Case once = c;
    settle(c.v.data());
    ASSERT_EQ(once, c) << "seed " << seed;
    ASSERT_TRUE(is_valid(c)) << "seed " << seed;
  }
}

// Bytes of a file may name a profile that no machine has.
TEST(InsnSchema, SettlesCapabilitiesThatNoProfileHas) {
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    Case c = random_case(seed);
    Rng rng(~seed);
    for (Slot s = 0; s < kFirstState; ++s) c.v[s] = rng.next();
    clip_to_widths(c);
    settle(c.v.data());
    ASSERT_LE(physical_mask(c.v.data()), ones(52));
    ASSERT_EQ(c.v[Cr3] & ~physical_mask(c.v.data()), 0u);
    const Case once = c;
    settle(c.v.data());
    ASSERT_EQ(once, c) << "seed " << seed;
  }
}

TEST(InsnMemory, WindowsShowDataAndCode) {
  std::vector<std::uint8_t> ram(kRamEnd);
  write_background(ram.data());
  const auto qword = [&](Gpa a) {
    std::uint64_t x = 0;
    for (unsigned i = 8; i-- > 0;) x = x << 8 | ram[a + i];
    return x;
  };
  EXPECT_EQ(qword(kPt + 8 * (window(kReadOnly) / kPage)) & ~0xfffull & 0xfffffffff, kData);
  EXPECT_EQ(qword(kPt + 8 * (window(kCodeSupervisor) / kPage)) & 7, 3u);
  EXPECT_EQ(qword(kPt + 8 * (window(kAbsent) / kPage)) & 1, 0u);
  EXPECT_EQ(qword(kGdt + kSelCode64), 0x00af9b000000ffffu);
  EXPECT_EQ(ram[kCode], 0xf4);
}

TEST(InsnOutcome, TextAndBack) {
  for (const Outcome o : {make_outcome(OutcomeKind::Done), make_outcome(OutcomeKind::Exception, kPF),
                          make_outcome(OutcomeKind::TripleFault), make_outcome(OutcomeKind::PortAccess)}) {
    Outcome back = 0;
    ASSERT_TRUE(parse_outcome(outcome_text(o), back));
    EXPECT_EQ(back, o);
  }
  EXPECT_EQ(outcome_word(make_outcome(OutcomeKind::Exception, kGP)), "gp");
}

}  // namespace
}  // namespace diffvisor::insn
