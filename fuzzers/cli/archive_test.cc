// SPDX-License-Identifier: Apache-2.0
// Cases inside zip and tar archives, and archives that are none.
#include "fuzzers/cli/archive.h"

#include <filesystem>
#include <fstream>

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() {
    std::string pattern = (fs::temp_directory_path() / "diffvisor_archive.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~ArchiveTest() override {
    std::error_code ec;
    fs::remove_all(directory_, ec);
  }

  fs::path pack(const char* name, int (*format)(archive*), const std::vector<Member>& members) {
    archive* a = archive_write_new();
    format(a);
    const fs::path path = directory_ / name;
    EXPECT_EQ(archive_write_open_filename(a, path.c_str()), ARCHIVE_OK);
    for (const Member& m : members) {
      archive_entry* e = archive_entry_new();
      archive_entry_set_pathname(e, m.name.c_str());
      archive_entry_set_size(e, static_cast<la_int64_t>(m.content.size()));
      archive_entry_set_filetype(e, AE_IFREG);
      archive_entry_set_perm(e, 0644);
      EXPECT_EQ(archive_write_header(a, e), ARCHIVE_OK);
      archive_write_data(a, m.content.data(), m.content.size());
      archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
    return path;
  }

  fs::path directory_;
};

TEST_F(ArchiveTest, HoldsCasesInTheOrderOfTheirNames) {
  const std::vector<Member> members = {
      {"b/two.case", "2"}, {"notes.txt", "no"}, {"a/one.case", std::string(100000, '1')}};
  for (const auto& path : {pack("x.zip", &archive_write_set_format_zip, members),
                           pack("x.tar", &archive_write_set_format_pax_restricted, members)}) {
    EXPECT_TRUE(is_archive(path));
    const auto found = cases_in_archive(path);
    ASSERT_TRUE(found) << found.error().text();
    ASSERT_EQ(found->size(), 2u);
    EXPECT_EQ((*found)[0].name, "a/one.case");
    EXPECT_EQ((*found)[0].content.size(), 100000u);
    EXPECT_EQ((*found)[1].content, "2");
  }
}

TEST_F(ArchiveTest, WhatIsNoneIsAnError) {
  std::ofstream(directory_ / "garbage.zip") << "this is no archive at all, whatever its name says";
  EXPECT_FALSE(cases_in_archive(directory_ / "garbage.zip"));
  EXPECT_FALSE(cases_in_archive(directory_ / "absent.zip"));
  EXPECT_FALSE(is_archive("x.case"));
  const fs::path whole = pack("x.zip", &archive_write_set_format_zip, {{"a.case", std::string(50000, 'x')}});
  fs::resize_file(whole, 60);
  EXPECT_FALSE(cases_in_archive(whole));
}

TEST_F(ArchiveTest, WhatUnpacksToTooMuchIsAnError) {
  std::vector<Member> members;
  for (int i = 0; i < 9; ++i) members.push_back({"a" + std::to_string(i) + ".case", std::string(32u << 20, '\0')});
  const fs::path path = pack("x.zip", &archive_write_set_format_zip, members);
  ASSERT_LT(fs::file_size(path), 2u << 20);
  const auto found = cases_in_archive(path);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().text().find("unpacks to more"), std::string::npos);
}

}  // namespace
}  // namespace diffvisor::cli
