// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "harness/triage/record.h"

namespace diffvisor::triage {
namespace {

using Json = nlohmann::json;  // keys in order of their names: one text for one record

constexpr Trust kTrusts[] = {Trust::Reference, Trust::Independent, Trust::Transcription, Trust::Recorded};
constexpr compare::VerdictKind kVerdicts[] = {compare::VerdictKind::Agree,        compare::VerdictKind::Divergence,
                                              compare::VerdictKind::Known,        compare::VerdictKind::SpecUnclear,
                                              compare::VerdictKind::Incomparable, compare::VerdictKind::ExecutorDied};

Json said_json(const std::vector<Said>& said) {
  Json out = Json::array();
  for (const Said& s : said) {
    Json record = Json::array();
    for (const RecordValue& v : s.record) record.push_back({{"field", v.name}, {"value", v.value}});
    out.push_back({{"executor", s.executor},
                   {"version", s.version},
                   {"outcome", s.outcome},
                   {"trust", trust_name(s.trust)},
                   {"verdict", compare::verdict_name(s.verdict)}});
    if (!record.empty()) out.back()["record"] = record;
  }
  return out;
}

Json first_json(const compare::FirstDivergence& d) {
  Json fields = Json::array();
  for (const compare::FieldView& f : d.fields)
    fields.push_back({{"field", f.field}, {"reference", f.reference}, {"seen", f.seen}, {"bits", f.bits}});
  return {{"step", d.step}, {"steps", d.steps}, {"fields", fields}};
}

Json exemplar_json(const Exemplar& e) {
  Json fields = Json::array(), rules = Json::array();
  for (const FieldText& f : e.fields)
    fields.push_back({{"field", f.field}, {"before", f.before}, {"after", f.after}, {"bits", f.bits}});
  for (const RuleText& r : e.rules)
    rules.push_back({{"id", r.id},
                     {"section", r.section},
                     {"outcome", r.outcome},
                     {"when", r.when},
                     {"must", r.must},
                     {"edit", r.edit}});
  return {{"size", e.size},
          {"case", e.case_text},
          {"difference", e.difference},
          {"sentence", e.sentence},
          {"golden", e.golden},
          {"executor", e.executor},
          {"fields", fields},
          {"rules", rules},
          {"order_dependent", e.order_dependent},
          {"first_divergence", first_json(e.first)},
          {"listing", e.listing}};
}

Json origin_json(const Origin& o) {
  return {{"count", o.count},        {"first_index", o.first_index}, {"first_case", o.first_case},
          {"seed", o.seed},          {"profile", o.profile},         {"quirk", o.quirk},
          {"program", o.program},    {"schema", o.schema},           {"rules", o.rules},
          {"executors", o.executors}};
}

std::string text(const Json& j, const char* key) { return j.at(key).get<std::string>(); }
std::uint64_t number(const Json& j, const char* key) { return j.at(key).get<std::uint64_t>(); }

// The one of `all` that is called `name`.
template <class T, std::size_t n, class Name>
T named(const T (&all)[n], std::string_view name, Name name_of) {
  for (const T& t : all)
    if (name_of(t) == name) return t;
  throw Json::other_error::create(502, fmt::format("'{}' is no such word", name), static_cast<const Json*>(nullptr));
}

Said said_of(const Json& j) {
  Said s = {text(j, "executor"),
            text(j, "version"),
            text(j, "outcome"),
            named(kTrusts, text(j, "trust"), trust_name),
            named(kVerdicts, text(j, "verdict"), compare::verdict_name),
            {}};
  if (const auto record = j.find("record"); record != j.end())
    for (const Json& v : *record) s.record.push_back({text(v, "field"), number(v, "value")});
  return s;
}

compare::FirstDivergence first_of(const Json& j) {
  compare::FirstDivergence d;
  d.step = j.at("step").get<unsigned>();
  d.steps = j.at("steps").get<unsigned>();
  for (const Json& f : j.at("fields"))
    d.fields.push_back({text(f, "field"), text(f, "reference"), text(f, "seen"), text(f, "bits")});
  return d;
}

Exemplar exemplar_of(const Json& j) {
  Exemplar e;
  e.size = j.at("size").get<std::array<std::uint64_t, 5>>();
  e.case_text = text(j, "case");
  e.difference = text(j, "difference");
  e.sentence = text(j, "sentence");
  e.golden = text(j, "golden");
  e.executor = text(j, "executor");
  for (const Json& f : j.at("fields"))
    e.fields.push_back({text(f, "field"), text(f, "before"), text(f, "after"), text(f, "bits")});
  for (const Json& r : j.at("rules"))
    e.rules.push_back(
        {text(r, "id"), text(r, "section"), text(r, "outcome"), text(r, "when"), text(r, "must"), text(r, "edit")});
  e.order_dependent = j.at("order_dependent").get<bool>();
  if (j.contains("first_divergence")) e.first = first_of(j.at("first_divergence"));  // older records have none
  e.listing = j.value("listing", "");
  return e;
}

Origin origin_of(const Json& j) {
  Origin o;
  o.count = number(j, "count");
  o.first_index = number(j, "first_index");
  o.first_case = text(j, "first_case");
  o.seed = number(j, "seed");
  o.profile = text(j, "profile");
  o.quirk = text(j, "quirk");
  o.program = text(j, "program");
  o.schema = text(j, "schema");
  o.rules = text(j, "rules");
  o.executors = j.at("executors").get<std::set<std::string>>();
  return o;
}

Record record_of(const Json& j) {
  Record r;
  r.bucket = text(j, "bucket");
  r.domain = text(j, "domain");
  r.smallest = exemplar_of(j.at("smallest"));
  for (const Json& s : j.at("said")) r.said.push_back(said_of(s));
  r.unclear = j.at("unclear").get<std::set<std::string>>();
  for (const auto& [who, t] : j.at("trust").items())
    r.trust[who] = {number(t, "rules"), number(t, "confirmed"), number(t, "wrong")};
  r.suspects = j.at("suspects").get<std::set<std::string>>();
  for (const auto& [id, o] : j.at("origins").items()) r.origins[id] = origin_of(o);
  return r;
}

}  // namespace

std::string record_json(const Record& r) {
  const Blame b = r.blame();
  Json trust = Json::object(), origins = Json::object();
  for (const auto& [who, t] : r.trust)
    trust[who] = {{"rules", t.rules}, {"confirmed", t.confirmed}, {"wrong", t.wrong}};
  for (const auto& [id, o] : r.origins) origins[id] = origin_json(o);
  const Json j = {
      {"format", kRecordFormat},
      {"bucket", r.bucket},
      {"domain", r.domain},
      {"smallest", exemplar_json(r.smallest)},
      {"said", said_json(r.said)},
      {"unclear", r.unclear},
      {"trust", trust},
      {"suspects", r.suspects},
      {"origins", origins},
      // What follows from the above, for readers that compute nothing.
      {"count", r.count()},
      {"same_cause", same_cause(r)},
      {"blame", {{"suspect", suspect_name(b.suspect)}, {"who", b.who}, {"basis", b.basis}, {"reason", b.reason}}}};
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Record> parse_record(std::string_view content, const std::string& place) {
  try {
    const Json j = Json::parse(content);
    if (!j.is_object() || j.value("format", "") != kRecordFormat)
      return fail(ErrorCode::Format, place, fmt::format("is no finding of the format {}", kRecordFormat));
    Record r = record_of(j);
    if (!is_bucket(r.bucket)) return fail(ErrorCode::Format, place, "its bucket is no bucket id");
    return r;
  } catch (const Json::exception& e) {
    return fail(ErrorCode::Format, place, e.what());
  }
}

}  // namespace diffvisor::triage
