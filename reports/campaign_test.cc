// SPDX-License-Identifier: Apache-2.0
// The keys that machines read, and the lines that people read.
#include "reports/campaign.h"

#include <gtest/gtest.h>

#include "harness/compare/toy_domain.h"

namespace diffvisor::reports {
namespace {

using namespace toy;
using nlohmann::ordered_json;

// A campaign of 1234567 cases on the toy table that ended with one finding.
class CampaignReportTest : public testing::Test {
 protected:
  CampaignReportTest() : judge_(domain(), entries()) {
    const std::vector<ExecutorInfo> infos = {{"table", "1", Trust::Reference}, {"box", "2.7", Trust::Independent}};
    for (const ExecutorInfo& i : infos) judge_.add_executor(i);
    const Case c = toy_case(1, 0);
    judge_.judge(c, judge_.read(c), 1, says(kDone));

    totals_.cases = totals_.next = 1234567;
    totals_.judged_cases = 1000000;
    totals_.seconds = 50;
    totals_.digest = 0xabc;
    totals_.unexplained = 3;
    totals_.known = 2000;
    totals_.spec_unclear = 5;
    totals_.order_dependent = 1;
    totals_.executors.resize(2);
    totals_.executors[1].judged = 1200000;
    totals_.executors[1].died = 2;
    totals_.executors[1].incomparable = {{"known_death", 4}, {"toy.hangs", 6}};
    totals_.executors[1].confirmed.set(BSmall);
    totals_.exercised.set(AEven);
    totals_.exercised.set(BSmall);
    totals_.broken_alone.set(BSmall);

    triage::Finding f;
    f.bucket = "toy.box.accepts.toy.a.high";
    f.executor = "box";
    f.explanation.sentence = "box does not enforce toy.a.high: it says done";
    f.smallest = toy_case(0x10, 1);
    f.said = {{"table", "1", "bad(21)"}, {"box", "2.7", "done"}};
    f.first_index = 77;
    f.count = 3;
    findings_.push_back(f);

    report_.domain = &domain();
    report_.from = provenance(domain(), 0);
    report_.profile = "plain";
    report_.seed = 9;
    report_.executors = infos;
    report_.totals = &totals_;
    report_.findings = &findings_;
    report_.judge = &judge_;
    report_.classes = {classified(AEven, rules::Class::Alone), classified(BSmall, rules::Class::Alone),
                       classified(AHigh, rules::Class::Implied), classified(List1, rules::Class::Unreachable)};
  }
  static std::vector<compare::Known> entries() {
    compare::Known k;
    k.id = "no_even";
    k.executor = "box";
    k.edits.resize(1);
    k.edits[0].row = AEven;
    k.edits[0].drop = true;
    return {k};
  }
  static rules::Classified classified(std::size_t row, rules::Class c) {
    rules::Classified out;
    out.row = row;
    out.cls = c;
    return out;
  }

