// SPDX-License-Identifier: Apache-2.0
// The parser of known divergences: every action, and one clear line with file and line for everything that is wrong.
#include "harness/compare/known.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "harness/compare/toy_domain.h"
#include "harness/rules/expr_text.h"

namespace diffvisor::compare {
namespace {

using namespace toy;

const std::string kHead = "domain = \"toy\"\n[[known]]\nid = \"x\"\nexecutor = \"box\"\n";
const std::string kTail = "reason = \"r\"\nreference = \"f\"\nreview_by = \"2030-01-01\"\n";

Result<std::vector<Known>> parsed(const std::string& text) {
  std::vector<Known> out;
  if (auto done = parse_known(text, "known.toml", domain(), out); !done) return tl::unexpected(done.error());
  return out;
}

Known one(const std::string& body) {
  const auto all = parsed(kHead + kTail + body);
  EXPECT_TRUE(all) << all.error().text();
  EXPECT_TRUE(all && all->size() == 1);
  return all && !all->empty() ? all->front() : Known{};
}

// The error line of an entry with this body; the entry starts at line 2.
std::string wrong(const std::string& body, const std::string& tail = kTail) {
  const auto all = parsed(kHead + tail + body);
  EXPECT_FALSE(all) << body;
  if (all) return {};
  EXPECT_EQ(all.error().code, ErrorCode::Format);
  const std::string line = all.error().text();
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  EXPECT_TRUE(line.starts_with("known.toml:")) << line;
  return line;
}

bool says_that(const std::string& line, const std::string& what) { return line.find(what) != std::string::npos; }

std::string text(const std::optional<rules::Expr>& e) {
  return e ? rules::expr_text(*e, schema(), domain().rules->functions) : "(none)";
}

TEST(Known, Drop) {
  const Known k =
      one("rows = [\"toy.a.even\", \"toy.b.small\"]\naction = \"drop\"\nversions = \"2.7\"\nproof = \"p\"\n");
  ASSERT_EQ(k.edits.size(), 2u);
  EXPECT_EQ(k.edits[0].row, AEven);
  EXPECT_EQ(k.edits[1].row, BSmall);
  EXPECT_TRUE(k.edits[0].drop && k.edits[1].drop);
  EXPECT_EQ(k.id, "x");
  EXPECT_EQ(k.executor, "box");
  EXPECT_EQ(k.versions, "2.7");
  EXPECT_EQ(k.reason, "r");
  EXPECT_EQ(k.reference, "f");
  EXPECT_EQ(k.review_by, "2030-01-01");
  EXPECT_EQ(k.proof, "p");
  EXPECT_TRUE(k.place.starts_with("known.toml:2")) << k.place;
}

TEST(Known, GuardNarrowsTheRowsOwn) {
  const Known k = one("rows = [\"toy.a.high\"]\naction = \"guard\"\nguard = \"B[1]\"\n");
  ASSERT_EQ(k.edits.size(), 1u);
  EXPECT_EQ(text(k.edits[0].when), "B[0] && B[1]");
  EXPECT_TRUE(k.edits[0].narrows);
  EXPECT_FALSE(k.edits[0].must);
}

TEST(Known, AlsoDemandsMore) {
  const Known k = one("rows = [\"toy.a.even\"]\naction = \"also\"\nmust = \"!A[1]\"\n");
  ASSERT_EQ(k.edits.size(), 1u);
  EXPECT_EQ(text(k.edits[0].must), "A[0] == 0x0 && !(A[1])");
  EXPECT_FALSE(k.edits[0].narrows);
}

TEST(Known, Replace) {
  const Known k = one("rows = [\"toy.a.even\"]\naction = \"replace\"\nwhen = \"B[2]\"\nmust = \"A <= 7\"\n");
  ASSERT_EQ(k.edits.size(), 1u);
  EXPECT_EQ(text(k.edits[0].when), "B[2]");
  EXPECT_EQ(text(k.edits[0].must), "A <= 0x7");
}

TEST(Known, Outcome) {
  const Known k = one("rows = [\"toy.a.even\"]\naction = \"outcome\"\noutcome = \"bad(12)\"\n");
  ASSERT_EQ(k.edits.size(), 1u);
  EXPECT_EQ(k.edits[0].outcome, kBadB);
}

TEST(Known, Phase) {
  const Known k = one("rows = [\"toy.a.even\"]\naction = \"phase\"\nphase = 25\nguard = \"B[3]\"\n");
  ASSERT_EQ(k.edits.size(), 1u);
  EXPECT_EQ(k.edits[0].phase, 25);
  EXPECT_EQ(text(k.edits[0].phase_when), "B[3]");
}

TEST(Known, Dies) {
  const Known k = one("action = \"dies\"\nwhen = \"A == 3\"\nphase = 20\n");
  EXPECT_TRUE(k.edits.empty());
  EXPECT_EQ(text(k.dies), "A == 0x3");
  EXPECT_EQ(k.dies_from, 20);
}

TEST(Known, SeveralEditsOfOneCauseInOrder) {
  const Known k =
      one("[[known.edit]]\nrows = [\"toy.b.small\"]\naction = \"drop\"\n"
          "[[known.edit]]\nrows = [\"toy.a.even\"]\naction = \"phase\"\nphase = 15\n");
  ASSERT_EQ(k.edits.size(), 2u);
  EXPECT_EQ(k.edits[0].row, BSmall);
  EXPECT_EQ(k.edits[1].row, AEven);
  EXPECT_EQ(k.edits[1].phase, 15);
}

TEST(Known, TheEntrysOwnElementOfAList) {
  const Known k = one("rows = [\"toy.list\"]\naction = \"replace\"\nmust = \"LIST.@ <= 9\"\n");
  ASSERT_EQ(k.edits.size(), 2u);
  EXPECT_EQ(k.edits[0].row, List1);
  EXPECT_EQ(k.edits[1].row, List2);
  EXPECT_EQ(k.edits[0].must->root().a.slot, List);
  EXPECT_EQ(k.edits[1].must->root().a.slot, ListLast);
}

TEST(Known, MistakesAreOneLineWithFileAndLine) {
  const std::string drop = "action = \"drop\"\nrows = [\"toy.a.even\"]\n";
  EXPECT_TRUE(wrong(drop + "colour = 1\n").starts_with("known.toml:2 x: "));
  EXPECT_TRUE(says_that(wrong(drop + "colour = 1\n"), "unknown key 'colour'"));
  EXPECT_TRUE(says_that(wrong("[[known.edit]]\nproof = \"p\"\n" + drop), "unknown key 'proof' in an edit"));
  EXPECT_TRUE(says_that(wrong("action = \"drop\"\nrows = [\"toy.nothing\"]\n"), "no rule is called 'toy.nothing'"));
  EXPECT_TRUE(says_that(wrong("action = \"drop\"\n"), "rows are required"));
  EXPECT_TRUE(says_that(wrong("edit = []\n"), "'edit' is empty"));
  EXPECT_TRUE(says_that(wrong("action = \"dies\"\nwhen = \"A == 3\"\nphase = 300\n"), "0..254"));
  EXPECT_TRUE(says_that(wrong("action = \"drop\"\nrows = \"toy.a.even\"\n"), "rows are required"));
  EXPECT_TRUE(says_that(wrong("action = \"forget\"\nrows = [\"toy.a.even\"]\n"), "action 'forget' is none of"));
  const auto about_nothing = parsed("[[known]]\n" + drop);
  ASSERT_FALSE(about_nothing);
  EXPECT_EQ(about_nothing.error().text(), "known.toml: says no domain");
  EXPECT_TRUE(says_that(wrong(drop, "reason = \"r\"\n"), "review_by are required"));
  EXPECT_TRUE(says_that(wrong("action = \"guard\"\nrows = [\"toy.a.even\"]\n"), "needs 'guard'"));
  EXPECT_TRUE(says_that(wrong("action = \"also\"\nrows = [\"toy.a.even\"]\n"), "needs 'must'"));
  EXPECT_TRUE(says_that(wrong("action = \"replace\"\nrows = [\"toy.a.even\"]\n"), "needs 'when' or 'must'"));
  EXPECT_TRUE(says_that(wrong("action = \"outcome\"\nrows = [\"toy.a.even\"]\noutcome = \"bad(77)\"\n"),
                        "no rule has the outcome 'bad(77)'"));
  EXPECT_TRUE(says_that(wrong("action = \"phase\"\nrows = [\"toy.a.even\"]\nphase = 255\n"), "needs 'phase'"));
  EXPECT_TRUE(says_that(wrong("action = \"dies\"\n"), "needs 'when'"));
  const std::string unknown_field = wrong("action = \"replace\"\nrows = [\"toy.a.even\"]\nmust = \"A == C\"\n");
  EXPECT_TRUE(says_that(unknown_field, "called 'C'")) << unknown_field;
  EXPECT_FALSE(wrong("action = \"replace\"\nrows = [\"toy.a.even\"]\nmust = \"A == \"\n").empty());
  EXPECT_FALSE(wrong("action = \"replace\"\nrows = [\"toy.a.even\"]\nmust = \"LIST.@ <= 9\nA\"\n").empty());
}

TEST(Known, SyntaxErrorsNameTheirLine) {
  const auto bad = parsed("domain = \"toy\"\n[[known]]\nid = \n");
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().text().starts_with("known.toml:3: ")) << bad.error().text();
  EXPECT_EQ(bad.error().text().find('\n'), std::string::npos);
  EXPECT_FALSE(parsed("domain = \"toy\"\n"));
  EXPECT_FALSE(parsed("domain = \"toy\"\nknown = [1]\n"));
  EXPECT_FALSE(parsed(std::string("domain = \"toy\"\n\0\xff\xfe", 18)));
}

TEST(Known, IdsAreUniqueAcrossTexts) {
  const std::string text = kHead + kTail + "action = \"drop\"\nrows = [\"toy.a.even\"]\n";
  std::vector<Known> out;
  ASSERT_TRUE(parse_known(text, "first.toml", domain(), out));
  const auto again = parse_known(text, "second.toml", domain(), out);
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().text().starts_with("second.toml:2 x: two entries")) << again.error().text();
}

