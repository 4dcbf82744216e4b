// SPDX-License-Identifier: Apache-2.0
// What triage has to say, in the forms that people and machines read. Pure functions of stored findings: no domain, no
// executor, no clock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "harness/triage/record.h"
#include "reports/run.h"

namespace diffvisor::reports {

struct RuleLine {
  std::string file;  // from the repository root
  unsigned line = 1;
};

struct FindingsReport {
  std::vector<triage::Record> records;
  std::vector<Run> runs;                  // by id
  std::map<std::string, RuleLine> lines;  // where each rule is written, by id without list entry
  std::string title = "diffvisor findings";
  std::string program;  // version and commit of this program
};

// Of what differs first, as many fields are shown where space matters; the JSON has all.
inline constexpr std::size_t kMostFirstFields = 12;

// The most frequent first, then by bucket; findings that depend on the order of cases come last.
std::vector<const triage::Record*> in_order(const FindingsReport& report);

// "model vmx.arch", "bochs", "specification unclear", "undecided"
std::string suspect_text(const triage::Blame& blame);
// What to run to see it, one command a line.
std::vector<std::string> commands_for(const triage::Record& r);
// "svm.asid" of "svm.asid[2]"
std::string without_entry(const std::string& rule);

std::string findings_text(const FindingsReport& report);
nlohmann::ordered_json findings_json(const FindingsReport& report);
std::string findings_markdown(const FindingsReport& report);
std::string findings_junit(const FindingsReport& report);

}  // namespace diffvisor::reports
