// SPDX-License-Identifier: Apache-2.0
// A table of KVM's checks is complete and in KVM's order, names only rules the manual has, and its claims hold.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "models/kvm_table_under_test.h"

namespace diffvisor::models {
namespace {

const KvmTableUnderTest& subject() { return kvm_table_under_test(); }
const KvmTable& table() { return subject().table; }

std::set<std::string> words(std::string_view text) {
  std::set<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    out.emplace(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::set<std::string> spec_ids() { return {subject().spec.begin(), subject().spec.end()}; }

TEST(KvmTable, EveryRowHasANote) { EXPECT_EQ(table().notes.size(), table().rules->rows.size()); }

TEST(KvmTable, EveryPlaceIsARowOrAnException) {
  std::set<unsigned> places;
  for (const KvmRowNote& n : table().notes) places.insert(n.place);
  for (const KvmException& e : table().exceptions) places.insert(e.place);
  for (unsigned p = 1; p <= subject().last_place; ++p) EXPECT_TRUE(places.contains(p)) << p;
}

TEST(KvmTable, PlacesAscendAndIdsAreUnique) {
  std::set<std::string> names;
  unsigned last = 0;
  for (std::size_t i = 0; i < table().rules->rows.size(); ++i) {
    const rules::Rule& row = table().rules->rows[i];
    EXPECT_TRUE(names.insert(rules::rule_name(row)).second) << row.id;
    if (table().notes[i].place >= subject().first_unordered) continue;
    EXPECT_GE(table().notes[i].place, last) << row.id;
    last = table().notes[i].place;
  }
}

// So that which row of a phase comes first never matters.
TEST(KvmTable, ChecksOfOnePhaseHaveOneOutcome) {
  std::map<unsigned, rules::Outcome> outcomes;
  for (const rules::Rule& r : table().rules->rows)
    if (r.kind == rules::Kind::Check) {
      EXPECT_EQ(outcomes.emplace(r.phase, r.outcome).first->second, r.outcome) << r.id;
    }
}

TEST(KvmTable, CoversOnlyRulesOfTheManual) {
  const auto known = spec_ids();
  for (const KvmRowNote& n : table().notes)
    for (const std::string& id : words(n.covers)) EXPECT_TRUE(known.contains(id)) << id;
  for (const KvmException& e : table().exceptions)
    for (const std::string& id : words(e.covers)) EXPECT_TRUE(known.contains(id)) << id;
}

TEST(KvmTable, EveryRuleOfTheManualHasAPlace) {
  std::set<std::string> covered;
  for (const KvmRowNote& n : table().notes) covered.merge(words(n.covers));
  for (const KvmException& e : table().exceptions) covered.merge(words(e.covers));
  for (const std::string& id : spec_ids()) EXPECT_TRUE(covered.contains(id) || subject().left_to_others(id)) << id;
}

TEST(KvmTable, GoldenBreaksNothing) {
  rules::Survey s;
  table().rules->survey(subject().golden.v.data(), s);
  EXPECT_TRUE(s.broken.none());
}

TEST(KvmTable, ClaimsHold) {
  std::map<std::string_view, std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Rng rng(1, i);
    const Case c = subject().random(rng);
    rules::Survey s;
    table().rules->survey(c.v.data(), s);
    for (const rules::Claim& claim : table().claims) {
      if (!s.broken.test(rules::find_rule(*table().rules, claim.id))) continue;
      ++seen[claim.id];
      EXPECT_TRUE(s.broken.test(rules::find_rule(*table().rules, claim.by))) << claim.id;
    }
  }
  for (const rules::Claim& claim : table().claims) EXPECT_GT(seen[claim.id], 0u) << claim.id;
}

}  // namespace
}  // namespace diffvisor::models
