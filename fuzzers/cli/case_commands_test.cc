// SPDX-License-Identifier: Apache-2.0
// The case commands on files: what they write, and when they leave a file alone.
#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fuzzers/cli/commands.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/file.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

class CaseCommands : public testing::Test {
 protected:
  CaseCommands() : folder_(fs::path(testing::TempDir()) / fmt::format("diffvisor_case_{}", getpid())) {
    fs::create_directories(folder_);
  }
  ~CaseCommands() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string content(const std::string& file) { return read_file(file).value_or("cannot read"); }
  static Case only_case(const std::string& file) {
    const auto loaded = load_cases({file}, Digests::MayDiffer);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
    EXPECT_EQ(loaded->size(), 1u);
    return (*loaded)[0].stored.c;
  }

  // A case of an older golden: today's text with another digest, and with what vmx.arch is expected to say.
  void write_stale(const std::string& file, const std::string& outcome) const {
    ASSERT_EQ(case_new("vmx_entry", {"GUEST_RFLAGS=0x0"}, file, {}), kClean);
    std::string text = content(file);
    text.replace(text.rfind(" golden ") + 8, 16, "0123456789abcdef");
    text.insert(text.find("---\n"),
                fmt::format("expect vmx.arch old = {}\nexpect bochs 2.7 = entry_failure(33, 0)\n", outcome));
    ASSERT_TRUE(write_file_atomically(file, text).has_value());
  }

  fs::path folder_;
};

TEST_F(CaseCommands, NewSetsFieldsOnTopOfGolden) {
  Flags flags;
  flags.profile = "full";
  ASSERT_EQ(
      case_new("vmx_entry", {"GUEST_CR4=0x20", "CONTEXT=resume|launched", "CR3_PDPTE[1]=5"}, path("a.case"), flags),
      kClean);
  const Case c = only_case(path("a.case"));
  EXPECT_EQ(c.schema->profiles[c.profile].name, "full");
  EXPECT_EQ(c.v[vmx::GuestCr4], 0x20u);
  EXPECT_EQ(c.v[vmx::Context], 3u);
  EXPECT_EQ(c.v[vmx::Cr3Pdpte + 1], 5u);
}

TEST_F(CaseCommands, NewRefusesWhatIsNoAssignment) {
  for (const char* bad :
       {"GUEST_CR4", "NO_SUCH=1", "GUEST_CR4=x", "PIN=0x100000000", "CR3_PDPTE[4]=0", "=1", "GUEST_CR4=1\n---"})
    EXPECT_EQ(case_new("vmx_entry", {bad}, path("a.case"), {}), kCannot) << bad;
  EXPECT_EQ(case_new("vmx_entry", {"PIN=1", "PIN=2"}, path("a.case"), {}), kCannot);
  EXPECT_EQ(case_new("no_such", {}, path("a.case"), {}), kCannot);
  EXPECT_FALSE(fs::exists(path("a.case")));
}

TEST_F(CaseCommands, BinaryAndBack) {
  ASSERT_EQ(case_new("vmx_entry", {"GUEST_CR4=0x20", "VPID=7"}, path("a.case"), {}), kClean);
  ASSERT_EQ(case_encode(path("a.case"), path("a.bin")), kClean);
  ASSERT_EQ(case_decode(path("a.bin"), "vmx_entry", path("b.case")), kClean);
  EXPECT_EQ(only_case(path("a.case")), only_case(path("b.case")));
  EXPECT_EQ(case_decode(path("a.bin"), "no_such", path("c.case")), kCannot);
  EXPECT_EQ(case_encode(path("missing.case"), path("c.bin")), kCannot);
  const std::string two = content(path("a.case")) + content(path("b.case"));
  ASSERT_TRUE(write_file_atomically(path("two.case"), two).has_value());
  EXPECT_EQ(case_encode(path("two.case"), path("c.bin")), kCannot);
}

TEST_F(CaseCommands, MigrateRewritesWhatStillHolds) {
  write_stale(path("old.case"), "entry_failure(33, 0)");
  EXPECT_FALSE(load_cases({path("old.case")}).has_value());
  EXPECT_EQ(case_migrate({folder_.string()}, {}), kClean);
  const auto now = load_cases({path("old.case")});
  ASSERT_TRUE(now.has_value()) << now.error().text();
  const auto& expect = (*now)[0].stored.expect;
  ASSERT_EQ(expect.size(), 2u);
  EXPECT_NE(expect[0].version, "old");  // vmx.arch was asked again
  EXPECT_EQ(expect[1].version, "2.7");  // what an emulator said stays what it said
  const std::string migrated = content(path("old.case"));
  EXPECT_EQ(case_migrate({path("old.case")}, {}), kClean);
  EXPECT_EQ(content(path("old.case")), migrated);
}

TEST_F(CaseCommands, MigrateRenewsWhatAnotherVersionOfAModelSaid) {
  write_stale(path("old.case"), "entry_failure(33, 0)");
  ASSERT_EQ(case_migrate({path("old.case")}, {}), kClean);
  const std::string current = content(path("old.case"));
  std::string text = current;
  const auto at = text.find("expect vmx.arch ") + 16;
  text.replace(at, text.find(" =", at) - at, "older");
  ASSERT_TRUE(write_file_atomically(path("old.case"), text).has_value());
  EXPECT_EQ(case_migrate({path("old.case")}, {}), kClean);
  EXPECT_EQ(content(path("old.case")), current);
}

TEST_F(CaseCommands, MigrateLeavesAChangedVerdict) {
  write_stale(path("old.case"), "entered(52)");
  const std::string before = content(path("old.case"));
  EXPECT_EQ(case_migrate({path("old.case")}, {}), kDivergence);
  EXPECT_EQ(content(path("old.case")), before);
}

}  // namespace
}  // namespace diffvisor::cli
