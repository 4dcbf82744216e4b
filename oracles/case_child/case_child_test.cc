// SPDX-License-Identifier: Apache-2.0
#include "oracles/case_child/case_child.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

#include <gtest/gtest.h>

namespace diffvisor::case_child {
namespace {

constexpr std::uint64_t kCrash = 1000, kHang = 1001, kExit = 1002;

class Tripler : public Server {
 public:
  const char* start() override { return nullptr; }
  void serve(const Work& w) override {
    for (std::size_t i = 0; i < w.count; ++i) {
      *w.cursor = static_cast<std::uint32_t>(i);
      std::uint64_t x;
      std::memcpy(&x, w.cases + 8 * i, 8);
      if (x == kCrash) ::raise(SIGSEGV);
      if (x == kExit) ::_exit(3);
      for (volatile int spin = 1; x == kHang && spin != 0;) continue;
      x *= 3;
      std::memcpy(w.results + 8 * i, &x, 8);
    }
  }
};

class Refuser : public Tripler {
 public:
  const char* start() override { return "no such device"; }
};

Spec spec() {
  Spec s;
  s.name = "tripler";
  s.case_bytes = s.result_bytes = 8;
  s.most_cases = 10;
  s.make_server = [] { return std::make_unique<Tripler>(); };
  s.hang_cpu = std::chrono::milliseconds(50);
  return s;
}

Batch batch_of(std::span<const std::uint64_t> items) {
  Batch b;
  b.count = items.size();
  b.input.resize(8 * items.size());
  std::ranges::copy(std::as_bytes(items), b.input.begin());
  return b;
}

std::uint64_t result(const Batch& b, std::size_t i) {
  std::uint64_t x;
  std::memcpy(&x, b.results.data() + 8 * i, 8);
  return x;
}

TEST(CaseChild, BatchesLargerThanAPieceAndMoreThanThereAreSlots) {
  auto child = CaseChild::start(spec());
  ASSERT_TRUE(child);
  std::vector<Batch> batches;
  for (std::uint64_t n = 0; n < 6; ++n) batches.push_back(batch_of(std::vector<std::uint64_t>(n * 13, n)));
  for (Batch& b : batches) (*child)->submit(b);
  for (std::uint64_t n = 0; n < 6; ++n) {
    ASSERT_TRUE((*child)->collect());
    for (std::size_t i = 0; i < batches[n].count; ++i) ASSERT_EQ(result(batches[n], i), 3 * n);
  }
  EXPECT_EQ((*child)->counts().starts, 1u);
}

TEST(CaseChild, TheGuiltyAreNamedAndTheOthersGetTheirResults) {
  auto child = CaseChild::start(spec());
  ASSERT_TRUE(child);
  Batch first = batch_of(std::vector<std::uint64_t>{1, kCrash, 2, kHang, 3, kExit, 4}),
        second = batch_of(std::vector<std::uint64_t>{5, 6});
  (*child)->submit(first);
  (*child)->submit(second);
  ASSERT_TRUE((*child)->collect());
  ASSERT_TRUE((*child)->collect());
  const std::string_view deaths[] = {"", "crash", "", "hang", "", "exit", ""};
  const std::uint64_t results[] = {3, 0, 6, 0, 9, 0, 12};
  for (std::size_t i = 0; i < first.count; ++i) {
    EXPECT_EQ(first.deaths[i], deaths[i]) << i;
    if (deaths[i].empty()) {
      EXPECT_EQ(result(first, i), results[i]) << i;
    }
  }
  EXPECT_EQ(result(second, 1), 18u);
  EXPECT_EQ((*child)->counts().deaths_confirmed, 3u);
}

TEST(CaseChild, AChildKilledByOthersIsReplaced) {
  auto child = CaseChild::start(spec());
  ASSERT_TRUE(child);
  ::kill((*child)->pid(), SIGKILL);
  Batch b = batch_of(std::vector<std::uint64_t>{7});
  (*child)->submit(b);
  ASSERT_TRUE((*child)->collect());
  EXPECT_EQ(result(b, 0), 21u);
  EXPECT_EQ(b.deaths[0], "");
  EXPECT_EQ((*child)->counts().starts, 2u);
}

TEST(CaseChild, ARefusalIsAnErrorWithItsReason) {
  Spec s = spec();
  s.make_server = [] { return std::make_unique<Refuser>(); };
  const auto child = CaseChild::start(s);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().text(), "tripler: no such device");
}

}  // namespace
}  // namespace diffvisor::case_child
