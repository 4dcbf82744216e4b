// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/cli/finding_directories.h"

#include <filesystem>
#include <map>

#include "fuzzers/domains.h"
#include "harness/base/file.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& p) { return p.extension() == ".json" && p.filename().string().rfind("run.", 0) == 0; }

Result<void> add_runs(const fs::path& directory, std::map<std::string, std::string>& runs) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(directory, ec)) {
    if (!is_run(entry.path())) continue;
    const auto text = read_file(entry.path());
    if (!text) return tl::unexpected(text.error());
    const auto run = reports::parse_run(*text, entry.path().string());
    if (!run) return tl::unexpected(run.error());
    const std::string now = reports::run_json(*run);
    std::string& kept = runs[run->id];
    if (kept.empty() || reports::is_later_run(kept, now)) kept = now;
  }
  if (ec) return fail(ErrorCode::Io, directory.string(), ec.message());
  return {};
}

}  // namespace

Result<Findings> load_findings(const std::vector<std::string>& directories) {
  std::map<std::string, triage::Record> by_bucket;
  std::map<std::string, std::string> runs;
  for (const std::string& directory : directories) {
    const auto records = triage::Store(directory).load();
    if (!records) return tl::unexpected(records.error());
    for (const triage::Record& r : *records) {
      const auto [it, fresh] = by_bucket.try_emplace(r.bucket, r);
      if (!fresh) it->second = triage::merged(it->second, r);
    }
    if (auto done = add_runs(directory, runs); !done) return tl::unexpected(done.error());
  }
  Findings out;
  for (auto& [bucket, r] : by_bucket) out.records.push_back(std::move(r));
  for (const auto& [id, text] : runs) {
    auto run = reports::parse_run(text, id);
    if (!run) return tl::unexpected(run.error());
    out.runs.push_back(std::move(*run));
  }
  return out;
}

Result<void> store_findings(const Findings& findings, const std::string& directory) {
  const triage::Store store(directory);
  if (auto opened = store.open(); !opened) return opened;
  for (const triage::Record& r : findings.records)
    if (auto added = store.add(r, all_schemas()); !added) return added;
  for (const reports::Run& run : findings.runs)
    if (auto wrote = store.replace_if(reports::run_file_name(run.id), reports::run_json(run), &reports::is_later_run);
        !wrote)
      return wrote;
  return {};
}

}  // namespace diffvisor::cli
