// SPDX-License-Identifier: Apache-2.0
#include "reports/run.h"

#include <algorithm>

#include <fmt/format.h>

namespace diffvisor::reports {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunExecutor, name, version, trust, judged, incomparable, died, confirmed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunKnown, executor, id, decided, fired)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunRule, id, section, cls, reason, applied, alone, confirmed_by, known)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Sample, seconds, cases, rules, confirmed, buckets, unexplained)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Run, id, domain, profile, quirk, digest, program, schema, rules_digest, seed, cases,
                                   judged_cases, first, next, shard, shards, seconds, unexplained, known, spec_unclear,
                                   order_dependent, executors, known_entries, rules, samples)

namespace {

using Json = nlohmann::json;
constexpr std::string_view kFormat = "diffvisor.run.1";

RunExecutor executor_of(const CampaignReport& r, std::size_t e) {
  const campaign::ExecutorTotals& t = r.totals->executors[e];
  RunExecutor out;
  out.name = r.executors[e].name;
  out.version = r.executors[e].version;
  out.trust = trust_name(r.executors[e].trust);
  out.judged = t.judged;
  for (const auto& [reason, count] : t.incomparable) out.incomparable += count;
  out.died = t.died;
  out.confirmed = t.confirmed.count();
  return out;
}

// The known divergences of every executor that edit a row.
std::vector<std::string> known_of(const CampaignReport& r, std::size_t row) {
  std::vector<std::string> out;
  for (std::size_t e = 0; e < r.executors.size(); ++e)
    for (const compare::Known& k : r.judge->deltas(e).entries())
      if (std::ranges::find(k.edits, row, &rules::RowEdit::row) != k.edits.end()) out.push_back(k.id);
  return out;
}

RunRule rule_of(const CampaignReport& r, const rules::Classified& c) {
  const rules::Rule& rule = r.domain->rules->rows[c.row];
  RunRule out;
  out.id = rules::rule_name(rule);
  out.section = rule.section;
  out.cls = rules::class_name(c.cls);
  out.reason = c.reason;
  out.applied = r.totals->exercised.test(c.row);
  out.alone = r.totals->broken_alone.test(c.row);
  for (std::size_t e = 0; e < r.executors.size(); ++e)
    if (r.totals->executors[e].confirmed.test(c.row)) out.confirmed_by.push_back(r.executors[e].name);
  out.known = known_of(r, c.row);
  return out;
}

}  // namespace

void Series::add(const Sample& s) {
  if (!samples_.empty() && s.seconds - samples_.back().seconds < every_) return;
  samples_.push_back(s);
  if (samples_.size() <= kMost) return;
  every_ *= 2;
  std::vector<Sample> half;
  for (std::size_t i = 0; i < samples_.size(); i += 2) half.push_back(samples_[i]);
  samples_ = std::move(half);
}

Run run_of(const CampaignReport& r, std::string id, const std::vector<Sample>& samples) {
  const campaign::Totals& t = *r.totals;
  Run out;
  out.id = std::move(id);
  out.domain = r.domain->name;
  out.profile = r.profile;
  out.quirk = r.quirk;
  out.digest = fmt::format("{:016x}", t.digest);
  out.program = r.from.commit.empty() ? r.from.version : r.from.version + " " + r.from.commit;
  out.schema = r.from.schema;
  out.rules_digest = r.from.rules;
  out.seed = r.seed;
  out.cases = t.cases;
  out.judged_cases = t.judged_cases;
  out.first = r.first;
  out.next = t.next;
  out.shard = r.shard;
  out.shards = r.shards;
  out.seconds = t.seconds;
  out.unexplained = t.unexplained;
  out.known = t.known;
  out.spec_unclear = t.spec_unclear;
  out.order_dependent = t.order_dependent;
  for (std::size_t e = 0; e < r.executors.size(); ++e) {
    out.executors.push_back(executor_of(r, e));
    for (std::size_t i = 0; i < r.judge->deltas(e).entries().size(); ++i) {
      const compare::KnownCount& k = r.judge->counts(e)[i];
      out.known_entries.push_back({r.executors[e].name, r.judge->deltas(e).entries()[i].id, k.decided, k.fired});
    }
  }
  for (const rules::Classified& c : r.classes) out.rules.push_back(rule_of(r, c));
  for (const rules::Exemption& x : r.domain->exemptions)
    out.rules.push_back({std::string(x.id), "", "not_modelled", std::string(x.reason), false, false, {}, {}});
  out.samples = samples;
  return out;
}

std::string run_json(const Run& run) {
  Json j = run;
  j["format"] = kFormat;
  return j.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Run> parse_run(std::string_view text, const std::string& place) {
  try {
    const Json j = Json::parse(text);
    if (!j.is_object() || j.value("format", "") != kFormat)
      return fail(ErrorCode::Format, place, fmt::format("is no run of the format {}", kFormat));
    return j.get<Run>();
  } catch (const Json::exception& e) {
    return fail(ErrorCode::Format, place, e.what());
  }
}

std::string run_file_name(const std::string& id) { return "run." + id + ".json"; }

bool is_later_run(const std::string& old, const std::string& now) {
  const auto a = parse_run(old, ""), b = parse_run(now, "");
  if (!a || !b) return static_cast<bool>(b);
  return b->cases != a->cases ? b->cases > a->cases : now < old;
}

}  // namespace diffvisor::reports
