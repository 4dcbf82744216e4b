// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/mutate_insn.h"
#include "fuzzers/x86_insn/scenarios.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/compare/judge.h"
#include "models/x86/arch_model.h"
#include "models/x86/decoder/decode.h"
#include "models/x86/decoder/form.h"

namespace diffvisor::x86_insn {
namespace {

using namespace insn;

Case made(std::uint64_t seed, std::uint64_t index, std::uint16_t profile = 0) {
  Case c = golden_case(schema(), profile);
  Rng rng(seed, index);
  generate(rng, index, c);
  settle(c.v.data());
  return c;
}

// Bytes of the first instruction as the decoder sees them; nothing if it refuses them.
bool decode_first(const Case& c, ZydisDecodedInstruction& out) {
  const auto& code = c.areas[kCodeArea];
  ZydisDecoderContext context;
  return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder_of(c[ModeOf]), &context, code.data(),
                                                    std::min<std::size_t>(code.size(), 15), &out));
}

TEST(InsnGenerator, CaseDependsOnSeedAndIndexAlone) {
  Case reused = golden_case(schema(), 0);
  for (std::uint64_t i = 3000; i-- > 0;) {
    Rng rng(7, i);
    reused.v = golden_case(schema(), 0).v;  // but the code area still holds the case before
    generate(rng, i, reused);
    settle(reused.v.data());
    ASSERT_EQ(reused, made(7, i)) << i;
  }
  EXPECT_NE(made(7, 1), made(8, 1));
}

TEST(InsnGenerator, CasesAreValidAndSettledInEveryProfile) {
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p)
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const Case c = made(1, i, p);
      ASSERT_TRUE(is_valid(c)) << "profile " << p << " case " << i;
      Case again = c;
      settle(again.v.data());
      ASSERT_EQ(c, again) << "profile " << p << " case " << i;
      ASSERT_FALSE(c.areas[kCodeArea].empty());
      ASSERT_LT(c[ModeOf], has(c.v.data(), feature::LM) ? kModes : kCompatibility32);
    }
}

TEST(InsnGenerator, MostCodeDecodesAndEveryScenarioComesInEveryMode) {
  std::map<std::string_view, std::array<unsigned, kModes>> seen;
  constexpr unsigned kCases = 60000;
  unsigned valid = 0, deliver = 0, supervisor = 0, in_protected = 0;
  for (std::uint64_t i = 0; i < kCases; ++i) {
    Case c = golden_case(schema(), 0);
    Rng rng(2, i);
    const std::string_view name = generate_named(rng, i, c);
    settle(c.v.data());
    ++seen[name][c[ModeOf]];
    ZydisDecodedInstruction d;
    valid += decode_first(c, d);
    deliver += c[Deliver] == 1;
    if (is_protected(c[ModeOf])) {
      ++in_protected;
      supervisor += cpl_of(c.v.data()) == 0;
    }
  }
  for (const Scenario& s : scenarios())
    for (unsigned mode = 0; mode < kModes; ++mode) EXPECT_GT(seen[s.name][mode], 0u) << s.name << " in mode " << mode;
  EXPECT_GT(valid, kCases * 92 / 100);
  EXPECT_LT(valid, kCases * 98 / 100);
  EXPECT_NEAR(deliver, kCases * 0.12, kCases * 0.02);
  EXPECT_NEAR(supervisor, in_protected * 0.5, in_protected * 0.06);
}

TEST(InsnGenerator, FormsOfTheModelAppear) {
  std::set<std::uint32_t> seen;
  for (std::uint64_t i = 0; i < 150000; ++i) {
    const Case c = made(3, i);
    const auto& code = c.areas[kCodeArea];
    x86::DecodeMode mode;
    mode.width = c[ModeOf] == kLong64 ? 8 : c[ModeOf] == kProtected32 || c[ModeOf] == kCompatibility32 ? 4 : 2;
    mode.vex = is_protected(c[ModeOf]);
    x86::Instruction decoded;
    if (x86::decode(mode, {reinterpret_cast<const u8*>(code.data()), code.size()}, decoded) == x86::DecodeStatus::Ok)
      seen.insert(x86::form_of(decoded));
  }
  const std::vector<std::uint32_t> forms = x86::modelled_forms();
  const auto count = std::ranges::count_if(forms, [&](std::uint32_t f) { return seen.contains(f); });
  EXPECT_GT(forms.size(), 1000u);
  EXPECT_GE(count, static_cast<std::ptrdiff_t>(forms.size() * 95 / 100));
}

