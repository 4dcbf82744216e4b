// SPDX-License-Identifier: Apache-2.0
#include "reports/campaign_state.h"

#include <nlohmann/json.hpp>

#include "harness/base/file.h"
#include "harness/case/text.h"

namespace diffvisor::reports {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kFile = "campaign.state.json";

Json bits_json(const rules::RuleBits& b) {
  Json out = Json::array();
  b.each([&](std::size_t i) { out.push_back(i); });
  return out;
}

rules::RuleBits bits_of(const Json& j) {
  rules::RuleBits b;
  for (const auto& i : j)
    if (const auto n = i.get<std::size_t>(); n < rules::kMaxRules) b.set(n);
  return b;
}

Json executor_json(const campaign::ExecutorTotals& e) {
  Json reasons = Json::object();
  for (const auto& [reason, count] : e.incomparable) reasons[reason] = count;
  return {{"judged", e.judged}, {"died", e.died}, {"incomparable", reasons}, {"confirmed", bits_json(e.confirmed)}};
}

campaign::ExecutorTotals executor_of(const Json& j) {
  campaign::ExecutorTotals e;
  e.judged = j.at("judged").get<std::uint64_t>();
  e.died = j.at("died").get<std::uint64_t>();
  for (const auto& [reason, count] : j.at("incomparable").items()) e.incomparable[reason] = count.get<std::uint64_t>();
  e.confirmed = bits_of(j.at("confirmed"));
  return e;
}

Json totals_json(const campaign::Totals& t) {
  Json j = {{"next", t.next},
            {"cases", t.cases},
            {"judged_cases", t.judged_cases},
            {"seconds", t.seconds},
            {"digest", t.digest},
            {"unexplained", t.unexplained},
            {"known", t.known},
            {"spec_unclear", t.spec_unclear},
            {"order_dependent", t.order_dependent},
            {"unexamined", t.unexamined},
            {"exercised", bits_json(t.exercised)},
            {"broken_alone", bits_json(t.broken_alone)}};
  for (const auto& e : t.executors) j["executors"].push_back(executor_json(e));
  for (const auto& s : t.strata)
    j["strata"].push_back({{"cases", s.cases}, {"judged", s.judged}, {"incomparable", s.incomparable}});
  if (!t.forms.empty()) j["forms"] = t.forms;
  return j;
}

campaign::Totals totals_of(const Json& j) {
  campaign::Totals t;
  t.next = j.at("next").get<std::uint64_t>();
  t.cases = j.at("cases").get<std::uint64_t>();
  t.judged_cases = j.at("judged_cases").get<std::uint64_t>();
  t.seconds = j.at("seconds").get<double>();
  t.digest = j.at("digest").get<std::uint64_t>();
  t.unexplained = j.at("unexplained").get<std::uint64_t>();
  t.known = j.at("known").get<std::uint64_t>();
  t.spec_unclear = j.at("spec_unclear").get<std::uint64_t>();
  t.order_dependent = j.at("order_dependent").get<std::uint64_t>();
  t.unexamined = j.value("unexamined", std::uint64_t{0});
  t.exercised = bits_of(j.at("exercised"));
  t.broken_alone = bits_of(j.at("broken_alone"));
  for (const auto& e : j.at("executors")) t.executors.push_back(executor_of(e));
  for (const auto& s : j.value("strata", Json::array())) {
    campaign::Stratum& out = t.strata.emplace_back();
    out.cases = s.at("cases").get<std::uint64_t>();
    s.at("judged").get_to(out.judged);
    s.at("incomparable").get_to(out.incomparable);
  }
  if (j.contains("forms")) j.at("forms").get_to(t.forms);
  return t;
}

Json finding_json(const triage::Finding& f) {
  StoredCase stored;
  stored.story = f.explanation.sentence;
  stored.c = f.smallest;
  for (const triage::Said& s : f.said) stored.expect.push_back({s.executor, s.version, s.outcome, {}});
  Json j = {{"bucket", f.bucket},
            {"executor", f.executor},
            {"difference", static_cast<unsigned>(f.explanation.difference)},
            {"case", encode_text(stored)},
            {"first_index", f.first_index},
            {"count", f.count},
            {"seed", f.seed},
            {"order_dependent", f.order_dependent},
            {"first_case", f.first_case},
            {"with", f.with}};
  for (const triage::Said& s : f.said)
    j["said"].push_back({static_cast<unsigned>(s.trust), static_cast<unsigned>(s.verdict)});
  for (const rules::RowEdit& e : f.explanation.edits)
    j["edits"].push_back({{"row", e.row}, {"outcome", e.outcome ? Json(*e.outcome) : Json(nullptr)}});
  return j;
}

Result<triage::Finding> finding_of(const Json& j, std::span<const Schema* const> schemas, const std::string& place) {
  auto stored = decode_text(j.at("case").get<std::string>(), schemas, place);
  if (!stored) return tl::unexpected(stored.error());
  if (stored->size() != 1) return fail(ErrorCode::Format, place, "a finding has one case");
  triage::Finding f;
  f.bucket = j.at("bucket").get<std::string>();
  f.executor = j.at("executor").get<std::string>();
  f.explanation.bucket = f.bucket;
  f.explanation.sentence = stored->front().story;
  f.explanation.difference = static_cast<compare::Difference>(j.at("difference").get<unsigned>() % 5);
  f.smallest = stored->front().c;
  const Json said = j.value("said", Json::array());
  for (const Expectation& e : stored->front().expect) {
    triage::Said s{e.executor, e.version, e.outcome};
    if (f.said.size() < said.size()) {
      s.trust = static_cast<Trust>(said[f.said.size()].at(0).get<unsigned>() & 3);
      s.verdict = static_cast<compare::VerdictKind>(said[f.said.size()].at(1).get<unsigned>() % 6);
    }
    f.said.push_back(std::move(s));
  }
  f.first_case = j.value("first_case", "");
  f.with = j.value("with", std::vector<std::string>{});
  f.first_index = j.at("first_index").get<std::uint64_t>();
  f.count = j.at("count").get<std::uint64_t>();
  f.seed = j.at("seed").get<std::uint64_t>();
  f.order_dependent = j.at("order_dependent").get<bool>();
  for (const auto& e : j.value("edits", Json::array())) {
    rules::RowEdit edit;
    edit.row = e.at("row").get<std::size_t>();
    if (edit.row >= rules::kMaxRules) return fail(ErrorCode::Format, place, "a row that no table has");
    edit.drop = e.at("outcome").is_null();
    if (!edit.drop) edit.outcome = e.at("outcome").get<rules::Outcome>();
    f.explanation.edits.push_back(edit);
  }
  return f;
}

}  // namespace

