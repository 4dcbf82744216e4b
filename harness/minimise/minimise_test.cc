// SPDX-License-Identifier: Apache-2.0
#include "harness/minimise/minimise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "harness/arch/insn/schema.h"
#include "harness/case/diff.h"
#include "harness/case/test_schemas.h"
#include "harness/minimise/single_steps.h"

namespace diffvisor::minimise {
namespace {

using samples::awkward_schema;
using samples::kList;
using samples::kWide;

void expect_minimal(const Case& c, const Predicate& shows, const Options& options) {
  const auto smaller = smaller_by_one_step(c, shows, options);
  ASSERT_FALSE(smaller) << golden_difference_text(c) << "\n" << golden_difference_text(*smaller);
}

Minimised checked(const Case& from, const Predicate& shows, const Options& options = {}) {
  const auto m = minimise(from, shows, options);
  EXPECT_TRUE(m) << m.error().text();
  EXPECT_TRUE(m->is_minimal);
  EXPECT_TRUE(shows(m->best));
  EXPECT_TRUE(is_valid(m->best));
  expect_minimal(m->best, shows, options);
  const auto again = minimise(from, shows, options);
  EXPECT_EQ(again->best, m->best);
  EXPECT_EQ(again->calls, m->calls);
  return *m;
}

TEST(Minimise, OneBitOfOneField) {
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    Case c = samples::random_case(rng, awkward_schema());
    c.v[kWide] |= 1 << 4;
    // Bit 4 is 0 in golden of every context below 0x10.
    c.v[samples::kContext] &= 0xf;
    const auto m = checked(c, [](const Case& x) { return (x[kWide] >> 4 & 1) != 0; });
    EXPECT_EQ(golden_difference_text(m.best), "differs from golden in 1 field: WIDE bit 4");
  }
}

TEST(Minimise, NeededContextStaysAndGoldenFollows) {
  Rng rng(2);
  for (int i = 0; i < 50; ++i) {
    Case c = samples::random_case(rng, awkward_schema());
    c.v[samples::kContext] |= 2;
    const auto m = checked(c, [](const Case& x) { return (x[samples::kContext] & 2) != 0; });
    EXPECT_EQ(golden_difference_text(m.best), "differs from golden in 1 field: CONTEXT bit 1 (two)");
  }
}

TEST(Minimise, CapabilitiesReturnToTheNamedProfile) {
  Case c = golden_case(awkward_schema(), 1);
  c.v[samples::kCap] = 5;
  reset_to_golden(c);
  c.v[kList] = 9;
  const auto m = checked(c, [](const Case& x) { return x[kList] == 9; });
  EXPECT_EQ(golden_difference_text(m.best), "differs from golden in 1 field: LIST[0] 0x0 -> 0x9");
}

// A case is as well made in the first profile unless its bucket is about another; what executors cannot run they do not
// offer.
TEST(Minimise, TheFirstProfileUnlessTheBucketNeedsAnother) {
  ASSERT_GT(awkward_schema().profiles.size(), 1u);
  Case c = golden_case(awkward_schema(), 1);
  c.v[kList] = 9;
  const auto shows = [](const Case& x) { return x[kList] == 9; };
  EXPECT_EQ(checked(c, shows).best.profile, 1u);
  Options any;
  any.any_profile = true;
  Case expected = golden_case(awkward_schema(), 0);
  expected.v[kList] = 9;
  EXPECT_EQ(checked(c, shows, any).best, expected);
  const auto needs_it = [&](const Case& x) { return shows(x) && x[samples::kCap] == c[samples::kCap]; };
  ASSERT_NE(c[samples::kCap], expected[samples::kCap]);
  EXPECT_EQ(checked(c, needs_it, any).best, c);
}

TEST(Minimise, FewerStepsWhereNumbersOfStepsHaveNoBits) {
  using namespace insn;
  Case c = golden_case(insn::schema());
  c.v[ExtraSteps] = 2;
  const auto m = checked(c, [](const Case& x) { return x[ExtraSteps] >= 1; });
  EXPECT_EQ(m.best[ExtraSteps], 1u);
}

// Two halves of one thing, which no step of the minimiser's own takes at once.
std::vector<Case> without_a_pair(const Case& c) {
  std::vector<Case> out;
  if (c[insn::ExtraSteps] == 0 || c.areas[0].empty()) return out;
  out.push_back(c);
  out.back().areas[0].pop_back();
  --out.back().v[insn::ExtraSteps];
  return out;
}

TEST(Minimise, TakesWhatTheDomainOffers) {
  Case c = golden_case(insn::schema());
  c.v[insn::ExtraSteps] = 3;
  c.areas[0] = std::vector<std::byte>(4, std::byte{0x90});
  const auto shows = [](const Case& x) { return x.areas[0].size() == x[insn::ExtraSteps] + 1; };
  EXPECT_EQ(checked(c, shows).best.areas[0].size(), 4u);
  Options options;
  options.shorter = &without_a_pair;
  EXPECT_EQ(checked(c, shows, options).best.areas[0].size(), 1u);
}

TEST(Minimise, AsksAboutEachCaseOnce) {
  Rng rng(8);
  for (const Schema* s : samples::test_schemas()) {
    const Case from = samples::random_case(rng, *s);
    const std::uint64_t last = s->slots - 1u;
    std::vector<Case> asked;
    const auto m = minimise(from, [&](const Case& c) {
      EXPECT_EQ(std::ranges::find(asked, c), asked.end()) << golden_difference_text(c);
      asked.push_back(c);
      return c.v[last] == from.v[last] && c.v[0] == from.v[0];
    });
    ASSERT_TRUE(m);
  }
}

TEST(Minimise, OperationsAndArguments) {
  const auto shows = [](const Case& c) {
    bool armed = false;
    for (const Operation& o : c.operations) {
      if (o.opcode == 255 && (o.args[0] & 4) != 0) armed = true;
      if (o.opcode == 0 && armed && o.args[3] > 100) return true;
    }
    return false;
  };
  Case c = golden_case(awkward_schema());
  c.operations = {{7, {}}, {255, {7}}, {0, {1, 2, 3, 4}}, {255, {4}}, {0, {9, 9, 9, 0xffff}}, {7, {}}};
  const auto m = checked(c, shows);
  ASSERT_EQ(m.best.operations.size(), 2u);
  EXPECT_EQ(m.best.operations[0], (Operation{255, {4}}));
  EXPECT_EQ(std::popcount(m.best.operations[1].args[3]), 1);
  EXPECT_LT(m.best.operations[1].args[3], 256u);
}

TEST(Minimise, AreaBytes) {
  Case c = golden_case(awkward_schema());
  for (int i = 0; i < 250; ++i) c.areas[0].push_back(static_cast<std::byte>(i * 7 + 3));
  const std::byte needle = c.areas[0][101];
  const auto m = checked(c, [&](const Case& x) { return std::ranges::find(x.areas[0], needle) != x.areas[0].end(); });
  EXPECT_EQ(m.best.areas[0], std::vector<std::byte>{needle});
}

// Random conjunctions of bits, in all schemas: the result is exactly the bits that golden does not have.
TEST(Minimise, RandomPredicatesEndMinimal) {
  Rng rng(3);
  for (const Schema* s : samples::test_schemas())
    for (int i = 0; i < 25; ++i) {
      const Case from = samples::random_case(rng, *s);
      std::vector<std::pair<std::size_t, std::uint64_t>> needed;
      for (int k = 0; k < 4; ++k) {
        const auto slot = static_cast<std::size_t>(rng.below(s->slots));
        needed.push_back({slot, from.v[slot] & rng.next()});
      }
      const std::size_t least = from.operations.size() / 2;
      const auto m = checked(from, [&](const Case& c) {
        for (const auto& [slot, bits] : needed)
          if ((c.v[slot] & bits) != bits) return false;
        return c.operations.size() >= least;
      });
      EXPECT_EQ(m.best.operations.size(), least);
    }
}

// Steps that do not lose the bucket one at a time, only in pairs.
TEST(Minimise, ParityPredicatesTerminate) {
  Rng rng(4);
  for (int i = 0; i < 20; ++i) {
    const Case from = samples::random_case(rng, awkward_schema());
    const auto parity = [](const Case& c) { return std::popcount(c[kWide] ^ c[kList]) % 2; };
    checked(from, [&, want = parity(from)](const Case& c) { return parity(c) == want; });
  }
}

TEST(Minimise, EveryCaseSeenIsNormalised) {
  Options options;
  options.normalise = counter::settle_facts;
  Rng rng(5);
  for (int i = 0; i < 50; ++i) {
    Case from = samples::random_case(rng, counter::schema());
    from.v[counter::AlarmAddr] = from.v[counter::AlarmAddr + 1] = 0x31;
    counter::settle_facts(from.v.data());
    const std::uint64_t alarm = from.v[counter::Alarm];
    const auto needs = [&](const Case& c) {
      return c[counter::AlarmAddr] == 0x31 && c[counter::AlarmAddr + 1] == 0x31 && c[counter::Alarm] == alarm;
    };
    const auto shows = [&](const Case& c) {
      Case settled = c;
      counter::settle_facts(settled.v.data());
      EXPECT_EQ(settled, c);
      return needs(c);
    };
    const auto m = minimise(from, shows, options);
    ASSERT_TRUE(m);
    EXPECT_EQ(difference_from_golden(m->best).fields.size(), alarm == 0 ? 2u : 4u);
    expect_minimal(m->best, needs, options);
  }
}

// Coarse steps come first: what does not matter costs a few calls, not one for each bit.
// A mode that several fields have to agree on: each step towards golden alone breaks it, and with it the bucket.
TEST(Minimise, LeavesAModeThatSeveralFieldsMakeUp) {
  Case c = golden_case(awkward_schema());
  const Case golden = c;
  const auto mode = [&](const Case& x) {
    int n = 0;
    for (unsigned i = 0; i < 3; ++i) n += (x.v[kList + i] ^ golden.v[kList + i]) != 0;
    return n;
  };
  for (unsigned i = 0; i < 3; ++i) c.v[kList + i] ^= 1;
  c.v[kWide] ^= 4;
  const auto shows = [&](const Case& x) {
    return ((x.v[kWide] ^ golden.v[kWide]) & 4) != 0 && (mode(x) == 0 || mode(x) == 3);
  };
  const auto m = minimise(c, shows);
  ASSERT_TRUE(m);
  EXPECT_EQ(size_of(m->best).fields, 1u);
  // The bucket may need the mode to differ from golden and one more field: two of the differences are found as well.
  const auto needs_two = [&](const Case& x) {
    const bool all = mode(x) == 3, pair = mode(x) == 1 && x.v[kList] != golden.v[kList];
    return x.v[kWide] != golden.v[kWide] && (all || pair);
  };
  const auto two = minimise(c, needs_two);
  ASSERT_TRUE(two);
  EXPECT_EQ(size_of(two->best).fields, 2u);
}

TEST(Minimise, NeedsFewCallsWhenLittleMatters) {
  Rng rng(7);
  for (const Schema* s : samples::test_schemas()) {
    Case from = samples::random_case(rng, *s);
    for (const Field& f : s->fields)
      for (unsigned i = 0; i < f.count; ++i) from.v[f.slot + i] ^= ones(f.width);
    const std::size_t last = s->slots - 1u;
    const std::uint64_t want = from.v[last] & 1;
    const auto m = checked(from, [&](const Case& c) { return (c.v[last] & 1) == want; });
    EXPECT_LT(m.calls, 40u) << s->domain;
  }
}

TEST(Minimise, StopsWhenCallsRunOut) {
  Rng rng(6);
  const Case from = samples::random_case(rng, awkward_schema());
  std::size_t calls = 0;
  Options options;
  options.most_calls = 7;
  const auto m = minimise(
      from, [&](const Case&) { return ++calls == 1; }, options);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->calls, 7u);
  EXPECT_EQ(calls, 7u);
  EXPECT_FALSE(m->is_minimal);
  EXPECT_EQ(m->best, from);
}

TEST(Minimise, RefusesACaseWithoutItsBucket) {
  const auto m = minimise(golden_case(awkward_schema()), [](const Case&) { return false; });
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().text(), "minimise: the case does not show its bucket when run again");
}

TEST(Minimise, GoldenNeedsNoSecondCall) {
  const auto m = minimise(golden_case(awkward_schema()), [](const Case&) { return true; });
  EXPECT_EQ(m->calls, 1u);
  EXPECT_TRUE(m->is_minimal);
}

}  // namespace
}  // namespace diffvisor::minimise
