// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/satisfy.h"

#include <gtest/gtest.h>

#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/table_under_test.h"

namespace diffvisor::rules {
namespace {

const RuleSet& set() { return *models::table_under_test().rules; }
const Schema& schema() { return *models::table_under_test().schema; }
Normalise settle_facts() { return models::table_under_test().normalise; }

// Broken checks and limits of the phases up to this one.
RuleBits broken_up_to(const std::uint64_t* v, unsigned phase) {
  Survey s;
  set().survey(v, s);
  RuleBits out;
  s.broken.each([&](std::size_t i) {
    if (set().rows[i].kind != Kind::Exit && set().rows[i].phase <= phase) out.set(i);
  });
  return out;
}

// Every unlocked bit drawn at random, as nothing a generator makes ever is.
Case random_case(std::uint16_t profile, Rng& rng) {
  const Locks locks = base_locks(schema());
  Case c = golden_case(schema(), profile);
  for (std::size_t s = 0; s < schema().slots; ++s) c.v[s] = (c.v[s] & locks[s]) | (rng.next() & ~locks[s]);
  return c;
}

TEST(Satisfy, BaseLocksLeaveExactlyWhatACaseMayVary) {
  const Locks locks = base_locks(schema());
  for (const Field& f : schema().fields)
    for (unsigned k = 0; k < f.count; ++k)
      EXPECT_EQ(locks[f.slot + k], f.role == Role::Capability ? ~std::uint64_t{0} : ~ones(f.width)) << f.name;
  for (std::size_t s = schema().slots; s < kMaxSlots; ++s) EXPECT_EQ(locks[s], ~std::uint64_t{0});
}

TEST(Satisfy, FactBitsAreThoseOfFacts) {
  const Locks facts = fact_bits(schema());
  for (std::size_t s = 0; s < kMaxSlots; ++s) {
    const bool is_fact = s < schema().slots && field_of_slot(schema(), static_cast<Slot>(s)).role == Role::Fact;
    EXPECT_EQ(facts[s], is_fact ? ~std::uint64_t{0} : 0) << s;
  }
}

TEST(Satisfy, MendsRandomStatesOfEveryProfile) {
  const Locks locks = base_locks(schema());
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    std::size_t gave_up = 0;
    constexpr std::uint64_t kStates = 2000;
    for (std::uint64_t n = 0; n < kStates; ++n) {
      Rng rng(n, p);
      Case c = n % 2 == 0 ? random_case(p, rng) : stirred_case(schema(), p, rng);
      const Values before = c.v;
      const bool done = satisfy_all(set(), c.v.data(), locks, rng, settle_facts());
      ASSERT_TRUE(keeps_locks(before, c.v, locks));
      if (!done) {
        ++gave_up;
        continue;
      }
      ASSERT_TRUE(broken_up_to(c.v.data(), 255).none()) << n;
      const Values valid = c.v;
      ASSERT_TRUE(satisfy_all(set(), c.v.data(), locks, rng, settle_facts()));
      ASSERT_EQ(c.v, valid) << "a valid state is not touched";
    }
    EXPECT_LT(gave_up * 100, kStates) << schema().profiles[p].name;
  }
}

TEST(Satisfy, KeepsLockedBitsAndSaysSoWhenItCannot) {
  std::size_t done = 0;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    Rng rng(n, 50);
    Case c = stirred_case(schema(), static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
    settle_facts()(c.v.data());
    Locks locks = base_locks(schema());
    for (const Field& f : schema().fields)
      for (unsigned k = 0; k < f.count && f.role != Role::Fact; ++k)
        if (rng.one_in(8)) locks[f.slot + k] |= rng.next();
    const Values before = c.v;
    const bool mended = satisfy_all(set(), c.v.data(), locks, rng, settle_facts());
    ASSERT_TRUE(keeps_locks(before, c.v, locks)) << n;
    // A give-up may leave a state that the very last pass mended.
    ASSERT_TRUE(!mended || broken_up_to(c.v.data(), 255).none()) << n;
    done += mended;
  }
  EXPECT_GT(done, 200u);
  EXPECT_LT(done, 2000u);
}

TEST(Satisfy, LeavesSkippedRowsBroken) {
  const std::size_t k = find_rule(set(), models::table_under_test().free_row);
  Rng rng(4);
  Case c = golden_case(schema());
  ASSERT_TRUE(make(set().rows[k].must, c.v.data(), base_locks(schema()), false, rng, set().functions));
  RuleBits skip;
  skip.set(k);
  ASSERT_TRUE(satisfy_all(set(), c.v.data(), base_locks(schema()), rng, settle_facts(), skip));
  EXPECT_EQ(broken_up_to(c.v.data(), 255), skip);
  ASSERT_TRUE(satisfy_all(set(), c.v.data(), base_locks(schema()), rng, settle_facts()));
  EXPECT_TRUE(broken_up_to(c.v.data(), 255).none());
}

Case valid_case(std::uint16_t profile, Rng& rng) {
  for (;;) {
    Case c = stirred_case(schema(), profile, rng);
    if (satisfy_all(set(), c.v.data(), base_locks(schema()), rng, settle_facts())) return c;
  }
}

TEST(Violate, BreaksExactlyTheRuleAskedFor) {
  const Locks locks = base_locks(schema());
  RuleBits reached;
  std::size_t checks = 0;
  for (std::size_t k = 0; k < set().rows.size(); ++k) {
    if (set().rows[k].kind != Kind::Check) continue;
    ++checks;
    for (std::uint64_t n = 0; n < 60; ++n) {
      Rng rng(k, n + 1000);
      Case c = valid_case(static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
      const Values before = c.v;
      if (!violate(set(), k, c.v.data(), locks, rng, settle_facts())) continue;
      reached.set(k);
      RuleBits expected;
      expected.set(k);
      ASSERT_EQ(broken_up_to(c.v.data(), set().rows[k].phase), expected) << rule_name(set().rows[k]);
      ASSERT_TRUE(keeps_locks(before, c.v, locks)) << rule_name(set().rows[k]);
    }
  }
  EXPECT_GT(reached.count() * 100, checks * 90) << reached.count() << " of " << checks;
}

TEST(Violate, BreaksTwoWhenAskedForTwo) {
  std::size_t done = 0;
  for (std::uint64_t n = 0; n < 3000; ++n) {
    Rng rng(n, 5);
    const std::size_t k = rng.below(set().rows.size()), also = rng.below(set().rows.size());
    if (k == also || set().rows[k].kind != Kind::Check || set().rows[also].kind != Kind::Check) continue;
    Case c = valid_case(0, rng);
    if (!violate(set(), k, c.v.data(), base_locks(schema()), rng, settle_facts(), also)) continue;
    ++done;
    RuleBits expected;
    expected.set(k), expected.set(also);
    ASSERT_EQ(broken_up_to(c.v.data(), std::max(set().rows[k].phase, set().rows[also].phase)), expected) << n;
  }
  EXPECT_GT(done, 300u);
}

TEST(MendOnly, ChangesOnlyWhatTheRuleReads) {
  const Locks locks = base_locks(schema()), facts = fact_bits(schema());
  std::size_t broken = 0, mended = 0;
  for (std::size_t k = 0; k < set().rows.size(); ++k) {
    if (set().rows[k].kind != Kind::Check) continue;
    Locks read{};
    add_bits_read(set().rows[k].when, read);
    add_bits_read(set().rows[k].must, read);
    for (std::uint64_t n = 0; n < 12; ++n) {
      Rng rng(k, n + 2000);
      Case c = valid_case(static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
      if (!violate(set(), k, c.v.data(), locks, rng, settle_facts())) continue;
      ++broken;
      const Values before = c.v;
      if (!mend_only(set(), k, c.v.data(), locks, facts, rng, settle_facts())) continue;
      ++mended;
      ASSERT_TRUE(broken_up_to(c.v.data(), set().rows[k].phase).none()) << rule_name(set().rows[k]);
      for (std::size_t s = 0; s < kMaxSlots; ++s)
        ASSERT_EQ((c.v[s] ^ before[s]) & ~facts[s] & (~read[s] | locks[s]), 0u) << rule_name(set().rows[k]) << ' ' << s;
    }
  }
  EXPECT_GT(broken, 3 * set().rows.size());
  EXPECT_GT(mended * 10, broken * 9) << mended << " of " << broken;
}

}  // namespace
}  // namespace diffvisor::rules
