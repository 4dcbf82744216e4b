// SPDX-License-Identifier: Apache-2.0
#include "reports/findings.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/junit.h"

namespace diffvisor::reports {
namespace {

using Json = nlohmann::ordered_json;
using triage::Record;

// A table cell ends at a bar and a line.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// Code spans end at a backtick, and there is no escaping in them.
std::string code(std::string_view text) {
  std::string inner = cell(text);
  std::ranges::replace(inner, '`', '\'');
  return "`" + inner + "`";
}

std::string groups_text(const Record& r) {
  std::string out;
  for (const triage::Group& g : triage::groups_of(r.said))
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", fmt::join(g.executors, ", "), g.outcome);
  return out;
}

std::string first_markdown(const compare::FirstDivergence& d) {
  if (d.fields.empty()) return {};
  std::string out = fmt::format("\n| {} | reference | seen | bits |\n|---|---|---|---|\n",
                                d.steps > 1 ? fmt::format("step {} of {}", d.step, d.steps) : "differs in");
  const std::size_t shown = std::min(kMostFirstFields, d.fields.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const compare::FieldView& f = d.fields[i];
    out += fmt::format("| {} | {} | {} | {} |\n", cell(f.field), code(f.reference), code(f.seen), cell(f.bits));
  }
  return shown < d.fields.size() ? out + fmt::format("| and {} more | | | |\n", d.fields.size() - shown) : out;
}

std::string markdown_of(const FindingsReport& report, const Record& r) {
  const triage::Blame b = r.blame();
  std::string out = fmt::format("### {}\n\n{}\n\n**Suspect:** {} ({})\n\n", code(r.bucket), cell(r.smallest.sentence),
                                suspect_text(b), cell(b.reason));
  out += "| executor | version | says |\n|---|---|---|\n";
  for (const triage::Said& s : r.said)
    out += fmt::format("| {} | {} | {} |\n", cell(s.executor), cell(s.version), code(s.outcome));
  out += fmt::format("\nThe smallest case {}.\n", cell(r.smallest.golden)) + first_markdown(r.smallest.first);
  if (!r.smallest.listing.empty()) out += fmt::format("\n```\n{}```\n", r.smallest.listing);
  for (const triage::RuleText& rule : r.smallest.rules) {
    const auto line = report.lines.find(without_entry(rule.id));
    out += fmt::format("\nRule {} (section {}{})", code(rule.id), cell(rule.section),
                       line == report.lines.end() ? "" : fmt::format(", {}:{}", line->second.file, line->second.line));
    if (!rule.must.empty())
      out +=
          fmt::format(": where {} it must hold that {}, else {}", code(rule.when), code(rule.must), code(rule.outcome));
    out += rule.edit.empty() ? fmt::format(". It decides the case: {}.\n", code(rule.outcome))
                             : fmt::format(". The difference: {}.\n", code(rule.edit));
  }
  const triage::Origin& o = r.first();
  out += fmt::format(
      "\nSeen {} times in {} campaigns, first as case {} of seed {} ({}).\n\n```\n{}\n```\n\n<details>"
      "<summary>the case</summary>\n\n```\n{}```\n\n</details>\n",
      grouped(r.count()), r.origins.size(), o.first_index, o.seed, cell(o.program), fmt::join(commands_for(r), "\n"),
      r.smallest.case_text);
  return out;
}

}  // namespace

std::string without_entry(const std::string& rule) { return rule.substr(0, rule.find('[')); }

std::vector<const Record*> in_order(const FindingsReport& report) {
  std::vector<const Record*> out;
  for (const Record& r : report.records) out.push_back(&r);
  std::ranges::sort(out, [](const Record* a, const Record* b) {
    const auto key = [](const Record& r) { return std::tuple(r.smallest.order_dependent, ~r.count()); };
    return std::tuple(key(*a), std::string_view(a->bucket)) < std::tuple(key(*b), std::string_view(b->bucket));
  });
  return out;
}

std::string suspect_text(const triage::Blame& b) {
  if (b.suspect == triage::Suspect::Executor) return b.who;
  if (b.suspect == triage::Suspect::Model) return "model " + b.who;
  return std::string(triage::suspect_name(b.suspect));
}

std::vector<std::string> commands_for(const Record& r) {
  const std::string file = triage::file_stem(r.bucket) + ".case";
  std::vector<std::string> names;
  for (const triage::Said& s : r.said)
    if (std::ranges::find(names, s.executor) == names.end()) names.push_back(s.executor);
  const triage::Origin& o = r.first();
  const std::string quirk = o.quirk.empty() ? "" : " --quirk " + o.quirk;
  const std::string all = fmt::format("{}", fmt::join(names, ","));
  return {fmt::format("diffvisor replay {}{}", file, quirk),
          fmt::format("diffvisor show {} --executors {}{}", file, all, quirk),
          fmt::format("diffvisor fuzz {} --executors {} --profile {} --seed {} --first {} --cases 1{}", r.domain, all,
                      o.profile, o.seed, o.first_index, quirk)};
}

std::string findings_text(const FindingsReport& report) {
  std::string out;
  for (const Record* r : in_order(report)) {
    const triage::Blame b = r->blame();
    const std::string first = compare::divergence_line(r->smallest.first);
    out += fmt::format(
        "{}\n  {}\n  {}\n  {}\n{}  suspect {}: {}\n  {} cases in {} campaigns{}\n\n", r->bucket, r->smallest.sentence,
        r->smallest.golden, groups_text(*r), first.empty() ? "" : "  " + first + "\n", suspect_text(b), b.reason,
        grouped(r->count()), r->origins.size(),
        r->suspects.size() > 1 ? fmt::format("; suspected at times: {}", fmt::join(r->suspects, ", ")) : "");
  }
  std::set<std::string> causes;
  std::uint64_t cases = 0;
  for (const Record& r : report.records) {
    causes.insert(triage::same_cause(r));
    cases += r.count();
  }
  return out + fmt::format("{} findings, {} causes, {} cases, {} campaigns\n", report.records.size(), causes.size(),
                           grouped(cases), report.runs.size());
}

Json findings_json(const FindingsReport& report) {
  Json j = {{"format", "diffvisor.findings.1"}, {"program", report.program}};
  j["findings"] = Json::array();
  for (const Record* r : in_order(report)) j["findings"].push_back(Json::parse(triage::record_json(*r)));
  j["runs"] = Json::array();
  for (const Run& run : report.runs) j["runs"].push_back(Json::parse(run_json(run)));
  return j;
}

std::string findings_markdown(const FindingsReport& report) {
  constexpr std::size_t kMost = 50;  // an issue nobody scrolls through helps nobody
  const auto all = in_order(report);
  std::string out =
      fmt::format("## {}\n\n| bucket | suspect | cases | difference |\n|---|---|---|---|\n", report.title);
  const std::size_t shown = std::min(kMost, all.size());
  for (std::size_t i = 0; i < shown; ++i)
    out += fmt::format("| {} | {} | {} | {} |\n", code(all[i]->bucket), cell(suspect_text(all[i]->blame())),
                       grouped(all[i]->count()), cell(all[i]->smallest.golden));
  if (shown < all.size()) out += fmt::format("\n{} more are left out here.\n", all.size() - shown);
  for (std::size_t i = 0; i < shown; ++i) out += "\n" + markdown_of(report, *all[i]);
  return out;
}

std::string findings_junit(const FindingsReport& report) {
  std::vector<ReplayRow> rows;
  for (const Record* r : in_order(report)) {
    ReplayRow row;
    row.suite = r->domain;
    row.name = r->bucket;
    row.story = fmt::format("{}\n{}\nsuspect {}: {}\n{}", r->smallest.sentence, r->smallest.golden,
                            suspect_text(r->blame()), r->blame().reason, fmt::join(commands_for(*r), "\n"));
    row.failure = fmt::format("{} ({} cases)", r->smallest.sentence, r->count());
    rows.push_back(std::move(row));
  }
  for (const Run& run : report.runs) {
    ReplayRow row;
    row.suite = run.domain;
    row.name = "campaign " + run.id;
    row.seconds = run.seconds;
    rows.push_back(std::move(row));
  }
  return junit_xml(rows);
}

}  // namespace diffvisor::reports
