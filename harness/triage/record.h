// SPDX-License-Identifier: Apache-2.0
// A finding as it is stored: texts only, so that a program with other tables can still read, merge and report it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/compare/first_divergence.h"
#include "harness/triage/blame.h"

namespace diffvisor::triage {

// What one campaign (one seed, one shard, one set of tables and executors) adds to a bucket. Campaigns are
// deterministic, so of two states of one campaign the one with more cases holds the other.
struct Origin {
  std::uint64_t count = 0;        // cases that fell into the bucket
  std::uint64_t first_index = 0;  // in the campaign
  std::string first_case;         // digest of the case of that index, before minimising
  std::uint64_t seed = 0;
  std::string profile, quirk;
  std::string program;              // version and commit
  std::string schema, rules;        // digests
  std::set<std::string> executors;  // "bochs 2.7 tigerlake"
  auto operator<=>(const Origin&) const = default;
};

// A rule that is involved, as text.
struct RuleText {
  std::string id, section, outcome;
  std::string when, must;  // empty for what is no check but an exit or a limit
  std::string edit;        // what would make the table say it: "drop", "outcome entered"; empty: it decides the case
  auto operator<=>(const RuleText&) const = default;
};

struct FieldText {
  std::string field, before, after, bits;  // "GUEST_CR4", "0x2000", "0x2020", "GUEST_CR4 bit 5 (PAE)"
  auto operator<=>(const FieldText&) const = default;
};

// The smallest case, and what follows from it.
struct Exemplar {
  // Capabilities and fields that differ from golden, operations, bytes, differing bits: the smaller exemplar is kept.
  std::array<std::uint64_t, 5> size{};
  std::string case_text;   // canonical, without story and expectations
  std::string difference;  // "accepts", "outcome", "rejects", "dies", "behaves"
  std::string sentence;
  std::string golden;  // "differs from golden in 1 field: ..."
  std::string executor;
  std::vector<FieldText> fields;
  std::vector<RuleText> rules;
  bool order_dependent = false;
  compare::FirstDivergence first;  // from the reference; nothing where nobody asked, or the executor died
  std::string listing = {};        // what the case does, for people: a disassembly; may be empty
  auto operator<=>(const Exemplar&) const = default;
};

struct Record {
  std::string bucket;
  std::string domain;
  Exemplar smallest;
  std::vector<Said> said;                    // of the smallest case; by executor and version, without duplicates
  std::set<std::string> unclear;             // points of the manual
  std::map<std::string, FamilyTrust> trust;  // by executor, for the family of the rules
  std::set<std::string> suspects;            // all that were ever named
  std::map<std::string, Origin> origins;     // by a digest of what makes the campaign what it is

  std::uint64_t count() const;
  // The origin that names the first case in reports: the one of the lowest seed and index.
  const Origin& first() const;
  std::string family() const;
  Blame blame() const;
};

// Commutative, associative, idempotent: any order of any number of merges of the same records gives the same bytes.
// Both are of one bucket.
Record merged(const Record& a, const Record& b);

// The bucket without the name of who differs: findings of one group probably have one cause.
std::string same_cause(const Record& r);

// Canonical JSON with a final newline, and back. Hostile input is fine; `place` heads the error.
std::string record_json(const Record& r);
Result<Record> parse_record(std::string_view text, const std::string& place);
// What parse_record demands of "format".
inline constexpr std::string_view kRecordFormat = "diffvisor.finding.1";

// Only what bucket ids are made of, so that an id is also a file name.
bool is_bucket(std::string_view text);
// The file name without extension: the bucket, shortened where file systems would refuse it.
std::string file_stem(std::string_view bucket);

}  // namespace diffvisor::triage