TEST(Known, TextsAboutOtherDomainsAddNothing) {
  const auto other = parsed("domain = \"elsewhere\"\n[[known]]\nid = \"x\"\n");
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->empty());
}

TEST(Known, AnExecutorHasAsManyEntriesAsASetHolds) {
  const auto parse = [](std::size_t count) {
    std::string text = "domain = \"toy\"\n";
    for (std::size_t i = 0; i < count; ++i)
      text += "[[known]]\nid = \"e" + std::to_string(i) + "\"\nexecutor = \"box\"\n" + kTail +
              "action = \"drop\"\nrows = [\"toy.a.even\"]\n";
    std::vector<Known> out;
    return parse_known(text, "test", domain(), out).has_value();
  };
  EXPECT_TRUE(parse(kMostEntries));
  EXPECT_FALSE(parse(kMostEntries + 1));
}

TEST(Known, VersionsArePrefixes) {
  std::vector<Known> all(3);
  all[0].executor = all[1].executor = "box";
  all[2].executor = "fox";
  all[0].id = "every";
  all[1].id = "old";
  all[1].versions = "2.7";
  EXPECT_EQ(known_for(all, "box", "2.7.1").size(), 2u);
  ASSERT_EQ(known_for(all, "box", "2.8").size(), 1u);
  EXPECT_EQ(known_for(all, "box", "2.8")[0].id, "every");
  EXPECT_EQ(known_for(all, "box", "2").size(), 1u);
  EXPECT_TRUE(known_for(all, "ox", "2.7").empty());
}

TEST(Known, DirectoriesAreReadInNameOrder) {
  const auto directory = std::filesystem::temp_directory_path() / ("known_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto write = [&](const char* name, const std::string& id) {
    std::ofstream(directory / name) << "domain = \"toy\"\n[[known]]\nid = \"" << id << "\"\nexecutor = \"box\"\n"
                                    << kTail << "action = \"drop\"\nrows = [\"toy.a.even\"]\n";
  };
  write("b.toml", "second");
  write("a.toml", "first");
  std::ofstream(directory / "notes.txt") << "not read";
  const auto all = load_known(directory, domain());
  const auto none = load_known(directory / "absent", domain());
  const auto without_rules = load_known(directory / "absent", behaviour_domain());
  std::filesystem::remove_all(directory);
  ASSERT_TRUE(all) << all.error().text();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].id, "first");
  EXPECT_FALSE(none);
  EXPECT_TRUE(without_rules);
}

}  // namespace
}  // namespace diffvisor::compare
