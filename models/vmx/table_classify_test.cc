// SPDX-License-Identifier: Apache-2.0
// The search's classes against what the table's claims.def reasons out.
#include "harness/rules/classify.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/table_under_test.h"

namespace diffvisor::rules {
namespace {

const RuleSet& set() { return *models::table_under_test().rules; }
const Schema& schema() { return *models::table_under_test().schema; }
Normalise settle_facts() { return models::table_under_test().normalise; }

// A search of some tenths of a second, made once for each profile.
const std::vector<Classified>& classes_of(std::uint16_t profile) {
  static std::map<std::uint16_t, std::vector<Classified>> known;
  auto& c = known[profile];
  if (c.empty()) c = classify(set(), schema(), profile, settle_facts());
  return c;
}

struct ClassifyProfile : testing::TestWithParam<std::string> {
  std::uint16_t profile() const { return *find_profile(schema(), GetParam()); }
  const std::vector<Classified>& classes() const { return classes_of(profile()); }
};
std::string profile_of(const testing::TestParamInfo<std::string>& info) { return info.param; }
std::vector<std::string> profiles() {
  std::vector<std::string> names;
  for (const ProfileSpec& p : schema().profiles) names.emplace_back(p.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Profiles, ClassifyProfile, testing::ValuesIn(profiles()), &profile_of);

RuleBits broken_up_to(const Case& c, unsigned phase) {
  Survey s;
  set().survey(c.v.data(), s);
  RuleBits out;
  s.broken.each([&](std::size_t i) {
    if (set().rows[i].kind != Kind::Exit && set().rows[i].phase <= phase) out.set(i);
  });
  return out;
}

const Claim* claim_of(std::size_t row) {
  const auto all_claims = models::table_under_test().notes->claims;
  const auto it = std::ranges::find(all_claims, set().rows[row].id, &Claim::id);
  return it == all_claims.end() ? nullptr : &*it;
}

TEST_P(ClassifyProfile, EveryCheckHasExactlyOneClass) {
  std::vector<std::size_t> checks, classified;
  for (std::size_t i = 0; i < set().rows.size(); ++i)
    if (set().rows[i].kind == Kind::Check) checks.push_back(i);
  for (const Classified& c : classes()) classified.push_back(c.row);
  EXPECT_EQ(classified, checks);
}

TEST_P(ClassifyProfile, WitnessesShowTheirClass) {
  for (const Classified& c : classes()) {
    const Rule& r = set().rows[c.row];
    SCOPED_TRACE(rule_name(r));
    if (c.cls == Class::Unreachable) {
      EXPECT_FALSE(c.witness || c.valid);
      EXPECT_NE(c.reason, "");
      continue;
    }
    ASSERT_TRUE(c.witness.has_value());
    EXPECT_EQ(c.witness->profile, profile());
    EXPECT_TRUE(is_valid(*c.witness));
    const RuleBits broken = broken_up_to(*c.witness, r.phase);
    EXPECT_TRUE(broken.test(c.row));
    if (c.cls == Class::Alone) {
      EXPECT_EQ(broken.count(), 1u);
    } else {
      EXPECT_NE(c.reason, "");
      EXPECT_GT(broken.count(), 1u);
      EXPECT_TRUE(c.by && broken.test(*c.by)) << c.reason;
    }
  }
}

TEST_P(ClassifyProfile, TwinsAreValidAndDifferWhereTheRuleReads) {
  std::size_t alone = 0, twins = 0;
  for (const Classified& c : classes()) {
    if (c.cls != Class::Alone) continue;
    ++alone;
    if (!c.valid) continue;
    ++twins;
    const Rule& r = set().rows[c.row];
    EXPECT_TRUE(broken_up_to(*c.valid, r.phase).none()) << rule_name(r);
    Locks read = fact_bits(schema());
    add_bits_read(r.when, read);
    add_bits_read(r.must, read);
    for (std::size_t s = 0; s < kMaxSlots; ++s)
      ASSERT_EQ((c.valid->v[s] ^ c.witness->v[s]) & ~read[s], 0u) << rule_name(r) << " slot " << s;
  }
  EXPECT_GT(alone * 5, classes().size() * 2);
  EXPECT_GT(twins * 100, alone * 95) << twins << " of " << alone;
}

TEST_P(ClassifyProfile, TheOtherRowIsBrokenWheneverThisOneIs) {
  const Locks locks = base_locks(schema());
  for (const Classified& c : classes()) {
    if (!c.by) continue;
    const Rule& r = set().rows[c.row];
    SCOPED_TRACE(rule_name(r) + ' ' + c.reason);
    EXPECT_EQ(set().rows[*c.by].kind, Kind::Check);
    EXPECT_LE(set().rows[*c.by].phase, r.phase);
    for (std::uint64_t n = 0; n < 40; ++n) {
      Rng rng(c.row, n);
      Case state = stirred_case(schema(), profile(), rng);
      make(r.when, state.v.data(), locks, true, rng, set().functions);
      make(r.must, state.v.data(), locks, false, rng, set().functions);
      settle_facts()(state.v.data());
      const RuleBits broken = broken_up_to(state, r.phase);
      ASSERT_TRUE(!broken.test(c.row) || broken.test(*c.by)) << n;
    }
  }
}

// A claim with "unless" holds only where a profile lacks something; without a claim a row must break alone.
TEST_P(ClassifyProfile, ClassesAgreeWithTheClaims) {
  for (const Classified& c : classes()) {
    const Claim* claim = claim_of(c.row);
    const bool conditional = claim != nullptr && claim->reason.starts_with("unless");
    SCOPED_TRACE(rule_name(set().rows[c.row]) + " is " + std::string(class_name(c.cls)) + ' ' + c.reason);
    if (claim == nullptr) {
      EXPECT_EQ(c.cls, Class::Alone);
    } else if (!conditional) {
      EXPECT_NE(c.cls, Class::Alone);
    }
    if (claim == nullptr || c.cls == Class::Alone) continue;
    if (claim->by.empty()) {
      // Two conditional rows may come to the same where both can be broken; then each names the other.
      const Claim* back = conditional && c.by ? claim_of(*c.by) : nullptr;
      EXPECT_TRUE((c.cls == Class::Unreachable && !c.by) || (back != nullptr && back->by == claim->id));
      continue;
    }
    // Several rows may always break with it: the one claimed is among them.
    const std::size_t by = find_rule(set(), claim->by);
    ASSERT_LT(by, set().rows.size());
    EXPECT_TRUE(!c.witness || broken_up_to(*c.witness, set().rows[c.row].phase).test(by)) << claim->by;
  }
}

// Each "unless" is true of some profile and untrue of another, where the row breaks alone or at least breaks.
TEST(Classify, ConditionsOfClaimsMatter) {
  std::set<std::string_view> alone, reachable, not_alone, unreachable;
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    for (const Classified& c : classes_of(p)) {
      const std::string_view id = set().rows[c.row].id;
      (c.cls == Class::Alone ? alone : not_alone).insert(id);
      (c.cls == Class::Unreachable ? unreachable : reachable).insert(id);
    }
  }
  for (const Claim& claim : models::table_under_test().notes->claims) {
    if (!claim.reason.starts_with("unless")) continue;
    EXPECT_TRUE((claim.by.empty() ? reachable : alone).contains(claim.id)) << claim.id << ": " << claim.reason;
    EXPECT_TRUE((claim.by.empty() ? unreachable : not_alone).contains(claim.id)) << claim.id << ": " << claim.reason;
  }
}

TEST(Classify, NamesOfClasses) {
  EXPECT_EQ(class_name(Class::Alone), "alone");
  EXPECT_EQ(class_name(Class::Implied), "implied");
  EXPECT_EQ(class_name(Class::Unreachable), "unreachable");
}

}  // namespace
}  // namespace diffvisor::rules
