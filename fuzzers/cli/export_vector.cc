// SPDX-License-Identifier: Apache-2.0
// A finding as a vector: a line of JSON that `diffvisor vectors` reads, and anybody who knows the fields.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/export_forms.h"
#include "fuzzers/insn_vectors.h"
#include "fuzzers/vectors.h"
#include "harness/case/diff.h"
#include "harness/case/value_text.h"

namespace diffvisor::cli {
namespace {

using Json = nlohmann::ordered_json;
using triage::Record;
using triage::Said;

tl::unexpected<Error> impossible(const Record& r, std::string why) {
  return fail(ErrorCode::Usage, r.bucket, "cannot be a vector: " + why);
}

const Said* reference_of(const Record& r) {
  const auto it = std::ranges::find(r.said, Trust::Reference, &Said::trust);
  return it == r.said.end() ? nullptr : &*it;
}

// ---- a line

Json items_json(const std::vector<VectorItem>& items) {
  Json j = Json::object();
  for (const VectorItem& i : items) j[i.name] = i.value;
  return j;
}

// What the others say, for people: `after` where they differ from what is demanded.
Json others_json(const Record& r) {
  Json j = Json::object();
  for (const Said& s : r.said) {
    if (s.trust == Trust::Reference) continue;
    Json after = Json::object();
    for (const RecordValue& v : s.record) after[v.name] = hex_text(v.value);
    j[s.executor + " " + s.version] = {{"outcome", s.outcome}, {"after", after}};
  }
  return j;
}

std::string line_of(const Record& r, const Vector& v) {
  Json j = {{"id", r.bucket}, {"domain", r.domain}, {"set", items_json(v.set)}, {"needs", v.needs}};
  if (!v.code.empty()) j["code"] = v.code;
  j["expect"] = v.expect;
  if (v.qual) j["qual"] = *v.qual;
  if (!v.after.empty()) j["after"] = items_json(v.after);
  if (!v.open.empty()) j["open"] = items_json(v.open);
  if (!v.stage.empty()) j["stage"] = v.stage;
  j["others"] = others_json(r);
  j["note"] = r.smallest.sentence;
  return j.dump() + "\n";
}

// ---- legality: the outcome alone

// The reference's outcome in the words of vectors; empty where they have none.
std::string vector_outcome(const std::string& text, std::optional<std::uint64_t>& qualification) {
  unsigned a = 0, b = 0;
  if (std::sscanf(text.c_str(), "entry_failure(%u, %u)", &a, &b) == 2) {
    if (b != 0) qualification = b;
    return fmt::format("entryfail({})", a);
  }
  if (std::sscanf(text.c_str(), "vmfail(%u)", &a) == 1 || std::sscanf(text.c_str(), "vmfail_valid(%u)", &a) == 1)
    return fmt::format("vmfail({})", a);
  if (text == "vmexit_invalid") return "invalid";
  return text.starts_with("entered") ? "ok" : "";
}

Result<Vector> vector_of_outcome(const Record& r, const Case& c) {
  Vector v;
  for (const FieldDifference& d : difference_from_golden(c).fields) {
    if (d.field->role == Role::Context && d.field->name == "PROBE") continue;
    if (d.field->role != Role::State) return impossible(r, fmt::format("it does not set {}", d.field->name));
    v.set.push_back({slot_name(*d.field, d.index), hex_text(d.after)});
  }
  if (const Said* said = reference_of(r)) v.expect = vector_outcome(said->outcome, v.qual);
  if (v.expect.empty()) return impossible(r, "it has no word for the reference's outcome");
  v.stage = "guest";
  return v;
}

// ---- behaviour: all that is left behind

// The reference runs it again, as the record keeps but what differs.
Result<Vector> vector_of_behaviour(const Session& s, const Record& r, const Case& c) {
  const auto seen = run_one(*s.executors[0], c);
  if (!seen) return tl::unexpected(seen.error());
  const Said* said = reference_of(r);
  const std::string now = observation_text(*s.entry->domain, *seen);
  if (said == nullptr || now != said->outcome) return impossible(r, "the reference now says " + now);
  auto v = insn_vector(c, *seen);
  if (!v) return impossible(r, v.error());
  return std::move(*v);
}

// ---- the test of it

// A vector that the reference does not pass here is none: what it could not say of the case mattered.
Result<void> passes(Session& s, const Record& r, const std::string& line) {
  const auto all = read_vectors(line, r.bucket);
  if (!all) return tl::unexpected(all.error());
  VectorProfile profile;
  profile.profile = find_profile(*s.entry->domain->schema, r.first().profile);
  const auto built = s.entry->vectors->build(all->front(), profile);
  if (!built) return impossible(r, built.error().reason);
  bool accepted = false;
  if (built->after) {
    const auto seen = run_one(*s.executors[0], built->c);
    if (!seen) return tl::unexpected(seen.error());
    accepted = !compare::Judge::first_difference(*built->after, *seen);
  }
  const compare::Reading reading = s.judge->read(built->c);
  reading.ruling.deciders.each([&](std::size_t i) {
    for (const OutcomePattern& p : built->accepted) accepted |= p.accepts(s.judge->table().outcome(i));
  });
  return accepted ? Result<void>{} : impossible(r, "with what it can say of the case the reference says otherwise");
}

}  // namespace

Result<std::string> vector_line(const Record& r, const Case& c) {
  const auto entry = domain_named(r.domain);
  if (!entry) return tl::unexpected(entry.error());
  if ((*entry)->vectors == nullptr) return impossible(r, "its domain has none");
  Flags flags;
  flags.executors = {std::string((*entry)->domain->reference)};
  flags.profile = r.first().profile;
  flags.quirk = r.first().quirk;
  auto session = open_session(r.domain, flags);
  if (!session) return tl::unexpected(session.error());
  const bool behaves = (*entry)->domain->behaviour != nullptr;
  const auto v = behaves ? vector_of_behaviour(*session, r, c) : vector_of_outcome(r, c);
  if (!v) return tl::unexpected(v.error());
  std::string line = line_of(r, *v);
  if (auto held = passes(*session, r, line); !held) return tl::unexpected(held.error());
  return line;
}

}  // namespace diffvisor::cli
