// SPDX-License-Identifier: Apache-2.0
// diffvisor export: a finding in forms that others understand.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "fuzzers/cli/export_forms.h"
#include "fuzzers/vectors.h"
#include "harness/base/file.h"
#include "harness/case/diff.h"
#include "harness/triage/record.h"
#include "reports/upstream_test_case.h"

namespace diffvisor::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using triage::Record;

Result<Case> case_of(const Record& r) {
  auto stored = decode_text(r.smallest.case_text, all_schemas(), r.bucket);
  if (!stored) return tl::unexpected(stored.error());
  if (stored->size() != 1) return fail(ErrorCode::Format, r.bucket, "a finding has one case");
  return stored->front().c;
}

// The reference's outcome in the words of vectors; empty where they have none.
std::string vector_outcome(std::string_view outcome, std::optional<unsigned>& qualification) {
  const std::string text(outcome);
  unsigned a = 0, b = 0;
  if (std::sscanf(text.c_str(), "entry_failure(%u, %u)", &a, &b) == 2)
    return qualification = b, fmt::format("entryfail({})", a);
  if (std::sscanf(text.c_str(), "vmfail(%u)", &a) == 1 || std::sscanf(text.c_str(), "vmfail_valid(%u)", &a) == 1)
    return fmt::format("vmfail({})", a);
  if (text == "vmexit_invalid") return "invalid";
  return text.rfind("entered", 0) == 0 ? "ok" : "";
}

tl::unexpected<Error> impossible(const Record& r, std::string why) {
  return fail(ErrorCode::Usage, r.bucket, "cannot be a vector: " + why);
}

Result<std::string> vector_of(const Record& r, const Case& c) {
  Json set = Json::object();
  for (const FieldDifference& d : difference_from_golden(c).fields) {
    if (d.field->role == Role::Context && d.field->name == "PROBE") continue;
    if (d.field->role != Role::State) return impossible(r, fmt::format("it does not set {}", d.field->name));
    const std::string name = std::string(d.field->name) + (d.field->count > 1 ? fmt::format("[{}]", d.index) : "");
    set[name] = fmt::format("{:#x}", d.after);
  }
  Json j = {{"id", r.bucket}, {"domain", r.domain}, {"set", set}, {"needs", Json::array()}};
  for (const triage::Said& s : r.said) {
    if (s.trust != Trust::Reference) continue;
    std::optional<unsigned> qualification;
    j["expect"] = vector_outcome(s.outcome, qualification);
    if (qualification && *qualification != 0) j["qual"] = *qualification;
  }
  if (j.value("expect", "").empty()) return impossible(r, "it has no word for the reference's outcome");
  j["stage"] = "guest";
  j["note"] = r.smallest.sentence;
  return j.dump() + "\n";
}

// A vector that the reference does not pass here is none: what it could not say of the case mattered.
Result<void> passes(const Record& r, const std::string& line) {
  const auto entry = domain_named(r.domain);
  if (!entry) return tl::unexpected(entry.error());
  if ((*entry)->vectors == nullptr) return impossible(r, "its domain has none");
  const auto all = read_vectors(line, r.bucket);
  if (!all) return tl::unexpected(all.error());
  VectorProfile profile;
  profile.profile = find_profile(*(*entry)->domain->schema, r.first().profile);
  const auto built = (*entry)->vectors->build(all->front(), profile);
  if (!built) return impossible(r, built.error().reason);
  Flags flags;
  flags.executors = {std::string((*entry)->domain->reference)};
  flags.quirk = r.first().quirk;
  auto session = open_session(r.domain, flags);
  if (!session) return tl::unexpected(session.error());
  const compare::Reading reading = session->judge->read(built->c);
  bool accepted = false;
  reading.ruling.deciders.each([&](std::size_t i) {
    for (const OutcomePattern& p : built->accepted) accepted |= p.accepts(session->judge->table().outcome(i));
  });
  return accepted ? Result<void>{} : impossible(r, "with what it can say of the case the reference says otherwise");
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
  auto line = vector_of(*r, *c);
  if (!line) return line;
  if (auto held = passes(*r, *line); !held) return tl::unexpected(held.error());
  return line;
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