// A state that is loaded is a state where the instruction is reached, and mostly carried out.
TEST(InsnGenerator, MostCasesAreCarriedOut) {
  x86::X86Model model;
  unsigned done = 0, faults = 0, lost = 0;
  constexpr unsigned kCases = 20000;
  for (std::uint64_t i = 0; i < kCases; ++i) {
    const Case c = made(12, i);
    Observation o;
    model.submit({&c, 1}, {&o, 1});
    // Paging leads to CODE_ADDRESS, or to a fault.
    ASSERT_NE(o.reason, "code_elsewhere") << "case " << i;
    if (o.status != Status::Ran) {
      ++lost;
      continue;
    }
    const OutcomeKind kind = kind_of(o.outcome);
    (kind == OutcomeKind::Exception || kind == OutcomeKind::TripleFault ? faults : done) += 1;
  }
  EXPECT_GT(done, kCases * 60 / 100);
  EXPECT_GT(faults, kCases * 20 / 100);
  EXPECT_LT(lost, kCases * 5 / 100);
}

bool differ(const Observation& a, const Observation& b) {
  return a.status == Status::Ran && b.status == Status::Ran && compare::Judge::first_difference(a, b);
}

// Campaigns find defects whose situation comes up: each must make a difference within these cases.
TEST(InsnGenerator, EveryDefectOfTheModelShows) {
  std::vector<x86::Quirk> left;
  for (std::size_t i = 0; i < x86::kQuirks; ++i) {
    const auto q = static_cast<x86::Quirk>(i);
    const bool is_defect = x86::quirk_row(q).tag != "O" && x86::quirk_row(q).tag != "K";
    if (is_defect && q != x86::Quirk::Canon57) left.push_back(q);  // 57 bits: the profile "full" has them
  }
  EXPECT_GT(left.size(), 20u);
  x86::X86Model right, wrong;
  for (std::uint64_t i = 0; i < 400000 && !left.empty(); ++i) {
    const Case c = made(13, i);
    Observation wanted;
    right.submit({&c, 1}, {&wanted, 1});
    std::erase_if(left, [&](x86::Quirk q) {
      x86::Quirks planted;
      planted.set(q);
      wrong.set_quirks(planted);
      Observation seen;
      wrong.submit({&c, 1}, {&seen, 1});
      return differ(wanted, seen);
    });
  }
  for (const x86::Quirk q : left) ADD_FAILURE() << x86::quirk_row(q).id;
}

TEST(InsnMutator, KeepsCasesValidAndChangesThem) {
  unsigned unchanged = 0;
  constexpr unsigned kCases = 3000;
  for (std::uint64_t i = 0; i < kCases; ++i) {
    Case c = made(4, i, static_cast<std::uint16_t>(i % 3));
    const Case other = made(5, i, static_cast<std::uint16_t>(i % 3)), before = c;
    Rng rng(6, i);
    for (unsigned n = 0; n < 10; ++n) {
      mutate_insn(rng, c, other);
      ASSERT_TRUE(is_valid(c)) << i;
      settle(c.v.data());
      ASSERT_TRUE(is_valid(c)) << i;
    }
    unchanged += c == before;
  }
  EXPECT_LT(unchanged, kCases / 50);
}

TEST(InsnMutator, TakesEmptyAndFullCodeAreas) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMostCode}) {
    Case c = golden_case(schema(), 0);
    const Case other = c;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      c.areas[kCodeArea].assign(size, std::byte{0x66});
      Rng rng(9, i);
      mutate_insn(rng, c, other);
      ASSERT_TRUE(is_valid(c));
    }
  }
}

TEST(InsnMutator, TakesCasesThatBytesMadeWithoutAMode) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Case c = golden_case(schema(), 0);
    const Case other = c;
    Rng rng(10, i);
    for (Slot s = ModeOf; s < kSlots; ++s) c.v[s] = rng.next();
    clip_to_widths(c);
    mutate_insn(rng, c, other);
    ASSERT_TRUE(is_valid(c));
    ASSERT_LT(c[ModeOf], kModes);
  }
}

}  // namespace
}  // namespace diffvisor::x86_insn
