// SPDX-License-Identifier: Apache-2.0
#include "harness/triage/finding.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/base/file.h"
#include "harness/case/diff.h"
#include "harness/case/text.h"

namespace diffvisor::triage {

Result<void> Store::open() const {
  std::error_code ec;
  std::filesystem::create_directories(directory_, ec);
  if (ec) return fail(ErrorCode::Io, directory_.string(), "cannot create: " + ec.message());
  return {};
}

Result<void> Store::save(const Finding& f, std::string_view domain) const {
  StoredCase stored;
  stored.story = f.explanation.sentence;
  stored.c = f.smallest;
  for (const Said& s : f.said) stored.expect.push_back({s.executor, s.version, s.outcome, {}});
  if (auto done = write_file_atomically(directory_ / (f.bucket + ".case"), encode_text(stored)); !done) return done;
  nlohmann::json j;
  j["bucket"] = f.bucket;
  j["domain"] = domain;
  j["executor"] = f.executor;
  j["explanation"] = f.explanation.sentence;
  j["difference"] = golden_difference_text(f.smallest);
  j["count"] = f.count;
  j["first_index"] = f.first_index;
  j["seed"] = f.seed;
  j["order_dependent"] = f.order_dependent;
  for (const Said& s : f.said)
    j["said"].push_back({{"executor", s.executor}, {"version", s.version}, {"outcome", s.outcome}});
  return write_file_atomically(directory_ / (f.bucket + ".json"), j.dump(2) + "\n");
}

}  // namespace diffvisor::triage
