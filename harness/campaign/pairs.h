// SPDX-License-Identifier: Apache-2.0
// Confirmation: an executor has confirmed rule k when it gives k's outcome for a case that breaks k alone, and gets
// past k's phase (enters, or fails for a reason that is judged later) for one that differs only in bits that k reads.
#pragma once

#include <optional>
#include <vector>

#include "harness/campaign/campaign.h"

namespace diffvisor::campaign {

class PairWatch {
 public:
  explicit PairWatch(const Domain& domain);

  // The rule that the case before (an even index) and this one (the odd index after it) confirm for executor e.
  std::optional<std::size_t> confirms(const Committed& now, std::size_t e) const;
  void remember(const Committed& k);

 private:
  std::optional<std::size_t> broken_alone(const compare::Reading& r) const;
  bool differ_only_in(const Case& a, const Case& b, std::size_t rule) const;

  const Domain* domain_;
  std::vector<rules::Locks> reads_;  // by rule
  rules::Locks facts_{};             // memory follows the addresses that name it
  std::uint64_t index_ = ~std::uint64_t{0} - 1;
  Case before_;
  std::uint8_t phase_before_ = 0;
  std::vector<bool> agreed_;
};

}  // namespace diffvisor::campaign
