// SPDX-License-Identifier: Apache-2.0
// Records merge to the same bytes in any order and any number of times, and come back from their JSON.
#include "harness/triage/record.h"

#include <algorithm>
#include <iterator>

#include <gtest/gtest.h>

#include "harness/base/rng.h"
#include "harness/bucket/bucket.h"

namespace diffvisor::triage {
namespace {

std::string pick(Rng& rng, std::initializer_list<const char*> from) { return from.begin()[rng.below(from.size())]; }

// Few values, so that ties of every kind occur.
Record random_record(Rng& rng) {
  Record r;
  r.bucket = "toy.box.accepts.toy.a";
  r.domain = "toy";
  r.smallest.size = {0, rng.below(2), 0, 0, rng.below(2)};
  r.smallest.case_text = pick(rng, {"case 1\n", "case 2\n"});
  r.smallest.sentence = pick(rng, {"x", "y"});
  r.smallest.executor = pick(rng, {"box", "bag"});
  r.smallest.rules = {{"toy.a.b", "1.2", "bad", "always", "A == 0", "drop"}};
  r.smallest.fields = {{"A", "0x0", "0x1", "A bit 0"}};
  r.smallest.first = {1 + static_cast<unsigned>(rng.below(2)), 2, {{"flags", "0x0", "0x1", pick(rng, {"cf", ""})}}};
  for (auto n = rng.below(4); n > 0; --n)
    r.said.push_back({pick(rng, {"box", "bag", "arch"}), pick(rng, {"1", "2"}), pick(rng, {"ok", "bad"}),
                      Trust::Independent, compare::VerdictKind::Divergence});
  if (rng.below(2) != 0) r.unclear.insert(pick(rng, {"u", "v"}));
  r.trust["box"] = {rng.below(9), rng.below(9), rng.below(9)};
  r.suspects.insert(pick(rng, {"model", "box"}));
  for (auto n = 1 + rng.below(3); n > 0; --n) {
    Origin o;
    o.count = rng.below(4);
    o.first_index = rng.below(3);
    o.seed = rng.below(2);
    o.executors = {"box 1"};
    r.origins[pick(rng, {"a", "b", "c"})] = o;
  }
  return r;
}

TEST(Record, MergingKnowsNoOrder) {
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    const Record a = random_record(rng), b = random_record(rng), c = random_record(rng);
    ASSERT_EQ(record_json(merged(a, b)), record_json(merged(b, a)));
    ASSERT_EQ(record_json(merged(merged(a, b), c)), record_json(merged(a, merged(b, c))));
    ASSERT_EQ(record_json(merged(merged(a, b), b)), record_json(merged(a, b)));
    ASSERT_EQ(record_json(merged(merged(a, b), merged(b, a))), record_json(merged(a, b)));
  }
}

TEST(Record, CountsAddUpOverCampaignsAndNotWithinOne) {
  Rng rng(2);
  Record a = random_record(rng), b = a;
  a.origins.clear();
  a.origins["x"].count = 5;
  b.origins.clear();
  b.origins["x"].count = 7;  // the same campaign, later
  b.origins["y"].count = 1;
  EXPECT_EQ(merged(a, b).count(), 8u);
  EXPECT_EQ(merged(merged(a, b), a).count(), 8u);
}

TEST(Record, TheSmallestCaseStays) {
  Rng rng(3);
  Record a = random_record(rng), b = a;
  a.smallest.size = {0, 1, 0, 0, 9};
  b.smallest.size = {0, 2, 0, 0, 2};
  a.smallest.case_text = "small";
  EXPECT_EQ(merged(b, a).smallest.case_text, "small");
}

TEST(Record, JsonComesBack) {
  Rng rng(4);
  for (int i = 0; i < 500; ++i) {
    const Record r = merged(random_record(rng), random_record(rng));
    const auto back = parse_record(record_json(r), "x");
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(record_json(*back), record_json(r));
  }
}

TEST(Record, BadJsonIsRefused) {
  Rng rng(5);
  const std::string good = record_json(random_record(rng));
  for (std::size_t n = 0; n + 2 < good.size(); n += 7) EXPECT_FALSE(parse_record(good.substr(0, n), "x"));
  for (const char* bad : {"", "[]", "{}", "7", "{\"format\":\"diffvisor.finding.1\"}"})
    EXPECT_FALSE(parse_record(bad, "x")) << bad;
  std::string climbs = good;
  climbs.replace(climbs.find("toy.box.accepts"), 15, "../../etc/passwd");
  EXPECT_FALSE(parse_record(climbs, "x"));
}

TEST(Record, OneCauseWhoeverShowsIt) {
  Rng rng(6);
  Record r = random_record(rng);
  r.domain = "x86_q";
  r.said = {{"qemu", "", "", {}, {}}, {"x.kvm", "", "", {}, {}}, {"bochs", "", "", {}, {}}};
  for (const char* who : {"qemu", "x.kvm", "bochs", "bochs.qemu"}) {
    r.bucket = bucket::spell("x86_q." + std::string(who) + ".accepts.x.a");
    EXPECT_EQ(same_cause(r), bucket::spell("x86_q.accepts.x.a")) << who;
  }
}

TEST(Record, BitsThatAreRefusedAlikeHaveOneCause) {
  Rng rng(7);
  Record r = random_record(rng);
  r.said.clear();
  r.smallest.difference = "rejects";
  r.bucket = bucket::spell("toy.rejects.bad.field.31");
  EXPECT_EQ(same_cause(r), "toy.rejects.bad.field");
  r.smallest.difference = "accepts";
  EXPECT_EQ(same_cause(r), r.bucket);
}

TEST(Record, LongBucketsFitIntoAFileName) {
  const std::string a(1000, 'a'), b = a + "b";
  EXPECT_LE(file_stem(a).size(), 200u);
  EXPECT_NE(file_stem(a), file_stem(b));
  EXPECT_EQ(file_stem("toy.box"), "toy.box");
}

}  // namespace
}  // namespace diffvisor::triage
