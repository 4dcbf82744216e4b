// SPDX-License-Identifier: Apache-2.0
// Many states at once come out as each would alone: survey and repair, over a whole table.
#include "harness/rules/batch_plan.h"

#include <gtest/gtest.h>

#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/table_under_test.h"

namespace diffvisor::rules {
namespace {

const RuleSet& set() { return *models::table_under_test().rules; }
const Schema& schema() { return *models::table_under_test().schema; }
Normalise settle_facts() { return models::table_under_test().normalise; }

// Wild, stirred, or with row n / 4 likely to be broken.
Values state(std::uint64_t n) {
  Rng rng(n, 78);
  Case c = n % 2 == 0 ? wild_case(schema(), rng)
                      : stirred_case(schema(), static_cast<std::uint16_t>(n % schema().profiles.size()), rng);
  if (n % 4 < 2) return c.v;
  const Rule& r = set().rows[n / 4 % set().rows.size()];
  make(r.when, c.v.data(), Locks{}, true, rng, set().functions);
  make(r.must, c.v.data(), Locks{}, rng.one_in(3), rng, set().functions);
  return c.v;
}

TEST(TableBatch, SurveyIsThatOfEachState) {
  std::vector<Values> states;
  std::vector<const std::uint64_t*> at;
  for (std::uint64_t n = 0; n < 8000; ++n) states.push_back(state(n));
  for (const Values& v : states) at.push_back(v.data());
  std::vector<Survey> out(states.size());
  survey_batch(set(), at, out.data());
  for (std::size_t i = 0; i < states.size(); ++i) {
    Survey alone;
    set().survey(at[i], alone);
    ASSERT_EQ(out[i].applied, alone.applied) << i;
    ASSERT_EQ(out[i].broken, alone.broken) << i;
  }
}

struct Job {
  Values v;
  Locks locks;
  Rng rng{0};
};

// Some of them cannot be satisfied.
std::vector<Job> jobs(std::size_t n) {
  std::vector<Job> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    Rng rng(i, 79);
    const Locks base = base_locks(schema());
    const Case c = stirred_case(schema(), static_cast<std::uint16_t>(i % schema().profiles.size()), rng);
    out[i] = {c.v, i % 3 == 0 ? with_random_locks(base, rng) : base, rng};
    for (std::size_t s = 0; s < schema().slots && i % 5 == 0; ++s) out[i].v[s] ^= rng.next() & ~base[s];
  }
  return out;
}

TEST(TableBatch, RepairIsThatOfEachState) {
  RuleBits skip;
  skip.set(set().rows.size() / 2);
  for (const std::size_t n : {1u, 13u, 64u, 600u}) {
    for (const unsigned most_passes : {0u, 1u, 7u, kMostPasses}) {
      std::vector<Job> together = jobs(n), alone = together;
      std::vector<Repairing> states;
      for (Job& j : together) states.push_back({j.v.data(), &j.locks, j.rng});
      const std::vector<bool> done = satisfy_batch(set(), states, settle_facts(), skip, most_passes);
      std::size_t gave_up = 0;
      for (std::size_t i = 0; i < n; ++i) {
        Job& j = alone[i];
        ASSERT_EQ(satisfy_all(set(), j.v.data(), j.locks, j.rng, settle_facts(), skip, most_passes), done[i]) << i;
        ASSERT_EQ(together[i].v, j.v) << i;
        ASSERT_EQ(states[i].rng.next(), j.rng.next()) << i;
        gave_up += !done[i];
      }
      if (n < 600) continue;
      EXPECT_TRUE(gave_up > 0 && (gave_up < n || most_passes == 0)) << most_passes;
    }
  }
}

}  // namespace
}  // namespace diffvisor::rules
