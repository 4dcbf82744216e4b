// SPDX-License-Identifier: Apache-2.0
// diffvisor oracles: what is available on this machine, with versions, and why the rest is not.
#include <fmt/format.h>

#include "diffvisor_version.h"
#include "fuzzers/cli/commands.h"
#include "reports/campaign.h"

namespace diffvisor::cli {
namespace {

std::string_view trust_text(Trust t) {
  switch (t) {
    case Trust::Reference:
      return "reference: our reading of the manual";
    case Trust::Independent:
      return "independent: votes and confirms";
    case Trust::Transcription:
      return "transcription only: never votes, never confirms";
    case Trust::Recorded:
      return "recorded";
  }
  return "";
}

}  // namespace

int list_oracles(const Flags& flags) {
  for (const DomainEntry& entry : domains()) {
    fmt::print("{}: {}\n", entry.domain->name, entry.domain->summary);
    const auto profile =
        flags.profile.empty() ? entry.domain->schema->profiles[0].name : std::string_view(flags.profile);
    for (const std::string_view name : entry.executors) {
      ExecutorRequest request;
      request.name = name;
      request.profile = profile;
      const auto executor = entry.make_executor(request);
      if (executor) {
        fmt::print("  {:<10} {:<16} {}\n", name, (*executor)->info().version, trust_text((*executor)->info().trust));
      } else {
        fmt::print("  {:<10} {:<16} {}\n", name, "unavailable", executor.error().text());
      }
    }
  }
  return kClean;
}

std::string version_text() {
  std::string out = fmt::format("diffvisor {} ({})\n", kVersion, kCommit[0] == '\0' ? "no commit" : kCommit);
  for (const DomainEntry& entry : domains()) {
    const reports::Provenance p = reports::provenance(*entry.domain, 0);
    out += fmt::format("{}: schema {}, golden {}, rules {}\n", entry.domain->name, p.schema, p.golden, p.rules);
    for (const ProfileSpec& s : entry.domain->schema->profiles)
      out += fmt::format("  profile {:<12} {:016x} {}\n", s.name,
                         profile_digest(*entry.domain->schema, *find_profile(*entry.domain->schema, s.name)), s.note);
  }
  return out;
}

}  // namespace diffvisor::cli
