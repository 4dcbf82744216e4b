// SPDX-License-Identifier: Apache-2.0
// Eight processes at once, killed writers, a full disk, damaged files: no finding is lost or half written.
#include "harness/triage/store.h"

#include <csignal>
#include <fstream>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "harness/case/text.h"
#include "harness/compare/toy_domain.h"
#include "harness/triage/describe.h"

namespace diffvisor::triage {
namespace {

namespace fs = std::filesystem;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = (fs::temp_directory_path() / "diffvisor_store.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~StoreTest() override {
    std::error_code ec;
    fs::remove_all(directory_, ec);
  }
  Store store() const { return Store(directory_ / "findings"); }

  fs::path directory_;
};

std::span<const Schema* const> schemas() {
  static const Schema* const kAll[] = {&toy::schema()};
  return kAll;
}

Record record(std::string bucket, std::string origin, std::uint64_t count, std::uint64_t value = 1) {
  Record r;
  r.bucket = std::move(bucket);
  r.domain = "toy";
  r.smallest.size = {0, 1, 0, 0, value};
  r.smallest.case_text = encode_text(StoredCase{"", toy::toy_case(value, 0), {}, false});
  r.smallest.sentence = "box does not enforce toy.a";
  r.smallest.executor = "box";
  r.said = {{"box", "2.7", "done", Trust::Independent, compare::VerdictKind::Divergence}};
  r.origins[std::move(origin)].count = count;
  return r;
}

std::string bucket_name(std::uint64_t i) { return fmt::format("toy.box.accepts.{}", static_cast<char>('a' + i)); }

TEST_F(StoreTest, KeepsWhatItIsGiven) {
  ASSERT_TRUE(store().open());
  ASSERT_TRUE(store().add(record("toy.box.b", "x", 1), schemas()));
  ASSERT_TRUE(store().add(record("toy.box.a", "x", 2, 7), schemas()));
  ASSERT_TRUE(store().add(record("toy.box.a", "y", 3, 3), schemas()));
  const auto all = store().load();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].count(), 5u);
  EXPECT_EQ((*all)[0].smallest.size[4], 3u);
  // Beside it the case, with story and expectations.
  const auto text = read_file(directory_ / "findings" / "toy.box.a.case");
  ASSERT_TRUE(text);
  const auto cases = decode_text(*text, schemas(), "x");
  ASSERT_TRUE(cases) << cases.error().text();
  EXPECT_EQ(cases->front().story, "box does not enforce toy.a (toy.box.a)");
  EXPECT_EQ(cases->front().expect.at(0).outcome, "done");
}

constexpr int kProcesses = 8, kRounds = 40, kBuckets = 5;

// Each process finds every bucket and counts up, as a campaign does that saves again and again.
void write_like_a_campaign(const Store& store, int who) {
  for (int round = 1; round <= kRounds; ++round)
    for (std::uint64_t b = 0; b < kBuckets; ++b)
      if (!store.add(record(bucket_name(b), fmt::format("campaign {}", who), static_cast<std::uint64_t>(round),
                            static_cast<std::uint64_t>(1 + who)),
                     schemas()))
        _exit(1);
}

TEST_F(StoreTest, EightProcessesLoseNothing) {
  ASSERT_TRUE(store().open());
  std::vector<pid_t> children;
  for (int who = 0; who < kProcesses; ++who) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      write_like_a_campaign(store(), who);
      _exit(0);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const auto all = store().load();
  ASSERT_TRUE(all) << all.error().text();
  ASSERT_EQ(all->size(), std::size_t{kBuckets});
  for (const Record& r : *all) {
    EXPECT_EQ(r.origins.size(), std::size_t{kProcesses});
    EXPECT_EQ(r.count(), std::uint64_t{kProcesses} * kRounds);
    EXPECT_EQ(r.smallest.size[4], 1u);
  }
}

TEST_F(StoreTest, KilledWritersLeaveWholeFiles) {
  Rng rng(1);
  std::size_t leftovers = 0;
  std::map<std::string, std::uint64_t> before;
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(store().open());
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0)
      for (std::uint64_t n = static_cast<std::uint64_t>(round) * 1001;; ++n)
        if (!store().add(record(bucket_name(n % kBuckets), fmt::format("o{}", n % 7), n), schemas())) _exit(1);
    usleep(static_cast<useconds_t>(500 + rng.below(8000)));
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    for (const auto& f : fs::directory_iterator(directory_ / "findings"))
      leftovers += f.path().filename().string().find(".tmp.") != std::string::npos;
    const auto all = store().load();
    ASSERT_TRUE(all) << all.error().text();
    for (const Record& r : *all) {
      ASSERT_GE(r.count(), before[r.bucket]);
      before[r.bucket] = r.count();
    }
  }
  EXPECT_EQ(before.size(), std::size_t{kBuckets});
  EXPECT_GT(leftovers, 0u) << "no writer was killed while it wrote: this test shows nothing";
  ASSERT_TRUE(store().open());
  for (const auto& f : fs::directory_iterator(directory_ / "findings"))
    EXPECT_EQ(f.path().filename().string().find(".tmp."), std::string::npos) << "not swept";
}

TEST_F(StoreTest, AFullDiskDamagesNothing) {
  const fs::path disk = directory_ / "findings";
  fs::create_directories(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "a full disk cannot be mounted here";
  struct Unmount {
    fs::path p;
    ~Unmount() { umount(p.c_str()); }
  } unmount{disk};
  ASSERT_TRUE(store().open());
  std::uint64_t kept = 0;
  while (kept < 26 && store().add(record(bucket_name(kept), "x", 1), schemas())) ++kept;
  ASSERT_LT(kept, 26u) << "the disk did not fill";
  ASSERT_GT(kept, 1u);
  EXPECT_FALSE(
      store().add(record(bucket_name(0), "a campaign with quite a long name " + std::string(8192, 'x'), 1), schemas()));
  const auto all = store().load();
  ASSERT_TRUE(all) << all.error().text();
  // What could not be kept whole was not begun: the last one may have its JSON without its case.
  EXPECT_GE(all->size(), kept);
  for (const Record& r : *all) EXPECT_EQ(r.count(), 1u);
  for (const auto& f : fs::directory_iterator(disk))
    EXPECT_EQ(f.path().filename().string().find(".tmp."), std::string::npos);
}

TEST_F(StoreTest, OtherFilesOnlyGrow) {
  const auto longer = [](const std::string& old, const std::string& now) { return now.size() > old.size(); };
  ASSERT_TRUE(store().open());
  for (const char* text : {"12", "1234", "123"}) ASSERT_TRUE(store().replace_if("run.json", text, longer));
  EXPECT_EQ(read_file(directory_ / "findings" / "run.json").value_or(""), "1234");
}

TEST_F(StoreTest, ADamagedFileIsSaid) {
  ASSERT_TRUE(store().open());
  ASSERT_TRUE(store().add(record("toy.box.a", "x", 1), schemas()));
  std::ofstream(directory_ / "findings" / "report.json") << "{\"about\": \"something else\"}";
  ASSERT_TRUE(store().load());
  const fs::path file = directory_ / "findings" / "toy.box.a.json";
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_FALSE(store().load());
  EXPECT_FALSE(store().add(record("toy.box.a", "y", 1), schemas()));
}

TEST_F(StoreTest, ADirectoryThatIsNoneIsSaid) {
  std::ofstream(directory_ / "findings") << "x";
  EXPECT_FALSE(store().open());
  EXPECT_FALSE(store().load());
}

}  // namespace
}  // namespace diffvisor::triage
