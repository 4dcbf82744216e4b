// SPDX-License-Identifier: Apache-2.0
// The table is complete: every id of the spec has rows or a reason why not, and nothing else is in it.
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "models/table_under_test.h"

namespace diffvisor::models {
namespace {

using Reasons = std::map<std::string_view, std::string_view>;

const TableUnderTest& table() { return table_under_test(); }
std::span<const rules::Rule> rows() { return table().rules->rows; }

// An id given twice is seen.
void add_once(Reasons& map, std::string_view id, std::string_view text) {
  EXPECT_TRUE(map.emplace(id, text).second) << id << " is listed twice";
}

Reasons spec() {
  Reasons sections;
  for (const SpecId& s : table().spec) add_once(sections, s.id, s.section);
  return sections;
}

Reasons exceptions() {
  Reasons reasons;
  for (const rules::Exemption& e : table().notes->exemptions) add_once(reasons, e.id, e.reason);
  return reasons;
}

// "vmx.limit.vtpr" is in area "limit".
bool in_area(std::string_view id, std::string_view area) { return id.substr(id.find('.') + 1).starts_with(area); }
bool is_own_row(std::string_view id) { return in_area(id, "limit.") || in_area(id, "exit."); }

TEST(SpecIds, RowsAndExceptionsAreExactlyTheSpec) {
  const Reasons sections = spec(), reasons = exceptions();
  EXPECT_EQ(sections.size(), table().spec_size);
  std::set<std::string_view> ids;
  for (const rules::Rule& r : rows()) ids.insert(r.id);
  for (const auto& [id, section] : sections)
    EXPECT_NE(ids.contains(id), reasons.contains(id)) << id << (ids.contains(id) ? " has both" : " has neither");
  for (const auto& [id, reason] : reasons) {
    EXPECT_TRUE(sections.contains(id)) << id;
    EXPECT_FALSE(reason.empty()) << id;
  }
  for (const std::string_view id : ids) EXPECT_NE(sections.contains(id), is_own_row(id)) << id;
}

TEST(SpecIds, RowsNameTheirSection) {
  const Reasons sections = spec();
  for (const rules::Rule& r : rows()) EXPECT_TRUE(is_own_row(r.id) || sections.at(r.id) == r.section) << r.id;
}

TEST(SpecIds, EachRowIsOneOnly) {
  std::set<std::string> names;
  for (const rules::Rule& r : rows()) EXPECT_TRUE(names.insert(rules::rule_name(r)).second) << rules::rule_name(r);
}

TEST(SpecIds, KindsFollowFromIds) {
  for (const rules::Rule& r : rows()) {
    // A limit with an id of the spec is one that the manual itself leaves undefined.
    EXPECT_EQ(r.kind == rules::Kind::Limit, in_area(r.id, "limit.") || r.id == "vmx.msrload.limit") << r.id;
    EXPECT_EQ(r.kind == rules::Kind::Exit, in_area(r.id, "exit.")) << r.id;
  }
}

TEST(SpecIds, ClaimsSpeakOfRows) {
  const auto is_row = [](std::string_view id) { return rules::find_rule(*table().rules, id) != rows().size(); };
  Reasons claims;
  for (const rules::Claim& c : table().notes->claims) {
    add_once(claims, c.id, c.reason);
    EXPECT_TRUE(is_row(c.id)) << c.id;
    EXPECT_TRUE(c.by.empty() || is_row(c.by)) << c.by;
  }
}

}  // namespace
}  // namespace diffvisor::models
