// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/edit.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/arch/vmx/schema.h"
#include "harness/rules/compile.h"
#include "harness/rules/interpret.h"
#include "harness/rules/test_states.h"
#include "models/vmx/arch_rules.h"

namespace diffvisor::rules {
namespace {

// Row i's guard is bit i of slot 0, its condition bit i of slot 1.
constexpr Rule row(std::string_view id, unsigned i, std::uint8_t phase, Outcome outcome) {
  return {id, "", Kind::Check, phase, 0, outcome, bit(0, i), bit(1, i)};
}
constexpr std::array<FreeCondition, 0> kNoFunctions{};
constexpr std::array kTable = {row("early", 0, 10, 100), row("twin", 1, 10, 101), row("late", 2, 20, 200),
                               row("first", 3, 5, 50)};
constexpr RuleSet kSet = make_rule_set<kTable, kNoFunctions>();
enum : std::size_t { kEarly, kTwin, kLate, kFirst };

RuleBits rows(std::initializer_list<std::size_t> list) {
  RuleBits out;
  for (const std::size_t i : list) out.set(i);
  return out;
}

struct Edited {
  Survey survey;
  Ruling ruling;
};
Edited judge(const EditedRules& rules, std::uint64_t guards, std::uint64_t conditions, std::uint64_t more = 0) {
  Values v{};
  v[0] = guards, v[1] = conditions, v[2] = more;
  Survey plain;
  rules.set().survey(v.data(), plain);
  const Survey s = rules.survey(v.data(), plain);
  return {s, rules.ruling(v.data(), s)};
}

RowEdit edit_of(std::size_t i) {
  RowEdit e;
  e.row = i;
  return e;
}

TEST(Ruling, TheLowestPhaseDecidesTogether) {
  const EditedRules plain(kSet);
  EXPECT_FALSE(plain.edited());
  const struct {
    std::uint64_t broken;
    std::uint8_t phase;
    RuleBits deciders;
  } golden[] = {
      {0b0000, 255, rows({})},
      {0b0001, 10, rows({kEarly})},
      {0b0011, 10, rows({kEarly, kTwin})},
      {0b0100, 20, rows({kLate})},
      {0b0110, 10, rows({kTwin})},
      {0b1000, 5, rows({kFirst})},
      {0b1111, 5, rows({kFirst})},  // although it stands last
      {0b0111, 10, rows({kEarly, kTwin})},
  };
  for (const auto& g : golden) {
    const Edited e = judge(plain, g.broken, 0);
    EXPECT_EQ(e.survey.broken.word(0), g.broken);
    EXPECT_EQ(e.ruling.phase, g.phase) << g.broken;
    EXPECT_EQ(e.ruling.deciders, g.deciders) << g.broken;
    const Ruling direct = ruling(kSet, e.survey);
    EXPECT_EQ(direct.phase, g.phase);
    EXPECT_EQ(direct.deciders, g.deciders);
  }
}

TEST(EditedRules, Drop) {
  RowEdit e = edit_of(kEarly);
  e.drop = true;
  const EditedRules rules(kSet, {e});
  EXPECT_TRUE(rules.edited());
  const Edited all = judge(rules, 0b0111, 0);
  EXPECT_EQ(all.survey.applied, rows({kTwin, kLate}));
  EXPECT_EQ(all.survey.broken, rows({kTwin, kLate}));
  EXPECT_EQ(all.ruling.deciders, rows({kTwin}));
  EXPECT_EQ(judge(rules, 0b0001, 0).ruling.phase, 255);
}

TEST(EditedRules, Forced) {
  RowEdit e = edit_of(kTwin);
  e.forced = true;
  const EditedRules rules(kSet, {e});
  const Edited none = judge(rules, 0, ~std::uint64_t{0});
  EXPECT_EQ(none.survey.applied, rows({kTwin}));
  EXPECT_EQ(none.survey.broken, rows({kTwin}));
  EXPECT_EQ(none.ruling.deciders, rows({kTwin}));
}

TEST(EditedRules, When) {
  RowEdit e = edit_of(kEarly);
  e.when = bit(0, 8);
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(judge(rules, 0b1, 0).survey.applied, rows({}));
  EXPECT_EQ(judge(rules, 0b1, 0).survey.broken, rows({}));
  EXPECT_EQ(judge(rules, 1 << 8, 0).survey.broken, rows({kEarly}));
  EXPECT_EQ(judge(rules, 1 << 8, 1).survey.broken, rows({}));
  EXPECT_EQ(judge(rules, 1 << 8, 1).survey.applied, rows({kEarly}));
}

TEST(EditedRules, Must) {
  RowEdit e = edit_of(kEarly);
  e.must = bit(1, 8);
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(judge(rules, 1, 1).survey.broken, rows({kEarly}));
  EXPECT_EQ(judge(rules, 1, 1 << 8).survey.broken, rows({}));
  EXPECT_EQ(judge(rules, 1, 1 << 8).survey.applied, rows({kEarly}));
  EXPECT_EQ(judge(rules, 0, 0).survey.applied, rows({}));
}

TEST(EditedRules, Outcome) {
  RowEdit e = edit_of(kLate);
  e.outcome = 7;
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(rules.outcome(kLate), 7u);
  EXPECT_EQ(rules.outcome(kEarly), 100u);
  EXPECT_EQ(judge(rules, 0b1111, 0b1011).survey.broken, rows({kLate}));
}

TEST(EditedRules, Phase) {
  RowEdit e = edit_of(kLate);
  e.phase = 1;
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(rules.phase(kLate), 1);
  EXPECT_EQ(rules.phase(kEarly), 10);
  EXPECT_EQ(EditedRules(kSet).phase(kLate), 20);
  EXPECT_EQ(judge(rules, 0b1111, 0).ruling.deciders, rows({kLate}));
  EXPECT_EQ(judge(rules, 0b1111, 0).ruling.phase, 1);
  RowEdit join = edit_of(kFirst);
  join.phase = 10;
  EXPECT_EQ(judge(EditedRules(kSet, {join}), 0b1111, 0).ruling.deciders, rows({kEarly, kTwin, kFirst}));
}

TEST(EditedRules, PhaseWhen) {
  RowEdit e = edit_of(kLate);
  e.phase = 1;
  e.phase_when = bit(2, 0);
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(judge(rules, 0b0111, 0, 1).ruling.deciders, rows({kLate}));
  EXPECT_EQ(judge(rules, 0b0111, 0, 0).ruling.deciders, rows({kEarly, kTwin}));
  EXPECT_EQ(judge(rules, 0b0100, 0, 0).ruling.phase, 20);
}

// It promises that `when` implies the row's guard, so a row that is whole is not looked at again.
TEST(EditedRules, NarrowsLeavesWholeRowsAlone) {
  RowEdit e = edit_of(kEarly);
  e.when = bit(0, 0) && bit(0, 8);
  e.narrows = true;
  const EditedRules rules(kSet, {e});
  EXPECT_EQ(judge(rules, 0x101, 0).survey.broken, rows({kEarly}));
  EXPECT_EQ(judge(rules, 0x001, 0).survey.broken, rows({}));
  EXPECT_EQ(judge(rules, 0x001, 0).survey.applied, rows({}));
  EXPECT_EQ(judge(rules, 0x001, 1).survey.applied, rows({kEarly})) << "whole: untouched, even `applied`";
}

TEST(EditedRules, EditsOfOneRowMerge) {
  RowEdit first = edit_of(kEarly), second = edit_of(kEarly);
  first.when = bit(0, 8), first.outcome = 1, first.phase = 3;
  second.must = bit(1, 8), second.outcome = 2;
  const EditedRules rules(kSet, {first, second});
  ASSERT_EQ(rules.edits().size(), 1u);
  EXPECT_EQ(rules.outcome(kEarly), 2u);
  EXPECT_EQ(rules.phase(kEarly), 3);
  EXPECT_EQ(judge(rules, 0x100, 1).survey.broken, rows({kEarly}));
  EXPECT_EQ(judge(rules, 0x100, 0x100).survey.broken, rows({}));
  RowEdit drop = edit_of(kEarly);
  drop.drop = true;
  EXPECT_EQ(judge(EditedRules(kSet, {first, drop}), 0x101, 0).survey.broken, rows({}));
  EXPECT_EQ(judge(EditedRules(kSet, {drop, second}), 0x101, 0).survey.broken, rows({}));
}

TEST(EditedRules, AMergedEditNarrowsOnlyIfBothDo) {
  RowEdit narrow = edit_of(kEarly), wide = edit_of(kEarly), outcome = edit_of(kEarly);
  narrow.when = bit(0, 0) && bit(0, 8);
  narrow.narrows = true;
  wide.when = bit(0, 9);
  outcome.outcome = 9;
  const auto narrows = [](std::vector<RowEdit> edits) { return EditedRules(kSet, edits).edits()[0].narrows; };
  EXPECT_TRUE(narrows({narrow, outcome}));
  EXPECT_TRUE(narrows({outcome, narrow}));
  EXPECT_TRUE(narrows({narrow, narrow}));
  EXPECT_FALSE(narrows({narrow, wide}));
  EXPECT_FALSE(narrows({wide, narrow}));
  EXPECT_EQ(judge(EditedRules(kSet, {narrow, wide}), 0x200, 0).survey.broken, rows({kEarly}));
}

TEST(EditedRules, ALaterPhaseReplacesItsCondition) {
  RowEdit first = edit_of(kLate), second = edit_of(kLate), other = edit_of(kLate);
  first.phase = 1, first.phase_when = bit(2, 0);
  second.phase = 2;
  other.outcome = 4;
  EXPECT_EQ(judge(EditedRules(kSet, {first, second}), 0b0111, 0).ruling.phase, 2);
  EXPECT_EQ(judge(EditedRules(kSet, {first, other}), 0b0111, 0).ruling.phase, 10) << "still only when bit 0 is set";
  EXPECT_EQ(judge(EditedRules(kSet, {first, other}), 0b0111, 0, 1).ruling.phase, 1);
}

// Over the whole table of VM entry, an edited survey is the interpreter's of a table with the edit in it.
TEST(EditedRules, SurveyIsThatOfAnEditedTable) {
  const RuleSet& set = vmx::arch_rules();
  for (std::uint64_t n = 0; n < 3000; ++n) {
    Rng rng(n, 20);
    const Case c = wild_case(vmx::schema(), rng);
    Survey plain;
    set.survey(c.v.data(), plain);
    RowEdit e = edit_of(rng.below(set.rows.size()));
    const Rule& other = set.rows[rng.below(set.rows.size())];
    if (rng.one_in(2)) e.when = other.when;
    if (rng.one_in(2)) e.must = other.must;
    const Rule& own = set.rows[e.row];
    const bool applied = holds(e.when ? *e.when : own.when, c.v.data(), set.functions);
    const bool broken = applied && !holds(e.must ? *e.must : own.must, c.v.data(), set.functions);
    const Survey s = EditedRules(set, {e}).survey(c.v.data(), plain);
    EXPECT_EQ(s.applied.test(e.row), applied) << n;
    EXPECT_EQ(s.broken.test(e.row), broken) << n;
    Survey rest = s;
    plain.applied.test(e.row) ? rest.applied.set(e.row) : rest.applied.reset(e.row);
    plain.broken.test(e.row) ? rest.broken.set(e.row) : rest.broken.reset(e.row);
    EXPECT_EQ(rest.applied, plain.applied);
    EXPECT_EQ(rest.broken, plain.broken);
  }
}

TEST(Mutants, IdsAreUniqueAndFound) {
  const RuleSet& set = vmx::arch_rules();
  const std::vector<Mutant> all_of_them = generic_mutants(set);
  std::set<std::string> ids;
  std::size_t checks = 0;
  for (const Rule& r : set.rows) checks += r.kind == Kind::Check;
  EXPECT_GT(all_of_them.size(), checks * 3);
  for (const Mutant& m : all_of_them) {
    EXPECT_TRUE(ids.insert(m.id).second) << m.id;
    EXPECT_EQ(set.rows[m.edit.row].kind, Kind::Check) << m.id;
    EXPECT_TRUE(m.id.ends_with(":" + rule_name(set.rows[m.edit.row]))) << m.id;
  }
  for (std::size_t i = 0; i < all_of_them.size(); i += 17) {
    const auto found = find_mutant(set, all_of_them[i].id);
    ASSERT_TRUE(found.has_value()) << all_of_them[i].id;
    EXPECT_EQ(found->id, all_of_them[i].id);
    EXPECT_EQ(found->edit.row, all_of_them[i].edit.row);
    EXPECT_EQ(found->edit.drop, all_of_them[i].edit.drop);
    EXPECT_EQ(found->edit.when, all_of_them[i].edit.when);
    EXPECT_EQ(found->edit.must, all_of_them[i].edit.must);
    EXPECT_EQ(found->edit.outcome, all_of_them[i].edit.outcome);
  }
  EXPECT_FALSE(find_mutant(set, "drop:").has_value());
  EXPECT_FALSE(find_mutant(set, "drop:vmx.no_such_rule").has_value());
}

// States in which the mutant's row is near its edge: broken, just mended, or with the guard just off.
bool changes_something(const Mutant& m) {
  const RuleSet& set = vmx::arch_rules();
  const Rule& r = set.rows[m.edit.row];
  const EditedRules edited(set, {m.edit});
  for (std::uint64_t n = 0; n < 400; ++n) {
    Rng rng(n, 30);
    Case c = wild_case(vmx::schema(), rng);
    const Locks nothing{};
    if (n % 4 > 0) make(r.when, c.v.data(), nothing, n % 4 > 1, rng, set.functions);
    const Expr& must = m.edit.must && n % 8 > 3 ? *m.edit.must : r.must;
    make(must, c.v.data(), nothing, false, rng, set.functions);
    if (rng.one_in(2)) make(must, c.v.data(), nothing, true, rng, set.functions);
    if (m.edit.when && n % 8 > 3) make(*m.edit.when, c.v.data(), nothing, rng.one_in(2), rng, set.functions);
    Survey plain;
    set.survey(c.v.data(), plain);
    if (edited.survey(c.v.data(), plain).broken != plain.broken) return true;
    if (plain.broken.test(m.edit.row) && edited.outcome(m.edit.row) != r.outcome) return true;
  }
  return false;
}

TEST(Mutants, EachChangesSomething) {
  // Equal to the table they were made from, whatever the state.
  const std::set<std::string> equivalent = {
      "always:vmx.link.current",  // its guard is off only for a pointer of all ones, which is not the current VMCS
  };
  for (const Mutant& m : generic_mutants(vmx::arch_rules()))
    EXPECT_NE(changes_something(m), equivalent.contains(m.id)) << m.id;
}

}  // namespace
}  // namespace diffvisor::rules
