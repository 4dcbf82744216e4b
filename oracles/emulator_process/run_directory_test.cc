// SPDX-License-Identifier: Apache-2.0
#include "oracles/emulator_process/run_directory.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace diffvisor::emulator {
namespace {

namespace fs = std::filesystem;

class RunDirectoryTest : public ::testing::Test {
 protected:
  RunDirectoryTest() {
    std::string name = (fs::path(::testing::TempDir()) / "dv_run_XXXXXX").string();
    parent = ::mkdtemp(name.data());
  }
  ~RunDirectoryTest() override { fs::remove_all(parent); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(parent), fs::directory_iterator()));
  }
  fs::path parent;
};

TEST_F(RunDirectoryTest, IsPrivateAndGoesWithItsOwner) {
  {
    const auto directory = RunDirectory::make(parent);
    ASSERT_TRUE(directory);
    EXPECT_TRUE(directory->path().filename().string().starts_with("diffvisor." + std::to_string(::getpid()) + "."));
    EXPECT_EQ(fs::status(directory->path()).permissions(), fs::perms::owner_all);
    std::ofstream(directory->path() / "file") << "x";
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(RunDirectoryTest, TwoLiveOnesDoNotSweepEachOther) {
  const auto first = RunDirectory::make(parent), second = RunDirectory::make(parent);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(fs::exists(first->path()));
  EXPECT_TRUE(fs::exists(second->path()));
}

TEST_F(RunDirectoryTest, WhatAKilledOwnerLeftIsSwept) {
  const pid_t owner = ::fork();
  if (owner == 0) {
    const auto directory = RunDirectory::make(parent);
    if (directory) std::ofstream(directory->path() / "file") << "x";
    ::raise(SIGKILL);
  }
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  ASSERT_EQ(entries(), 1u);
  const auto mine = RunDirectory::make(parent);
  ASSERT_TRUE(mine);
  EXPECT_EQ(entries(), 1u);
  EXPECT_TRUE(fs::exists(mine->path()));
}

TEST_F(RunDirectoryTest, StrangersAreNotTouched) {
  fs::create_directory(parent / "diffvisor.conf");
  fs::create_directory(parent / "other.1.0");
  const auto mine = RunDirectory::make(parent);
  EXPECT_TRUE(fs::exists(parent / "diffvisor.conf"));
  EXPECT_TRUE(fs::exists(parent / "other.1.0"));
}

TEST_F(RunDirectoryTest, AKeptOneStays) {
  fs::path kept;
  {
    auto directory = RunDirectory::make(parent);
    ASSERT_TRUE(directory);
    directory->keep();
    kept = directory->path();
  }
  sweep_run_directories(parent);
  EXPECT_TRUE(fs::exists(kept));
}

TEST_F(RunDirectoryTest, AParentThatDoesNotExistIsAnError) {
  const auto directory = RunDirectory::make(parent / "missing");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::Environment);
}

}  // namespace
}  // namespace diffvisor::emulator
