// SPDX-License-Identifier: Apache-2.0
// The table is complete: every id of the spec has rows or a reason why not, and nothing else is in it.
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "models/vmx/arch_rules.h"

namespace diffvisor::vmx {
namespace {

using Reasons = std::map<std::string_view, std::string_view>;

// One loop for each list, so that an id given twice is seen.
void add_once(Reasons& map, std::string_view id, std::string_view text) {
  EXPECT_TRUE(map.emplace(id, text).second) << id << " is listed twice";
}

Reasons spec() {
  Reasons sections;
#define SPEC(id, section) add_once(sections, id, section);
#include "models/vmx/spec_ids.def"
#undef SPEC
  return sections;
}

Reasons exceptions() {
  Reasons reasons;
#define EXCEPTION(id, reason) add_once(reasons, id, reason);
#include "models/vmx/exceptions.def"
#undef EXCEPTION
  return reasons;
}

bool is_own_row(std::string_view id) { return id.starts_with("vmx.limit.") || id.starts_with("vmx.exit."); }

TEST(SpecIds, RowsAndExceptionsAreExactlyTheSpec) {
  const Reasons sections = spec(), reasons = exceptions();
  EXPECT_EQ(sections.size(), 394u);
  std::set<std::string_view> rows;
  for (const rules::Rule& r : arch_rules().rows) rows.insert(r.id);
  for (const auto& [id, section] : sections)
    EXPECT_NE(rows.contains(id), reasons.contains(id)) << id << (rows.contains(id) ? " has both" : " has neither");
  for (const auto& [id, reason] : reasons) {
    EXPECT_TRUE(sections.contains(id)) << id;
    EXPECT_FALSE(reason.empty()) << id;
  }
  for (const std::string_view id : rows) EXPECT_NE(sections.contains(id), is_own_row(id)) << id;
}

TEST(SpecIds, RowsNameTheirSection) {
  const Reasons sections = spec();
  for (const rules::Rule& r : arch_rules().rows)
    EXPECT_TRUE(is_own_row(r.id) || sections.at(r.id) == r.section) << r.id;
}

TEST(SpecIds, EachRowIsOneOnly) {
  std::set<std::string> names;
  for (const rules::Rule& r : arch_rules().rows)
    EXPECT_TRUE(names.insert(rules::rule_name(r)).second) << rules::rule_name(r);
}

TEST(SpecIds, KindsFollowFromIds) {
  for (const rules::Rule& r : arch_rules().rows) {
    if (r.id == "vmx.msrload.limit") continue;  // the manual itself leaves it undefined
    EXPECT_EQ(r.kind == rules::Kind::Limit, r.id.starts_with("vmx.limit.")) << r.id;
    EXPECT_EQ(r.kind == rules::Kind::Exit, r.id.starts_with("vmx.exit.")) << r.id;
  }
}

TEST(SpecIds, ListsSpeakOfRows) {
  const auto is_row = [](std::string_view id) {
    return rules::find_rule(arch_rules(), id) != arch_rules().rows.size();
  };
  Reasons claims;
#define CLAIM(id, by, reason)   \
  add_once(claims, id, reason); \
  EXPECT_TRUE(std::string_view(by).empty() || is_row(by)) << by;
#include "models/vmx/claims.def"
#undef CLAIM
  for (const auto& [id, reason] : claims) EXPECT_TRUE(is_row(id)) << id;
}

}  // namespace
}  // namespace diffvisor::vmx
