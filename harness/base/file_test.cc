// SPDX-License-Identifier: Apache-2.0
// Writing is all or nothing, whatever stands in the way; reading says what is wrong.
#include "harness/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

namespace {
int g_syncs = 0;
bool g_sync_fails = false;
}  // namespace

// In the place of the C library's.
extern "C" int fsync(int fd) {
  ++g_syncs;
  if (!g_sync_fails) return static_cast<int>(::syscall(SYS_fsync, fd));
  errno = EIO;
  return -1;
}

namespace diffvisor {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  File() : directory_(fs::temp_directory_path() / ("file_test." + std::to_string(::getpid()))) {
    fs::create_directories(directory_);
  }
  ~File() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  std::string content(const char* name) const { return read_file(directory_ / name).value_or("(unreadable)"); }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(directory_), fs::directory_iterator()); }

  fs::path directory_;
};

TEST_F(File, WritesAndReplaces) {
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "old\n"));
  EXPECT_EQ(content("a"), "old\n");
  ASSERT_TRUE(write_file_atomically(directory_ / "a", large));
  EXPECT_EQ(content("a"), large);
  ASSERT_TRUE(write_file_atomically(directory_ / "a", ""));
  EXPECT_EQ(content("a"), "");
  EXPECT_EQ(entries(), 1) << "no temporary file is left";
}

TEST_F(File, WhatCannotBeWrittenLeavesNothingBehind) {
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "old\n"));
  for (const fs::path& path : {directory_ / "absent" / "f", directory_ / "a" / "f"}) {
    const auto failed = write_file_atomically(path, "new");
    ASSERT_FALSE(failed) << path;
    EXPECT_EQ(failed.error().code, ErrorCode::Io);
    EXPECT_EQ(failed.error().place, path.string());
  }
  fs::create_directories(directory_ / "d" / "inside");
  EXPECT_FALSE(write_file_atomically(directory_ / "d", "new")) << "a directory is not replaced";
  EXPECT_TRUE(fs::is_directory(directory_ / "d" / "inside"));
  EXPECT_EQ(content("a"), "old\n");
  EXPECT_EQ(entries(), 2) << "no temporary file is left";
}

// A disk says late that it could not take what was written.
TEST_F(File, WhatCannotBeSyncedIsNotReplaced) {
  g_syncs = 0;
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "old"));
  EXPECT_EQ(g_syncs, 1);
  g_sync_fails = true;
  EXPECT_FALSE(write_file_atomically(directory_ / "a", "new"));
  g_sync_fails = false;
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(entries(), 1);
}

// Of a process that was killed and had the same number.
TEST_F(File, ALeftoverDoesNotShowThrough) {
  ASSERT_TRUE(write_file_atomically(directory_ / ("a.tmp." + std::to_string(::getpid())), "longer than what comes"));
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "short"));
  EXPECT_EQ(content("a"), "short");
  EXPECT_EQ(entries(), 1);
}

// Without any lock: whoever comes last wins, and nobody sees a mixture.
TEST_F(File, WritersOfOneFileDoNotMix) {
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "0"));
  std::vector<pid_t> children;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      bool good = true;
      for (std::size_t i = 0; i < 100 && good; ++i)
        good = write_file_atomically(directory_ / "a", std::string(200000 + 1000 * i, letter)).has_value();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (int i = 0; i < 200; ++i) {
    const std::string seen = content("a");
    ASSERT_EQ(seen.find_first_not_of(seen[0]), std::string::npos);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(File, ASymbolicLinkStaysOneAndItsFileIsReplaced) {
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "old"));
  fs::create_symlink("a", directory_ / "link");
  ASSERT_TRUE(write_file_atomically(directory_ / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(directory_ / "link"));
  EXPECT_EQ(content("a"), "new");
}

TEST_F(File, APipeIsWrittenAndNotReplaced) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int end = ::open(pipe.c_str(), O_RDWR);  // a reader, so that the writer does not wait for one
  ASSERT_GE(end, 0);
  ASSERT_TRUE(write_file_atomically(pipe, "through"));
  char seen[8] = {};
  EXPECT_EQ(::read(end, seen, 7), 7);
  EXPECT_STREQ(seen, "through");
  ::close(end);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(entries(), 1);
}

TEST_F(File, ReadingStopsAtTheLimit) {
  ASSERT_TRUE(write_file_atomically(directory_ / "a", std::string(100, 'x')));
  EXPECT_TRUE(read_file(directory_ / "a", 100));
  const auto large = read_file(directory_ / "a", 99);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().text(), (directory_ / "a").string() + ": larger than 99 bytes");
  EXPECT_FALSE(read_file("/dev/zero", 1 << 20)) << "an endless file ends at the limit";
}

TEST_F(File, WhatCannotBeReadIsAnError) {
  const auto absent = read_file(directory_ / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::Io);
  EXPECT_NE(absent.error().text().find("absent: cannot read: "), std::string::npos);
  EXPECT_FALSE(read_file(directory_));
}

}  // namespace
}  // namespace diffvisor
