// SPDX-License-Identifier: Apache-2.0
// How good the minimiser is: findings picked by a seed, minimised as a campaign does it, compared with brute force.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fuzzers/minimise_score/brute_force.h"
#include "fuzzers/minimise_score/sample.h"

namespace diffvisor::minimise_score {

inline constexpr std::string_view kDomains[] = {"vmx_entry", "svm_entry", "x86_insn"};

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t findings = 200;
  std::uint64_t most = 2000000;  // cases that brute force may try for one finding
};

struct Scored {
  std::string_view domain;
  std::string quirk;
  std::string bucket;  // that the result shows
  Case found, result;
  std::uint64_t runs = 0;        // of the model under test, to minimise
  bool same_bucket = false;      // the result and the case that was found are counted there, by whomever
  std::optional<Case> one_step;  // a smaller case of the bucket, one step away
  Searched searched;

  bool is_minimal() const { return !one_step; }
  bool is_optimal() const { return !searched.smaller; }
  bool is_good() const { return same_bucket && is_minimal() && is_optimal(); }
};

Result<Scored> score(Pick pick, const Options& options);

class Tally {
 public:
  void add(const Scored& s);
  // All minimal and of the same bucket, and of twenty at least nineteen optimal.
  bool is_good() const { return minimal_ == all_ && same_ == all_ && optimal_ * 20 >= all_ * 19; }
  std::string text() const;

 private:
  std::uint64_t all_ = 0, optimal_ = 0, minimal_ = 0, same_ = 0, whole_ = 0, runs_ = 0, most_runs_ = 0;
  std::uint64_t fields_before_ = 0, bits_before_ = 0, fields_ = 0, bits_ = 0;
};

}  // namespace diffvisor::minimise_score