Result<void> save_state(const std::filesystem::path& directory, const std::string& identity,
                        const campaign::Totals& totals, const std::vector<triage::Finding>& findings) {
  Json j = {{"identity", identity}, {"totals", totals_json(totals)}, {"findings", Json::array()}};
  for (const triage::Finding& f : findings) j["findings"].push_back(finding_json(f));
  return write_file_atomically(directory / kFile, j.dump(1) + "\n");
}

Result<CampaignState> load_state(const std::filesystem::path& directory, const std::string& identity,
                                 std::span<const Schema* const> schemas) {
  const std::string place = (directory / kFile).string();
  const auto text = read_file(directory / kFile);
  if (!text) return tl::unexpected(text.error());
  try {
    const Json j = Json::parse(*text);
    if (j.at("identity").get<std::string>() != identity)
      return fail(ErrorCode::Usage, place, "belongs to a campaign with other options, tables or executors");
    CampaignState s;
    s.totals = totals_of(j.at("totals"));
    for (const auto& f : j.at("findings")) {
      auto finding = finding_of(f, schemas, place);
      if (!finding) return tl::unexpected(finding.error());
      s.findings.push_back(std::move(*finding));
    }
    return s;
  } catch (const Json::exception& e) {
    return fail(ErrorCode::Format, place, e.what());
  }
}

}  // namespace diffvisor::reports
