// SPDX-License-Identifier: Apache-2.0
// diffvisor triage: findings of any number of campaigns and machines merged, blamed and reported.
#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/finding_directories.h"
#include "fuzzers/rule_lines.h"
#include "reports/findings.h"

namespace diffvisor::cli {
namespace {

reports::FindingsReport report_of(Findings findings) {
  reports::FindingsReport r;
  r.records = std::move(findings.records);
  r.runs = std::move(findings.runs);
  r.program = version_text();
  for (const triage::Record& record : r.records)
    for (const triage::RuleText& rule : record.smallest.rules) {
      const std::string id = reports::without_entry(rule.id);
      if (const auto line = rule_line(id)) r.lines[id] = {line->file, line->line};
    }
  return r;
}

Result<void> write_if_wanted(const std::string& where, const std::string& content) {
  return where.empty() ? Result<void>{} : write_output(where, content);
}

Result<void> write_all(const TriageOutputs& to, const reports::FindingsReport& report) {
  const auto later = [](Result<void> done, const std::string& where, auto make) {
    return done && !where.empty() ? write_if_wanted(where, make()) : done;
  };
  Result<void> done;
  done = later(done, to.json, [&] { return reports::findings_json(report).dump(1) + "\n"; });
  done = later(done, to.markdown, [&] { return reports::findings_markdown(report); });
  done = later(done, to.junit, [&] { return reports::findings_junit(report); });
  return done;
}

}  // namespace

int triage(const std::vector<std::string>& directories, const std::string& out, const TriageOutputs& to) {
  auto findings = load_findings(directories);
  if (!findings) return complain(findings.error());
  if (!out.empty()) {
    if (auto stored = store_findings(*findings, out); !stored) return complain(stored.error());
    findings = load_findings({out});
    if (!findings) return complain(findings.error());
  }
  const reports::FindingsReport report = report_of(std::move(*findings));
  if (!to.uses_stdout()) fmt::print("{}", reports::findings_text(report));
  if (auto wrote = write_all(to, report); !wrote) return complain(wrote.error());
  return report.records.empty() ? kClean : kDivergence;
}

}  // namespace diffvisor::cli
