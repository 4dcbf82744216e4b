// SPDX-License-Identifier: Apache-2.0
#include "reports/sarif.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace diffvisor::reports {
namespace {

using Json = nlohmann::ordered_json;
using triage::Record;
using triage::RuleText;

constexpr const char* kSchema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

// The rule a result is about: the one whose edit explains it, else a check that decides. What no check of ours explains
// is about the domain as a whole.
const RuleText* rule_of(const Record& r) {
  for (const RuleText& x : r.smallest.rules)
    if (!x.edit.empty()) return &x;
  for (const RuleText& x : r.smallest.rules)
    if (!x.must.empty()) return &x;
  return nullptr;
}

std::string rule_id(const Record& r) {
  const RuleText* rule = rule_of(r);
  return rule != nullptr ? without_entry(rule->id) : r.domain + "." + r.smallest.difference;
}

std::string_view level_of(const triage::Blame& b) {
  switch (b.suspect) {
    case triage::Suspect::Model:
      return "error";
    case triage::Suspect::Executor:
    case triage::Suspect::Undecided:
      return "warning";
    case triage::Suspect::SpecUnclear:
      return "note";
  }
  return {};
}

Json rule_json(const Record& r) {
  const RuleText* rule = rule_of(r);
  const std::string id = rule_id(r);
  if (rule == nullptr)
    return {{"id", id},
            {"shortDescription",
             {{"text", fmt::format("{}: {} what no rule of ours explains", r.domain, r.smallest.difference)}}},
            {"help",
             {{"text",
               "An executor differs from the reference and no edit of one of its rules says how. "
               "Compare the case with the golden one, and look for a rule that is missing."}}}};
  const std::string text =
      fmt::format("Where {} it must hold that {}. Otherwise: {}.", rule->when, rule->must, rule->outcome);
  const std::string markdown = fmt::format("Section {}.\n\nWhere `{}` it must hold that `{}`. Otherwise: `{}`.",
                                           rule->section, rule->when, rule->must, rule->outcome);
  return {{"id", id},
          {"shortDescription", {{"text", fmt::format("{}, section {}", id, rule->section)}}},
          {"fullDescription", {{"text", text}}},
          {"help", {{"text", "Section " + rule->section + ". " + text}, {"markdown", markdown}}},
          {"properties", {{"tags", {r.domain, triage::family_of(id)}}}}};
}

Json location_json(const FindingsReport& report, const Record& r) {
  const auto line = report.lines.find(rule_id(r));
  const bool found = line != report.lines.end();
  // A result without a place is dropped by the pages that show results.
  const std::string uri = found ? line->second.file : "models/README.md";
  return {{"physicalLocation",
           {{"artifactLocation", {{"uri", uri}, {"uriBaseId", "SRCROOT"}}},
            {"region", {{"startLine", found ? line->second.line : 1u}}}}},
          {"logicalLocations", {{{"fullyQualifiedName", rule_id(r)}, {"kind", "member"}}}}};
}

Json result_json(const FindingsReport& report, const Record& r, const std::vector<std::string>& rules) {
  const triage::Blame b = r.blame();
  const std::string id = rule_id(r);
  std::string text = fmt::format("{}. Suspect: {} ({}). The smallest case {}.", r.smallest.sentence, suspect_text(b),
                                 b.reason, r.smallest.golden);
  for (const triage::Said& s : r.said) text += fmt::format("\n{} {}: {}", s.executor, s.version, s.outcome);
  if (const std::string first = compare::divergence_line(r.smallest.first); !first.empty()) text += "\n" + first;
  return {{"ruleId", id},
          {"ruleIndex", std::ranges::find(rules, id) - rules.begin()},
          {"level", level_of(b)},
          {"message", {{"text", text}}},
          {"locations", Json::array({location_json(report, r)})},
          {"partialFingerprints", {{"diffvisorBucket/v1", r.bucket}}},
          {"occurrenceCount", std::max<std::uint64_t>(1, r.count())},
          {"properties",
           {{"suspect", suspect_text(b)},
            {"basis", b.basis},
            {"sameCause", triage::same_cause(r)},
            {"case", r.smallest.case_text},
            {"reproduce", fmt::format("{}", fmt::join(commands_for(r), "\n"))}}}};
}

std::string_view state_of(const Record& r, const std::vector<Record>& baseline) {
  const auto it = std::ranges::find(baseline, r.bucket, &Record::bucket);
  if (it == baseline.end()) return "new";
  return it->blame() == r.blame() ? "unchanged" : "updated";
}

}  // namespace

std::string findings_sarif(const FindingsReport& report, const std::optional<std::vector<Record>>& baseline) {
  std::vector<const Record*> shown = in_order(report), absent;
  if (baseline)
    for (const Record& r : *baseline)
      if (std::ranges::find(report.records, r.bucket, &Record::bucket) == report.records.end()) absent.push_back(&r);
  std::vector<std::string> ids;
  Json rules = Json::array(), results = Json::array();
  for (const auto* list : {&shown, &absent})
    for (const Record* r : *list)
      if (std::ranges::find(ids, rule_id(*r)) == ids.end()) {
        ids.push_back(rule_id(*r));
        rules.push_back(rule_json(*r));
      }
  for (const auto* list : {&shown, &absent})
    for (const Record* r : *list) {
      Json result = result_json(report, *r, ids);
      if (baseline) result["baselineState"] = list == &absent ? "absent" : state_of(*r, *baseline);
      results.push_back(std::move(result));
    }
  const Json log = {
      {"$schema", kSchema},
      {"version", "2.1.0"},
      {"runs",
       Json::array({{{"tool", {{"driver", {{"name", "diffvisor"}, {"version", report.program}, {"rules", rules}}}}},
                     {"columnKind", "utf16CodeUnits"},
                     {"originalUriBaseIds", {{"SRCROOT", {{"description", {{"text", "the root of the sources"}}}}}}},
                     {"results", results}}})}};
  return log.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace diffvisor::reports
