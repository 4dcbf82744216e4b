// SPDX-License-Identifier: Apache-2.0
// diffvisor triage: findings of any number of campaigns and machines merged, blamed and reported.
#include <filesystem>

#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/finding_directories.h"
#include "fuzzers/rule_lines.h"
#include "reports/findings.h"
#include "reports/html.h"
#include "reports/sarif.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

reports::FindingsReport report_of(Findings findings) {
  reports::FindingsReport r;
  r.records = std::move(findings.records);
  r.runs = std::move(findings.runs);
  const reports::Provenance us = reports::provenance(*domains().front().domain, 0);
  r.program = us.commit.empty() ? us.version : us.version + " " + us.commit;
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

using Baseline = std::optional<std::vector<triage::Record>>;

Result<void> write_all(const TriageOutputs& to, const reports::FindingsReport& report, const Baseline& baseline) {
  const auto later = [](Result<void> done, const std::string& where, auto make) {
    return done && !where.empty() ? write_if_wanted(where, make()) : done;
  };
  Result<void> done;
  done = later(done, to.json, [&] { return reports::findings_json(report).dump(1) + "\n"; });
  done = later(done, to.markdown, [&] { return reports::findings_markdown(report); });
  done = later(done, to.junit, [&] { return reports::findings_junit(report); });
  done = later(done, to.sarif, [&] { return reports::findings_sarif(report, baseline); });
  if (to.html.empty()) return done;
  const std::string beside = fs::path(to.html).replace_extension(".json").string();
  done = later(done, to.html, [&] { return reports::findings_html(report, fs::path(beside).filename().string()); });
  return later(done, beside, [&] { return reports::findings_json(report).dump() + "\n"; });
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
  Baseline baseline;
  if (!to.baseline.empty()) {
    auto earlier = load_findings({to.baseline});
    if (!earlier) return complain(earlier.error());
    baseline = std::move(earlier->records);
  }
  const reports::FindingsReport report = report_of(std::move(*findings));
  if (!to.uses_stdout()) fmt::print("{}", reports::findings_text(report));
  if (auto wrote = write_all(to, report, baseline); !wrote) return complain(wrote.error());
  return report.records.empty() ? kClean : kDivergence;
}

}  // namespace diffvisor::cli
