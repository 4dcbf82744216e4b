// SPDX-License-Identifier: Apache-2.0
// One function per command: takes what was parsed, prints, returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "fuzzers/cli/session.h"

namespace diffvisor::cli {

int fuzz(const std::string& domain, const Flags& flags);
struct ReplayOutputs {
  std::string junit;      // file, "" for none
  bool annotate = false;  // GitHub's workflow commands on standard output
};
int replay(const std::vector<std::string>& paths, const ReplayOutputs& to, const Flags& flags);
int show(const std::string& path, const Flags& flags);
int minimise(const std::string& path, const Flags& flags);
int list_rules(const std::string& domain, const std::string& coverage, const Flags& flags);
int vectors(const std::string& file, const std::string& domain, const std::string& executor, const Flags& flags);
// `runs`: directories of campaigns; an entry that fired there and never decided fails. `date`: today's, YYYY-MM-DD.
int known_check(const std::string& domain, bool write, const std::vector<std::string>& runs, const std::string& date,
                const Flags& flags);
// What the author of an entry has to say; "" for what follows from the finding.
struct KnownEntry {
  std::string id, executor, versions, reason, reference, review_by, file, row, must;
};
int known_add(const std::string& finding, const KnownEntry& entry, const Flags& flags);
int known_explain(const std::string& id, const Flags& flags);
std::string today(int years_on = 0);  // YYYY-MM-DD
int list_oracles(const Flags& flags);
int quirks(const std::string& domain, bool score, const Flags& flags);
int bench(const std::string& domain, const Flags& flags);
int write_seeds(const std::string& domain, const std::string& directory, const Flags& flags);

// Where `diffvisor triage` writes its reports; "" for nowhere, "-" for standard output.
struct TriageOutputs {
  std::string json, markdown, junit, html, sarif;
  std::string baseline;  // directory: what SARIF compares with
  bool uses_stdout() const { return json == "-" || markdown == "-" || junit == "-" || sarif == "-"; }
};
int triage(const std::vector<std::string>& directories, const std::string& out, const TriageOutputs& to);

// `as`: "kvm-unit-test", "vector", "unicorn" or "agent".
int export_finding(const std::string& path, const std::string& as, const std::string& output, const Flags& flags);
int compare(const std::string& before, const std::string& after, const Flags& flags);

int case_encode(const std::string& input, const std::string& output);
int case_decode(const std::string& input, const std::string& domain, const std::string& output);
int case_new(const std::string& domain, const std::vector<std::string>& assignments, const std::string& output,
             const Flags& flags);
int case_migrate(const std::vector<std::string>& paths, const Flags& flags);

std::string version_text();

}  // namespace diffvisor::cli
