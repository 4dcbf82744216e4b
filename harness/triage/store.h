// SPDX-License-Identifier: Apache-2.0
// A directory of findings that any number of processes may share: one JSON file per bucket, and beside it the smallest
// case as a file to replay.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "harness/triage/record.h"

namespace diffvisor::triage {

// Every write replaces a whole file under a lock of the directory that dies with its process, after merging with what
// is there. An error is returned, and nothing that was there is damaged.
class Store {
 public:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Creates the directory; removes what writers that were killed left half written.
  Result<void> open() const;
  // `schemas` tell how to write the case with its story and expectations; a case of none of them is written as it is.
  Result<void> add(const Record& record, std::span<const Schema* const> schemas) const;
  // All records, by bucket. A file that is damaged is an error; JSON files about something else are passed over.
  Result<std::vector<Record>> load() const;
  // For other files of a campaign that several processes write: all or nothing, and never smaller than what is there.
  // `is_later(old, new)`: whether the new text replaces the old.
  Result<void> replace_if(const std::string& name, const std::string& content,
                          bool (*is_later)(const std::string& old, const std::string& now)) const;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

}  // namespace diffvisor::triage