  compare::Judge judge_;
  campaign::Totals totals_;
  std::vector<triage::Finding> findings_;
  CampaignReport report_;
};

TEST_F(CampaignReportTest, JsonHasWhatIsPromised) {
  const ordered_json j = ordered_json::parse(campaign_json(report_).dump());
  EXPECT_EQ(j.at("domain"), "toy");
  EXPECT_EQ(j.at("profile"), "plain");
  EXPECT_EQ(j.at("seed"), 9);
  EXPECT_EQ(j.at("cases"), 1234567);
  EXPECT_EQ(j.at("judged_cases"), 1000000);
  EXPECT_EQ(j.at("seconds"), 50);
  EXPECT_EQ(j.at("rate"), 20000);
  EXPECT_EQ(j.at("digest"), "0000000000000abc");
  EXPECT_FALSE(j.contains("quirk"));
  EXPECT_EQ(j.at("divergences"),
            (ordered_json{
                {"unexplained", 3}, {"known", 2000}, {"spec_unclear", 5}, {"order_dependent", 1}, {"unexamined", 0}}));
}

TEST_F(CampaignReportTest, JsonSaysWhatEachExecutorDid) {
  const ordered_json all = campaign_json(report_).at("executors");
  ASSERT_EQ(all.size(), 2u);
  const ordered_json& box = all.at("box");
  EXPECT_EQ(box.at("version"), "2.7");
  EXPECT_EQ(box.at("judged"), 1200000);
  EXPECT_EQ(box.at("incomparable"), 10);
  EXPECT_EQ(box.at("died"), 2);
  EXPECT_EQ(box.at("reasons"), (ordered_json{{"known_death", 4}, {"toy.hangs", 6}}));
  EXPECT_EQ(box.at("known"), ordered_json::array({{{"id", "no_even"}, {"decided", 1}, {"fired", 0}}}));
  EXPECT_EQ(all.at("table").at("judged"), 0);
}

TEST_F(CampaignReportTest, JsonListsBucketsAndRules) {
  const ordered_json j = campaign_json(report_);
  ASSERT_EQ(j.at("buckets").size(), 1u);
  const ordered_json& b = j.at("buckets")[0];
  EXPECT_EQ(b.at("id"), "toy.box.accepts.toy.a.high");
  EXPECT_EQ(b.at("executor"), "box");
  EXPECT_EQ(b.at("explanation"), "box does not enforce toy.a.high: it says done");
  EXPECT_EQ(b.at("count"), 3);
  EXPECT_EQ(b.at("first_index"), 77);
  EXPECT_EQ(b.at("order_dependent"), false);
  EXPECT_NE(b.at("difference").get<std::string>().find("A"), std::string::npos);
  EXPECT_EQ(b.at("said"), (ordered_json{{"table", "bad(21)"}, {"box", "done"}}));
  const ordered_json& r = j.at("rules");
  EXPECT_EQ(r.at("total"), 4);
  EXPECT_EQ(r.at("alone"), 2);
  EXPECT_EQ(r.at("implied"), 1);
  EXPECT_EQ(r.at("unreachable"), 1);
  EXPECT_EQ(r.at("not_modelled"), 0);
  EXPECT_EQ(r.at("confirmed"), 1);
  EXPECT_EQ(r.at("exercised"), 2);
  EXPECT_EQ(r.at("decided_alone"), 1);
  EXPECT_EQ(r.at("unconfirmed"), ordered_json::array({{{"id", "toy.a.even"}, {"known", "no_even"}}}));
}

TEST_F(CampaignReportTest, JsonOfACleanCampaignHasTheSameKeys) {
  const ordered_json with = campaign_json(report_);
  findings_.clear();
  totals_ = {};
  totals_.executors.resize(2);
  report_.classes.clear();
  report_.quirk = "drop:toy.a.even";
  ordered_json without = campaign_json(report_);
  EXPECT_EQ(without.at("quirk"), "drop:toy.a.even");
  without.erase("quirk");
  EXPECT_EQ(without.at("rate"), 0);
  EXPECT_EQ(without.at("buckets"), ordered_json::array());
  for (const auto& [key, value] : with.items()) {
    ASSERT_TRUE(without.contains(key)) << key;
    if (!value.is_object()) continue;
    for (const auto& [inner, unused] : value.items()) EXPECT_TRUE(without[key].contains(inner)) << key << "." << inner;
  }
}

TEST_F(CampaignReportTest, ProvenanceNamesEveryTable) {
  const ordered_json p = campaign_json(report_).at("provenance");
  for (const char* key : {"schema", "golden", "rules", "profile"}) EXPECT_EQ(p.at(key).get<std::string>().size(), 16u);
  EXPECT_FALSE(p.at("version").get<std::string>().empty());
  EXPECT_TRUE(p.contains("commit"));
  EXPECT_NE(provenance(domain(), 0).rules, provenance(behaviour_domain(), 0).rules);
}

TEST_F(CampaignReportTest, TextSaysTheSame) {
  const std::string text = campaign_text(report_);
  for (const char* part : {"toy: 1,234,567 cases in 50.0 s, 20.0k/s", "seed 9", "digest 0000000000000abc",
                           "judged 1,200,000, not comparable 10, died 2", "known_death", "no_even",
                           "decided 1, fired 0", "4 checks: 2 alone (1 confirmed", "1 implied, 1 unreachable",
                           "divergences: 3 unexplained, 2,000 known, 5 where the manual is unclear, 1 order-dependent",
                           "\ntoy.box.accepts.toy.a.high\n", "first case 77, 3 cases", "bad(21)"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST_F(CampaignReportTest, ProgressLine) {
  EXPECT_EQ(progress_line(totals_, 312, 4, 0, 0),
            "20.0k/s  1,234,567 cases  rules 1/312  buckets 4  divergences 3 (+2,000 known)");
  EXPECT_TRUE(progress_line(totals_, 312, 4, 0, 111).ends_with("  left 01:01"));
  EXPECT_TRUE(progress_line(totals_, 312, 4, 2 * 1234567, 0).ends_with("  left 00:50"));
  EXPECT_TRUE(progress_line(totals_, 312, 4, 2 * 1234567, 60).ends_with("  left 00:10")) << "whichever ends first";
  EXPECT_TRUE(progress_line(totals_, 312, 4, 10, 0).ends_with("  left 00:00")) << "never negative";
  EXPECT_TRUE(progress_line(totals_, 312, 4, 0, 10).ends_with("  left 00:00"));
  EXPECT_TRUE(progress_line({}, 312, 0, 100, 0).starts_with("0/s  0 cases  rules 0/312"));
}

TEST_F(CampaignReportTest, HeartbeatIsOneJsonLine) {
  const std::string line = heartbeat_line(totals_, 4);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const ordered_json j = ordered_json::parse(line);
  EXPECT_EQ(j.at("cases"), 1234567);
  EXPECT_EQ(j.at("rate"), 20000);
  EXPECT_EQ(j.at("confirmed"), 1);
  EXPECT_EQ(j.at("buckets"), 4);
  EXPECT_EQ(j.at("unexplained"), 3);
  EXPECT_EQ(j.at("known"), 2000);
  EXPECT_EQ(j.at("next"), 1234567);
}

TEST(Grouped, EveryThreeDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(123456), "123,456");
  EXPECT_EQ(grouped(~std::uint64_t{0}), "18,446,744,073,709,551,615");
}

}  // namespace
}  // namespace diffvisor::reports
