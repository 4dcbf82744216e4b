// SPDX-License-Identifier: Apache-2.0
#include "reports/campaign.h"

#include <algorithm>

#include <fmt/format.h>

#include "diffvisor_version.h"
#include "harness/case/diff.h"

namespace diffvisor::reports {
namespace {

using Json = nlohmann::ordered_json;

struct ClassCounts {
  std::size_t total = 0, alone = 0, implied = 0, unreachable = 0, confirmed = 0;
};

rules::RuleBits confirmed_by_anyone(const campaign::Totals& t) {
  rules::RuleBits all;
  for (const auto& e : t.executors) all |= e.confirmed;
  return all;
}

ClassCounts count_classes(const CampaignReport& r) {
  ClassCounts n;
  const rules::RuleBits confirmed = confirmed_by_anyone(*r.totals);
  for (const rules::Classified& c : r.classes) {
    ++n.total;
    n.alone += c.cls == rules::Class::Alone;
    n.implied += c.cls == rules::Class::Implied;
    n.unreachable += c.cls == rules::Class::Unreachable;
    n.confirmed += confirmed.test(c.row);
  }
  return n;
}

// The known delta that keeps an independent executor from confirming this row; empty if there is none.
std::string_view covering_delta(const CampaignReport& r, std::size_t row) {
  for (std::size_t e = 0; e < r.executors.size(); ++e) {
    if (r.executors[e].trust != Trust::Independent) continue;
    for (const compare::Known& k : r.judge->deltas(e).entries())
      for (const rules::RowEdit& edit : k.edits)
        if (edit.row == row) return k.id;
  }
  return {};
}

// Rules that can be broken alone and that no independent executor has confirmed.
Json unconfirmed_json(const CampaignReport& r) {
  const rules::RuleBits confirmed = confirmed_by_anyone(*r.totals);
  Json out = Json::array();
  for (const rules::Classified& c : r.classes)
    if (c.cls == rules::Class::Alone && !confirmed.test(c.row))
      out.push_back({{"id", rules::rule_name(r.domain->rules->rows[c.row])}, {"known", covering_delta(r, c.row)}});
  return out;
}

Json executor_json(const CampaignReport& r, std::size_t e) {
  const campaign::ExecutorTotals& t = r.totals->executors[e];
  std::uint64_t left_out = 0;
  Json reasons = Json::object();
  for (const auto& [reason, count] : t.incomparable) {
    left_out += count;
    reasons[reason] = count;
  }
  Json known = Json::array();
  const auto& entries = r.judge->deltas(e).entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const compare::KnownCount& k = r.judge->counts(e)[i];
    known.push_back({{"id", entries[i].id}, {"decided", k.decided}, {"fired", k.fired}});
  }
  return {{"version", r.executors[e].version},
          {"judged", t.judged},
          {"incomparable", left_out},
          {"died", t.died},
          {"reasons", reasons},
          {"known", known},
          {"confirmed", t.confirmed.count()}};
}

Json bucket_json(const triage::Finding& f) {
  Json said = Json::object();
  for (const triage::Said& s : f.said) said[s.executor] = s.outcome;
  return {{"id", f.bucket},
          {"executor", f.executor},
          {"explanation", f.explanation.sentence},
          {"count", f.count},
          {"first_index", f.first_index},
          {"order_dependent", f.order_dependent},
          {"difference", golden_difference_text(f.smallest)},
          {"said", said}};
}

// Per stratum and executor: judged, and why not the rest.
Json strata_json(const CampaignReport& r) {
  Json out = Json::object();
  for (std::size_t i = 0; i < r.totals->strata.size(); ++i) {
    const campaign::Stratum& s = r.totals->strata[i];
    Json& j = out[std::string(r.domain->behaviour->strata[i])];
    j["cases"] = s.cases;
    for (std::size_t e = 0; e < r.executors.size(); ++e)
      j[r.executors[e].name] = {{"judged", s.judged[e]}, {"incomparable", s.incomparable[e]}};
  }
  return out;
}

// Forms that came up, with how often each executor agreed on them.
Json forms_json(const CampaignReport& r) {
  Json out = Json::object();
  for (std::uint32_t f = 1; f < r.domain->behaviour->forms; ++f) {
    std::uint64_t any = 0;
    Json j = Json::object();
    for (std::size_t e = 0; e < r.executors.size(); ++e) {
      any += r.totals->forms[e][f];
      j[r.executors[e].name] = r.totals->forms[e][f];
    }
    if (any > 0) out[r.domain->behaviour->form_name(f)] = j;
  }
  return out;
}

// How many forms each executor agreed on at least once.
std::vector<std::size_t> forms_seen(const CampaignReport& r) {
  std::vector<std::size_t> out;
  for (const auto& counts : r.totals->forms)
    out.push_back(static_cast<std::size_t>(std::ranges::count_if(counts, [](std::uint64_t n) { return n > 0; })));
  return out;
}

std::string behaviour_text(const CampaignReport& r) {
  std::string out;
  for (std::size_t i = 0; i < r.totals->strata.size(); ++i) {
    const campaign::Stratum& s = r.totals->strata[i];
    out += fmt::format("{:<16} {:>12} cases", r.domain->behaviour->strata[i], grouped(s.cases));
    for (std::size_t e = 0; e < r.executors.size(); ++e)
      out += fmt::format("  {} {:.1f} %", r.executors[e].name,
                         s.cases == 0 ? 0.0 : 100.0 * static_cast<double>(s.judged[e]) / static_cast<double>(s.cases));
    out += '\n';
  }
  out += "forms agreed on:";
  const std::vector<std::size_t> forms = forms_seen(r);
  for (std::size_t e = 0; e < r.executors.size(); ++e) out += fmt::format(" {} {}", r.executors[e].name, forms[e]);
  return out + '\n';
}

Json provenance_json(const Provenance& p) {
  return {{"version", p.version}, {"commit", p.commit}, {"schema", p.schema},
          {"golden", p.golden},   {"rules", p.rules},   {"profile", p.profile}};
}

double rate(const campaign::Totals& t) { return t.seconds > 0 ? static_cast<double>(t.judged_cases) / t.seconds : 0; }

std::string thousands(double n) { return n >= 1000 ? fmt::format("{:.1f}k", n / 1000) : fmt::format("{:.0f}", n); }

}  // namespace

