// SPDX-License-Identifier: Apache-2.0
// What the commands share: the flags, where the corpus lies, and a domain with its judge and executors ready to run.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzzers/domains.h"
#include "harness/case/text.h"
#include "harness/compare/first_divergence.h"
#include "harness/compare/judge.h"

namespace diffvisor::cli {

// Exit codes.
inline constexpr int kClean = 0;
inline constexpr int kDivergence = 1;  // an unexplained divergence or a changed verdict
inline constexpr int kCannot = 2;      // usage, environment, or an executor that judged nothing

struct Flags {
  std::vector<std::string> executors;  // empty: the domain's default
  std::string profile;                 // empty: the schema's first
  std::string quirk;                   // several are separated by commas
  std::string corpus;                  // empty: beside the program's sources, or ./corpus
  std::string out;                     // directory for findings
  std::string json;                    // file, "-" for standard output
  std::string heartbeat;
  std::uint64_t seed = 1;
  std::uint64_t cases = 0;
  std::uint64_t first = 0;
  std::uint64_t shard = 1, shards = 1;
  double seconds = 0;
  unsigned jobs = 1;
  bool allow_missing = false;
  bool resume = false;
};

// Prints `diffvisor: <error>` and returns kCannot.
int complain(const Error& error);

// The corpus directory: the flag, else the nearest `corpus` above the program or the working directory.
Result<std::filesystem::path> corpus_root(const std::string& flag);

Result<const DomainEntry*> domain_named(std::string_view name);
Result<std::uint16_t> profile_named(const Domain& domain, const std::string& name);

// All cases of the files, directories and archives (*.case, in name order).
struct Loaded {
  std::filesystem::path file;
  std::size_t number = 0;  // in the file, from 1
  StoredCase stored;
  std::size_t line = 1;  // on which it starts
};
Result<std::vector<Loaded>> load_cases(const std::vector<std::string>& paths, Digests digests = Digests::MustMatch);

// A domain's judge and executors. Executors that cannot start are an error unless `allow_missing`, then a note on
// stderr.
struct Session {
  const DomainEntry* entry = nullptr;
  std::uint16_t profile = 0;
  std::vector<Quirk> quirks;  // one for each executor that has any: all its edits
  std::vector<std::unique_ptr<Executor>> executors;
  std::unique_ptr<compare::Judge> judge;

  std::vector<Executor*> raw() const;
  std::vector<ExecutorInfo> infos() const;
};

// What the domain's reference executor says of the case, where that decides (domains without rules); nothing for the
// others, or when it is not taking part.
Result<std::optional<Observation>> reference_says(const Session& s, const Case& c);
// Judge::judge with that reference.
Result<compare::Verdict> judge_seen(const Session& s, const Case& c, const compare::Reading& r, std::size_t executor,
                                    const Observation& seen);
// Where an executor parts from the reference; no field if that is not taking part.
Result<compare::FirstDivergence> first_divergence(const Session& s, std::size_t executor, const Case& c);
Result<Session> open_session(std::string_view domain, const Flags& flags);

Result<void> write_output(const std::string& where, const std::string& content);  // "-" is standard output

}  // namespace diffvisor::cli
