// SPDX-License-Identifier: Apache-2.0
// What is saved comes back whole; what is no state of this campaign is one clear error.
#include "reports/campaign_state.h"

#include <array>

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/compare/toy_domain.h"

namespace diffvisor::reports {
namespace {

namespace fs = std::filesystem;
using namespace toy;

class CampaignStateTest : public testing::Test {
 protected:
  CampaignStateTest() : directory_(fs::temp_directory_path() / ("state_test." + std::to_string(::getpid()))) {
    fs::create_directories(directory_);
    totals_.next = 512;
    totals_.cases = 500;
    totals_.judged_cases = 400;
    totals_.seconds = 1.5;
    totals_.digest = 0xfedcba9876543210;
    totals_.unexplained = 7;
    totals_.known = 6;
    totals_.spec_unclear = 5;
    totals_.order_dependent = 4;
    totals_.exercised.set(AEven);
    totals_.broken_alone.set(rules::kMaxRules - 1);
    totals_.executors.resize(2);
    totals_.executors[1].judged = 99;
    totals_.executors[1].died = 1;
    totals_.executors[1].incomparable["toy.hangs"] = 3;
    totals_.executors[1].confirmed.set(AHigh);
    triage::Finding f;
    f.bucket = "toy.box.outcome";
    f.executor = "box";
    f.explanation.difference = compare::Difference::Outcome;
    f.explanation.sentence = "box reports it differently";
    f.explanation.edits.resize(2);
    f.explanation.edits[0].row = AEven;
    f.explanation.edits[0].drop = true;
    f.explanation.edits[1].row = AHigh;
    f.explanation.edits[1].outcome = 19;
    f.smallest = toy_case(0x10, 1);
    f.said = {{"box", "2.7", "bad(19)"}};
    f.first_index = 12;
    f.count = 7;
    f.seed = 3;
    f.order_dependent = true;
    findings_ = {f};
  }
  ~CampaignStateTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  Result<CampaignState> load(const std::string& identity = "me") const {
    return load_state(directory_, identity, std::array{&schema()});
  }
  fs::path file() const { return directory_ / "campaign.state.json"; }

  fs::path directory_;
  campaign::Totals totals_;
  std::vector<triage::Finding> findings_;
};

TEST_F(CampaignStateTest, ComesBackWhole) {
  ASSERT_TRUE(save_state(directory_, "me", totals_, findings_));
  const auto s = load();
  ASSERT_TRUE(s) << s.error().text();
  const campaign::Totals& t = s->totals;
  EXPECT_EQ(t.next, 512u);
  EXPECT_EQ(t.cases, 500u);
  EXPECT_EQ(t.judged_cases, 400u);
  EXPECT_EQ(t.seconds, 1.5);
  EXPECT_EQ(t.digest, totals_.digest);
  EXPECT_EQ(t.unexplained, 7u);
  EXPECT_EQ(t.known, 6u);
  EXPECT_EQ(t.spec_unclear, 5u);
  EXPECT_EQ(t.order_dependent, 4u);
  EXPECT_EQ(t.exercised, totals_.exercised);
  EXPECT_EQ(t.broken_alone, totals_.broken_alone);
  ASSERT_EQ(t.executors.size(), 2u);
  EXPECT_EQ(t.executors[1].judged, 99u);
  EXPECT_EQ(t.executors[1].died, 1u);
  EXPECT_EQ(t.executors[1].incomparable, totals_.executors[1].incomparable);
  EXPECT_EQ(t.executors[1].confirmed, totals_.executors[1].confirmed);
  ASSERT_EQ(s->findings.size(), 1u);
  const triage::Finding &f = s->findings[0], &g = findings_[0];
  EXPECT_EQ(f.bucket, g.bucket);
  EXPECT_EQ(f.executor, g.executor);
  EXPECT_EQ(f.explanation.difference, g.explanation.difference);
  EXPECT_EQ(f.explanation.sentence, g.explanation.sentence);
  ASSERT_EQ(f.explanation.edits.size(), 2u);
  EXPECT_TRUE(f.explanation.edits[0].drop);
  EXPECT_EQ(f.explanation.edits[1].row, AHigh);
  EXPECT_EQ(f.explanation.edits[1].outcome, 19u);
  EXPECT_EQ(f.smallest, g.smallest);
  ASSERT_EQ(f.said.size(), 1u);
  EXPECT_EQ(f.said[0].outcome, "bad(19)");
  EXPECT_EQ(f.first_index, 12u);
  EXPECT_EQ(f.count, 7u);
  EXPECT_EQ(f.seed, 3u);
  EXPECT_TRUE(f.order_dependent);
}

TEST_F(CampaignStateTest, AnotherCampaignsStateIsRefused) {
  ASSERT_TRUE(save_state(directory_, "me", totals_, findings_));
  const auto other = load("somebody else");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::Usage);
  EXPECT_EQ(other.error().place, file().string());
}

TEST_F(CampaignStateTest, NoStateIsAnError) {
  const auto none = load();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::Io);
  EXPECT_FALSE(save_state(directory_ / "absent", "me", totals_, findings_));
}

// Every text cut short, and every byte of the state replaced by an awkward one.
TEST_F(CampaignStateTest, DamageIsAnErrorOrHarmless) {
  ASSERT_TRUE(save_state(directory_, "me", totals_, findings_));
  const std::string good = read_file(file()).value();
  for (std::size_t n = 0; n + 2 < good.size(); n += 7) {
    ASSERT_TRUE(write_file_atomically(file(), std::string_view(good).substr(0, n)));
    EXPECT_FALSE(load()) << n;
  }
  for (std::size_t n = 0; n < good.size(); n += 3) {
    std::string bad = good;
    bad[n] = "\xff{-9"[n % 4];
    ASSERT_TRUE(write_file_atomically(file(), bad));
    const auto s = load();
    EXPECT_TRUE(s || s.error().text().find('\n') == std::string::npos) << n;
  }
}

TEST_F(CampaignStateTest, RowsThatNoTableCanHaveAreRefused) {
  findings_[0].explanation.edits[0].row = rules::kMaxRules;
  ASSERT_TRUE(save_state(directory_, "me", totals_, findings_));
  EXPECT_FALSE(load());
}

}  // namespace
}  // namespace diffvisor::reports