Provenance provenance(const Domain& domain, std::uint16_t profile) {
  const auto hex = [](std::uint64_t x) { return fmt::format("{:016x}", x); };
  return {kVersion,
          kCommit,
          hex(schema_digest(*domain.schema)),
          hex(golden_digest(*domain.schema, profile)),
          hex(rules::rules_digest(*domain.rules)),
          hex(profile_digest(*domain.schema, profile))};
}

std::string grouped(std::uint64_t n) {
  std::string s = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(s.size()) - 3; i > 0; i -= 3) s.insert(static_cast<std::size_t>(i), ",");
  return s;
}

nlohmann::ordered_json campaign_json(const CampaignReport& r) {
  const campaign::Totals& t = *r.totals;
  Json j;
  j["domain"] = r.domain->name;
  j["profile"] = r.profile;
  j["seed"] = r.seed;
  if (!r.quirk.empty()) j["quirk"] = r.quirk;
  j["cases"] = t.cases;
  j["judged_cases"] = t.judged_cases;
  j["seconds"] = t.seconds;
  j["rate"] = rate(t);
  j["digest"] = fmt::format("{:016x}", t.digest);
  for (std::size_t e = 0; e < r.executors.size(); ++e) j["executors"][r.executors[e].name] = executor_json(r, e);
  j["divergences"] = {{"unexplained", t.unexplained},
                      {"known", t.known},
                      {"spec_unclear", t.spec_unclear},
                      {"order_dependent", t.order_dependent},
                      {"unexamined", t.unexamined}};
  j["buckets"] = Json::array();
  for (const triage::Finding& f : *r.findings) j["buckets"].push_back(bucket_json(f));
  if (r.domain->behaviour != nullptr) {
    j["strata"] = strata_json(r);
    j["forms"] = forms_json(r);
  }
  const ClassCounts n = count_classes(r);
  j["rules"] = {{"total", n.total + r.domain->exemptions.size()},
                {"alone", n.alone},
                {"implied", n.implied},
                {"unreachable", n.unreachable},
                {"not_modelled", r.domain->exemptions.size()},
                {"confirmed", n.confirmed},
                {"unconfirmed", unconfirmed_json(r)},
                {"exercised", t.exercised.count()},
                {"decided_alone", t.broken_alone.count()}};
  j["provenance"] = provenance_json(r.from);
  return j;
}

