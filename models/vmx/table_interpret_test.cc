// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/interpret.h"

#include <gtest/gtest.h>

#include "harness/rules/test_states.h"
#include "models/table_under_test.h"

namespace diffvisor::rules {
namespace {

const RuleSet& set() { return *models::table_under_test().rules; }
const Schema& schema() { return *models::table_under_test().schema; }

TEST(Interpret, MakesGuardsAndConditionsBothWaysWithinLocks) {
  std::size_t tried = 0, done = 0;
  for (std::size_t i = 0; i < set().rows.size(); ++i) {
    for (const Expr* e : {&set().rows[i].when, &set().rows[i].must}) {
      for (std::uint64_t n = 0; n < 16; ++n) {
        Rng rng(i, n);
        Case c = stirred_case(schema(), static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
        const Locks locks = n < 8 ? base_locks(schema()) : with_random_locks(base_locks(schema()), rng);
        const Values before = c.v;
        const bool want = n % 2 == 0, made = make(*e, c.v.data(), locks, want, rng, set().functions);
        ASSERT_TRUE(keeps_locks(before, c.v, locks)) << rule_name(set().rows[i]);
        ASSERT_TRUE(!made || holds(*e, c.v.data(), set().functions) == want) << rule_name(set().rows[i]);
        if (holds(*e, before.data(), set().functions) == want) {
          ASSERT_TRUE(made && c.v == before) << rule_name(set().rows[i]);
        } else if (n < 8 && !is_always(*e) && e->root().op != Op::Not) {
          ++tried, done += made;
        }
      }
    }
  }
  EXPECT_GT(tried, 3 * set().rows.size());
  EXPECT_GT(done * 10, tried * 8) << done << " of " << tried;
}

TEST(Interpret, OfTwoWaysTheLaterFieldGivesWayUnlessItIsLocked) {
  const Expr either = bit(0, 0) || bit(1, 0), swapped = bit(1, 0) || bit(0, 0);
  for (const Expr& e : {either, swapped}) {
    for (std::size_t locked = 0; locked < 3; ++locked) {
      Values v{};
      Locks locks{};
      locks[locked] = 1;
      Rng rng(locked);
      EXPECT_TRUE(make(e, v.data(), locks, true, rng, {}));
      EXPECT_EQ(v[0], locked == 1 ? 1u : 0u);
      EXPECT_EQ(v[1], locked == 1 ? 0u : 1u);
    }
  }
}

// What it does not list cannot matter; what it lists does, now and then.
TEST(Interpret, BitsReadAreThoseThatCanMatter) {
  for (const Rule& r : set().rows) {
    Locks read{};
    add_bits_read(r.when, read);
    add_bits_read(r.must, read);
    std::size_t changed = 0;
    for (std::uint64_t n = 0; n < 100 || (changed == 0 && n < 5000); ++n) {
      Rng rng(n, 1);
      Case c = wild_case(schema(), rng);
      const auto verdict = [&](const Values& v) {
        return holds(r.when, v.data(), set().functions) * 2 + holds(r.must, v.data(), set().functions);
      };
      Values unread = c.v, other = c.v;
      for (const Field& f : schema().fields)
        for (unsigned k = 0; k < f.count; ++k) {
          if (f.role != Role::Capability) unread[f.slot + k] ^= rng.next() & ~read[f.slot + k];
          other[f.slot + k] ^= (rng.one_in(3) ? edgy_value(rng) : rng.next() & rng.next()) & read[f.slot + k];
        }
      ASSERT_EQ(verdict(unread), verdict(c.v)) << rule_name(r);
      changed += verdict(other) != verdict(c.v);
    }
    const bool constant = is_always(r.when) && r.must == never();
    EXPECT_TRUE(constant || changed > 0) << rule_name(r);
  }
}

TEST(Interpret, BitsReadOfEachLeaf) {
  const auto read = [](const Expr& e) {
    Locks out{};
    add_bits_read(e, out);
    return std::array{out[0], out[1], out[2]};
  };
  using Bits = std::array<std::uint64_t, 3>;
  EXPECT_EQ(read(always()), (Bits{0, 0, 0}));
  EXPECT_EQ(read(bit(1, 5)), (Bits{0, 0x20, 0}));
  EXPECT_EQ(read(in(bits(1, 7, 4), {3}) && le(bits(0, 1, 0), 2)), (Bits{3, 0xf0, 0}));
  EXPECT_EQ(read(!(same(bits(0, 3, 0), bits(1, 7, 4)) || le(bits(0, 63, 63), bits(1, 0, 0)))),
            (Bits{0x800000000000000f, 0xf1, 0}));
  EXPECT_EQ(read(subset(bits(0, 3, 0), bits(2, 3, 0)) && covers(bits(1, 3, 0), bits(2, 7, 4))), (Bits{15, 15, 0xff}));
  EXPECT_EQ(read(fits(all(0), 2) && pat(1)), (Bits{~0ull, ~0ull, 0}));
  EXPECT_EQ(read(canonical(0, 2) && high_equal(1, 2)), (Bits{~0ull, ~0ull, 0}));
  EXPECT_EQ(read(last_fits(0, bits(1, 8, 0), 16, 1, 2)), (Bits{~0ull, 0x1ff, 0}));
  EXPECT_EQ(read(condition(0, bits(0, 0, 0), bits(2, 1, 1))), (Bits{1, 0, 2}));
}

}  // namespace
}  // namespace diffvisor::rules
