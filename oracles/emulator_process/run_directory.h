// SPDX-License-Identifier: Apache-2.0
// A private directory for the files of one run, removed with its owner; what a killed owner left is swept by the next.
#pragma once

#include <filesystem>

#include "harness/base/result.h"

namespace diffvisor::emulator {

// $XDG_RUNTIME_DIR, else $TMPDIR, else the system's place for temporary files.
std::filesystem::path default_run_parent();

// `parent`/diffvisor.<pid>.<n>. The owner holds a lock on a file in it, so a sweep by any process never hits a live
// one.
class RunDirectory {
 public:
  // Sweeps first.
  static Result<RunDirectory> make(const std::filesystem::path& parent = default_run_parent());

  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  // Leaves the files to a person: neither the destructor nor a sweep takes them.
  void keep();

 private:
  RunDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  void remove();

  std::filesystem::path path_;
  int lock_ = -1;
  bool keep_ = false;
};

// Removes the directories below `parent` whose owners are dead.
void sweep_run_directories(const std::filesystem::path& parent);

}  // namespace diffvisor::emulator
