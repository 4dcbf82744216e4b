// SPDX-License-Identifier: Apache-2.0
// diffvisor compare: what two campaigns, versions or quirk sets find differently.
#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/finding_directories.h"
#include "reports/comparison.h"

namespace diffvisor::cli {

int compare(const std::string& before, const std::string& after, const Flags& flags) {
  reports::FindingsReport sides[2];
  for (const bool second : {false, true}) {
    auto found = load_findings({second ? after : before});
    if (!found) return complain(found.error());
    if (found->runs.empty())
      return complain({ErrorCode::Usage, second ? after : before, "holds no campaign that has ended"});
    sides[second].records = std::move(found->records);
    sides[second].runs = std::move(found->runs);
  }
  const auto changes = reports::compare(sides[0], sides[1]);
  if (flags.json != "-") fmt::print("{}", reports::comparison_text(changes));
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, reports::comparison_json(changes).dump(1) + "\n"); !wrote)
      return complain(wrote.error());
  for (const reports::BucketChange& c : changes)
    if (c.change == reports::Change::New || c.change == reports::Change::Blame || c.change == reports::Change::Flaky)
      return kDivergence;
  return kClean;
}

}  // namespace diffvisor::cli
