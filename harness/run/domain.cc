// SPDX-License-Identifier: Apache-2.0
#include "harness/run/domain.h"

#include <fmt/format.h>

namespace diffvisor {

std::string observation_text(const Domain& domain, const Observation& o) {
  switch (o.status) {
    case Status::Ran:
      return domain.observation->outcome_text(o.outcome);
    case Status::Incomparable:
      return fmt::format("incomparable({})", o.reason);
    case Status::Died:
      return fmt::format("died({})", o.reason);
  }
  return {};
}

}  // namespace diffvisor
