// SPDX-License-Identifier: Apache-2.0
// What a divergence of behaviour is about, found by running cases that do less: the beginning of the case, the steps it
// needs, a plainer instruction in the same state, the same instruction in a state that lets it pass.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "harness/base/result.h"
#include "harness/compare/explain.h"

namespace diffvisor::campaign {

// What one executor says against the reference.
struct Divergent {
  Observation seen, reference;            // the second means something where there is a reference to compare with
  std::optional<std::size_t> differs_in;  // Judge::first_difference, where there is
  compare::Explanation explanation;
};

class Plainer {
 public:
  // Nothing if the case cannot be judged, or nothing new differs.
  using Judged = std::function<Result<std::optional<Divergent>>(const Case&)>;

  Plainer(const Domain& domain, Judged judged) : domain_(&domain), judged_(std::move(judged)) {}

  // c, which shows `shown`, or a case that does less and differs for the same reason; `shown` is then what that shows.
  Result<Case> plainest(Case c, Divergent& shown) const;

 private:
  using Accept = std::function<bool(const Divergent&)>;
  // The first of `cases` that differs as `accept` wants it takes the place of c.
  Result<bool> take(std::vector<Case> cases, const Accept& accept, Case& c, Divergent& shown) const;
  Result<bool> take_beginning(Case& c, Divergent& shown) const;
  Result<bool> take_fewer_steps(Case& c, Divergent& shown) const;
  Result<bool> take_stand_in(Case& c, Divergent& shown) const;
  Result<bool> take_unchecked(Case& c, Divergent& shown) const;

  const Domain* domain_;
  Judged judged_;
};

}  // namespace diffvisor::campaign
