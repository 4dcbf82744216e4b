// SPDX-License-Identifier: Apache-2.0
// A finding: one bucket with its smallest case, what each executor said, and the explanation; and the directory that
// keeps findings, one atomic file per bucket and form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/compare/explain.h"

namespace diffvisor::triage {

struct Said {
  std::string executor;
  std::string version;
  std::string outcome;  // outcome text, or why there is none
};

struct Finding {
  std::string bucket;
  compare::Explanation explanation;
  std::string executor;  // the one that differs from the reference
  Case smallest;
  std::vector<Said> said;
  std::uint64_t first_index = 0;  // campaign index of the first case
  std::uint64_t count = 0;        // cases that fell into the bucket
  std::uint64_t seed = 0;
  bool order_dependent = false;  // did not repeat alone or after another neighbour: quarantined, never a divergence
};

// Directory of findings. Writes are atomic; an error is returned and nothing that was there is damaged.
class Store {
 public:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Result<void> open() const;  // creates the directory
  Result<void> save(const Finding& finding, std::string_view domain) const;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

}  // namespace diffvisor::triage
