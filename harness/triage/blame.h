// SPDX-License-Identifier: Apache-2.0
// Whose fault a divergence is, as far as what the executors said can tell, with the reason in a sentence.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/triage/finding.h"

namespace diffvisor::triage {

enum class Suspect : std::uint8_t {
  Model,        // our table: independent executors agree with each other and not with it
  Executor,     // one of the executors, named in Blame::who
  SpecUnclear,  // the manual can be read both ways at a row that is involved
  Undecided,    // the votes are even, or nobody who may vote has judged the case
};
std::string_view suspect_name(Suspect s);

// How an executor and the reference have fared on the rules of one family: what breaks a tie of one against one.
struct FamilyTrust {
  std::uint64_t rules = 0;      // checks of the family
  std::uint64_t confirmed = 0;  // of these, confirmed by the executor in pairs of cases
  std::uint64_t wrong = 0;      // of these, touched by a known divergence of the executor
  bool operator==(const FamilyTrust&) const = default;
};

// "vmx.guest" of "vmx.guest.cr0.pg_pe": the first two words name what a group of rules is about.
std::string family_of(std::string_view rule);

struct BlameFacts {
  const std::vector<Said>* said = nullptr;
  std::string differs;                       // the executor that differs
  std::string family;                        // of the rules involved; empty: no rule of ours is
  std::set<std::string> unclear;             // points of the manual that are unclear and touch these rules
  std::map<std::string, FamilyTrust> trust;  // by executor, for `family`
};

struct Blame {
  Suspect suspect = Suspect::Undecided;
  std::string who;     // Executor: its name; Model: the reference
  std::string basis;   // "vote", "trust", "manual", "none"
  std::string reason;  // a sentence
  bool operator==(const Blame&) const = default;
};

// Executors that said the same, in the order of their names. Limits and what was not run are no answer.
struct Group {
  std::string outcome;
  std::vector<std::string> executors;
};
std::vector<Group> groups_of(const std::vector<Said>& said);

// Only Independent executors and the reference vote; an executor whose known divergence shows in the case does not.
Blame blame(const BlameFacts& facts);

// The executors that differ from the reference and say the same as `differs`, which is one of them; in name order.
std::vector<std::string> allies_of(const std::vector<Said>& said, std::string_view differs);

}  // namespace diffvisor::triage
