// SPDX-License-Identifier: Apache-2.0
// What scripts/measure_minimiser does with 200 findings, with a few.
#include "fuzzers/minimise_score/score.h"

#include <gtest/gtest.h>

#include "harness/case/diff.h"
#include "harness/minimise/single_steps.h"

namespace diffvisor::minimise_score {
namespace {

TEST(MinimiseScore, FindingsEndMinimalInTheirBucketAndNearlyAllOptimal) {
  constexpr Options kOptions{.seed = 5, .findings = 21, .most = 60000};
  Sample sample(kOptions.seed, kDomains);
  Tally tally;
  for (std::uint64_t i = 0; i < kOptions.findings; ++i) {
    auto pick = sample.pick(i);
    ASSERT_TRUE(pick) << pick.error().text();
    const auto s = score(std::move(*pick), kOptions);
    ASSERT_TRUE(s) << s.error().text();
    EXPECT_TRUE(s->same_bucket) << s->quirk << ": " << golden_difference_text(s->result);
    EXPECT_TRUE(s->is_minimal()) << s->quirk << ": " << golden_difference_text(s->result);
    tally.add(*s);
  }
  EXPECT_TRUE(tally.is_good()) << tally.text();
  RecordProperty("tally", tally.text());
}

// Who judges the minimiser must see what is wrong: findings as they are found are neither minimal nor optimal.
TEST(MinimiseScore, SeesACaseThatIsNotMinimised) {
  Sample sample(1, kDomains);
  std::size_t large = 0, improved = 0;
  for (std::uint64_t i = 0; i < 15; ++i) {
    auto pick = sample.pick(i);
    ASSERT_TRUE(pick) << pick.error().text();
    if (apart(pick->found).fields < 10) continue;
    ++large;
    Planted& p = *pick->planted;
    const auto shows = [&](const Case& c) { return p.bucket(c) == pick->bucket; };
    minimise::Options options;
    options.normalise = p.domain().normalise;
    EXPECT_TRUE(minimise::smaller_by_one_step(pick->found, shows, options)) << pick->bucket;
    improved += search(p, pick->bucket, pick->found, pick->found, 60000).smaller.has_value();
  }
  EXPECT_GE(large, 6u);
  EXPECT_GE(improved + 2, large) << "some need more than three fields";
}

}  // namespace
}  // namespace diffvisor::minimise_score
