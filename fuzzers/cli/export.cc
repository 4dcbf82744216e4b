// SPDX-License-Identifier: Apache-2.0
// diffvisor export: a finding in forms that others understand.
#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/export_forms.h"
#include "harness/base/file.h"
#include "harness/triage/record.h"
#include "reports/upstream_test_case.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;
using triage::Record;

Result<Case> case_of(const Record& r) {
  auto stored = decode_text(r.smallest.case_text, all_schemas(), r.bucket);
  if (!stored) return tl::unexpected(stored.error());
  if (stored->size() != 1) return fail(ErrorCode::Format, r.bucket, "a finding has one case");
  return stored->front().c;
}

// A finding may be named by its case.
fs::path record_of(const fs::path& path) {
  return path.extension() == ".case" ? fs::path(path).replace_extension(".json") : path;
}

// Forms that show a finding as it was recorded.
Result<std::string> recorded(const fs::path& file, const std::string& as) {
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  const auto r = triage::parse_record(*text, file.string());
  if (!r) return tl::unexpected(r.error());
  const auto c = case_of(*r);
  if (!c) return tl::unexpected(c.error());
  if (as == "kvm-unit-test") return reports::upstream_test_case(*r, *c);
  return vector_line(*r, *c);
}

// Forms that any case can have: executors are asked again.
Result<Exported> exported_case(const fs::path& path) {
  if (path.extension() == ".json") {
    const auto text = read_file(path);
    if (!text) return tl::unexpected(text.error());
    const auto r = triage::parse_record(*text, path.string());
    if (!r) return tl::unexpected(r.error());
    auto c = case_of(*r);
    if (!c) return tl::unexpected(c.error());
    return Exported{r->bucket, r->smallest.sentence, std::move(*c)};
  }
  auto loaded = load_cases({path.string()});
  if (!loaded) return tl::unexpected(loaded.error());
  if (loaded->size() != 1) return fail(ErrorCode::Usage, path.string(), "has not exactly one case");
  StoredCase& stored = loaded->front().stored;
  return Exported{path.filename().string(), stored.story, std::move(stored.c)};
}

Result<std::string> exported(const fs::path& path, const std::string& as, const Flags& flags) {
  if (as != "unicorn" && as != "agent") return recorded(record_of(path), as);
  auto x = exported_case(path);
  if (!x) return tl::unexpected(x.error());
  const DomainEntry& entry = *find_domain(x->c.schema->domain);
  if (entry.domain->normalise != nullptr) entry.domain->normalise(x->c.v.data());
  return as == "agent" ? agent_source(*x, flags) : unicorn_program(*x, flags);
}

}  // namespace

int export_finding(const std::string& path, const std::string& as, const std::string& output, const Flags& flags) {
  const auto text = exported(path, as, flags);
  if (!text) return complain(text.error());
  if (auto wrote = write_output(output.empty() ? "-" : output, *text); !wrote) return complain(wrote.error());
  return kClean;
}

}  // namespace diffvisor::cli