std::string campaign_text(const CampaignReport& r) {
  const campaign::Totals& t = *r.totals;
  std::string out = fmt::format("{}: {} cases in {:.1f} s, {}/s judged by two or more, seed {}, digest {:016x}\n",
                                r.domain->name, grouped(t.cases), t.seconds, thousands(rate(t)), r.seed, t.digest);
  for (std::size_t e = 0; e < r.executors.size(); ++e) {
    const auto& x = t.executors[e];
    std::uint64_t left_out = 0;
    for (const auto& [reason, count] : x.incomparable) left_out += count;
    out += fmt::format("  {:<10} {:<14} judged {}, not comparable {}, died {}\n", r.executors[e].name,
                       r.executors[e].version, grouped(x.judged), grouped(left_out), x.died);
    for (const auto& [reason, count] : x.incomparable) out += fmt::format("    {:<44} {}\n", reason, grouped(count));
    const auto& entries = r.judge->deltas(e).entries();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (const auto k = r.judge->counts(e)[i]; k.decided + k.fired > 0)
        out +=
            fmt::format("    known {:<38} decided {}, fired {}\n", entries[i].id, grouped(k.decided), grouped(k.fired));
  }
  if (r.domain->behaviour != nullptr) out += behaviour_text(r);
  if (!r.classes.empty()) {
    const ClassCounts n = count_classes(r);
    out += fmt::format(
        "rules: {} checks: {} alone ({} confirmed by an emulator), {} implied, {} unreachable here; {} without a row\n",
        n.total, n.alone, n.confirmed, n.implied, n.unreachable, r.domain->exemptions.size());
  }
  out += fmt::format("divergences: {} unexplained, {} known, {} where the manual is unclear, {} order-dependent\n",
                     grouped(t.unexplained), grouped(t.known), grouped(t.spec_unclear), grouped(t.order_dependent));
  if (t.unexamined > 0)
    out += fmt::format(
        "{} of the unexplained were only counted: many like them led to nothing new, or the time was over\n",
        grouped(t.unexamined));
  for (const triage::Finding& f : *r.findings) {
    out += fmt::format("\n{}\n  {}\n  {}\n  first case {}, {} cases\n", f.bucket, f.explanation.sentence,
                       golden_difference_text(f.smallest), f.first_index, grouped(f.count));
    if (r.domain->behaviour != nullptr) out += r.domain->behaviour->describe(f.smallest);
    for (const triage::Said& s : f.said) out += fmt::format("  {:<10} {:<14} {}\n", s.executor, s.version, s.outcome);
  }
  return out;
}

std::string progress_line(const campaign::Totals& t, std::size_t rules, std::size_t buckets, std::uint64_t wanted,
                          double limit) {
  double left = -1;
  if (limit > 0) left = std::max(limit - t.seconds, 0.0);
  if (wanted > 0 && t.cases > 0) {
    const double by_cases =
        t.seconds * static_cast<double>(wanted - std::min(wanted, t.cases)) / static_cast<double>(t.cases);
    left = left < 0 ? by_cases : std::min(left, by_cases);
  }
  const auto seconds = static_cast<unsigned>(std::max(left, 0.0));
  const std::string end = left < 0 ? "" : fmt::format("  left {:02}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}/s  {} cases  rules {}/{}  buckets {}  divergences {} (+{} known){}", thousands(rate(t)),
                     grouped(t.cases), confirmed_by_anyone(t).count(), rules, buckets, grouped(t.unexplained),
                     grouped(t.known), end);
}

std::string heartbeat_line(const campaign::Totals& t, std::size_t buckets) {
  return Json{{"seconds", t.seconds}, {"cases", t.cases},
              {"rate", rate(t)},      {"confirmed", confirmed_by_anyone(t).count()},
              {"buckets", buckets},   {"unexplained", t.unexplained},
              {"known", t.known},     {"next", t.next}}
             .dump() +
         "\n";
}

}  // namespace diffvisor::reports
