// SPDX-License-Identifier: Apache-2.0
// The compiled survey and repair against the interpreter, over a whole table.
#include "harness/rules/compile.h"

#include <gtest/gtest.h>

#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/table_under_test.h"

namespace diffvisor::rules {
namespace {

const RuleSet& set() { return *models::table_under_test().rules; }
const Schema& schema() { return *models::table_under_test().schema; }

// A wild or stirred state; from the fourth on often one in which row i is broken.
Case state(std::uint64_t n) {
  Rng rng(n, 77);
  Case c = n % 2 == 0 ? wild_case(schema(), rng)
                      : stirred_case(schema(), static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
  if (n % 4 < 2) return c;
  const Rule& r = set().rows[n / 4 % set().rows.size()];
  const Locks nothing{};
  make(r.when, c.v.data(), nothing, true, rng, set().functions);
  make(r.must, c.v.data(), nothing, rng.one_in(3), rng, set().functions);
  return c;
}

Survey interpreted(const std::uint64_t* v) {
  Survey s;
  for (std::size_t i = 0; i < set().rows.size(); ++i) {
    if (!holds(set().rows[i].when, v, set().functions)) continue;
    s.applied.set(i);
    if (!holds(set().rows[i].must, v, set().functions)) s.broken.set(i);
  }
  return s;
}

TEST(Compile, SurveyIsTheInterpreters) {
  RuleBits applied, idle, broken, whole;
  for (std::uint64_t n = 0; n < 20000; ++n) {
    const Case c = state(n);
    Survey compiled;
    compiled.applied = compiled.broken = ~RuleBits{};
    set().survey(c.v.data(), compiled);
    const Survey expected = interpreted(c.v.data());
    ASSERT_EQ(compiled.applied, expected.applied) << n;
    ASSERT_EQ(compiled.broken, expected.broken) << n;
    applied |= expected.applied, idle |= ~expected.applied, broken |= expected.broken;
    RuleBits fine = expected.applied;
    fine &= ~expected.broken;
    whole |= fine;
  }
  for (std::size_t i = 0; i < set().rows.size(); ++i) {
    const Rule& r = set().rows[i];
    EXPECT_TRUE(applied.test(i)) << rule_name(r);
    EXPECT_TRUE(broken.test(i)) << rule_name(r);
    EXPECT_TRUE(is_always(r.when) || idle.test(i)) << rule_name(r);
    EXPECT_TRUE(r.must == never() || whole.test(i)) << rule_name(r);
  }
}

// Row i of one state.
void repair(const RuleSet& rules, std::size_t i, std::uint64_t* v, const Locks& locks, Rng& rng, bool flip) {
  Repairing one{v, &locks, rng};
  Repairing* const states = &one;
  rules.repair(i, 1, flip, &states);
  rng = one.rng;
}

TEST(Compile, RepairMendsTheRowAndKeepsLocks) {
  std::size_t broken = 0, mended = 0;
  for (std::uint64_t n = 0; n < 8000; ++n) {
    Rng rng(n, 3);
    Case c = state(n);
    const Survey before_survey = interpreted(c.v.data());
    const Locks locks = with_random_locks(base_locks(schema()), rng);
    const std::size_t row = n / 4 % set().rows.size();
    const Values before = c.v;
    repair(set(), row, c.v.data(), locks, rng, rng.one_in(2));
    ASSERT_TRUE(keeps_locks(before, c.v, locks)) << rule_name(set().rows[row]);
    if (!before_survey.broken.test(row) || set().rows[row].kind == Kind::Exit) {
      ASSERT_EQ(c.v, before) << rule_name(set().rows[row]);
      continue;
    }
    ++broken, mended += !interpreted(c.v.data()).broken.test(row);
  }
  EXPECT_GT(broken, 500u);
  EXPECT_GT(mended * 10, broken * 7) << mended << " of " << broken;
}

// Of guard and condition the one with the later field gives way, the other when flipped.
TEST(Compile, TheLaterFieldGivesWay) {
  static constexpr std::array<FreeCondition, 0> kNoFunctions{};
  static constexpr std::array kTable = {
      Rule{"late.must", "", Kind::Check, 0, 0, 0, bit(0, 0), bit(1, 0)},
      Rule{"late.guard", "", Kind::Check, 0, 0, 0, bit(3, 0), bit(2, 0)},
      Rule{"event", "", Kind::Exit, 0, 0, 0, bit(4, 0), never()},
  };
  static constexpr RuleSet kSet = make_rule_set<kTable, kNoFunctions>();
  for (const bool flip : {false, true}) {
    Values v{};
    v[0] = v[3] = v[4] = 1;
    Rng rng(1);
    for (std::size_t i = 0; i < kTable.size(); ++i) repair(kSet, i, v.data(), Locks{}, rng, flip);
    const std::array<std::uint64_t, 5> expected =
        flip ? std::array<std::uint64_t, 5>{0, 0, 1, 1, 1} : std::array<std::uint64_t, 5>{1, 1, 0, 0, 1};
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), v.begin())) << flip;
  }
  Values v{};
  v[0] = v[3] = v[4] = 1;
  Locks must_locked{};
  must_locked[1] = 1;
  Rng rng(1);
  repair(kSet, 0, v.data(), must_locked, rng, false);
  EXPECT_EQ(v[0], 0u) << "the guard gives way where the condition is locked";
}

TEST(Compile, NoRulesBreakNothing) {
  Survey s;
  s.broken.set(3);
  Values v{};
  no_rules().survey(v.data(), s);
  EXPECT_TRUE(s.broken.none() && s.applied.none());
}

}  // namespace
}  // namespace diffvisor::rules
