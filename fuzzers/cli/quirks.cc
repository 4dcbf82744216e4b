// SPDX-License-Identifier: Apache-2.0
// diffvisor quirks: the named defects and generic mutants of a domain; with --score, how many a campaign finds.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "harness/campaign/mutation_score.h"
#include "harness/rules/classify.h"

namespace diffvisor::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Tally {
  std::size_t all = 0, independent = 0, only_model = 0, survived = 0;
};

std::string_view kind_of(std::string_view id) { return id.substr(0, id.find(':')); }

// Why nobody could see a surviving mutant, as far as the classification proves it.
std::string proof_of_survival(const Domain& d, const rules::Mutant& m, const std::vector<rules::Classified>& classes,
                              const compare::Judge& judge, const std::vector<Executor*>& executors) {
  for (const rules::Classified& c : classes) {
    if (c.row != m.edit.row) continue;
    if (c.cls == rules::Class::Unreachable) return "unobservable: " + c.reason;
    if (c.cls == rules::Class::Implied) return "equivalent in outcome: " + c.reason;
  }
  for (std::size_t e = 0; e < executors.size(); ++e) {
    if (executors[e]->info().trust != Trust::Independent) continue;
    for (const compare::Known& k : judge.deltas(e).entries())
      for (const rules::RowEdit& edit : k.edits)
        if (edit.row == m.edit.row)
          return fmt::format("unobservable by {}: known delta {}", executors[e]->info().name, k.id);
  }
  for (const rules::Exemption& x : d.equivalent_mutants)
    if (x.id == m.id) return fmt::format("equivalent: {}", x.reason);
  return "not proven";
}

Json score_json(const std::vector<campaign::MutantFate>& fates, const campaign::Totals& t, const Json& survivors) {
  std::map<std::string, Tally, std::less<>> tallies;
  for (const campaign::MutantFate& f : fates) {
    Tally& x = tallies[std::string(kind_of(f.mutant.id))];
    ++x.all;
    x.independent += f.by_independent;
    x.only_model += !f.by_independent && f.by_model;
    x.survived += !f.by_independent && !f.by_model;
  }
  Json j = {{"cases", t.cases}, {"seconds", t.seconds}, {"unexplained", t.unexplained}};
  for (const auto& [kind, x] : tallies)
    j["mutants"][kind] = {{"all", x.all},
                          {"killed_by_independent", x.independent},
                          {"killed_by_models_only", x.only_model},
                          {"survived", x.survived}};
  j["not_killed_by_independent"] = survivors;
  return j;
}

int score(const DomainEntry& entry, const Flags& flags) {
  auto session = open_session(entry.domain->name, flags);
  if (!session) return complain(session.error());
  campaign::Options options;
  options.plan.seed = flags.seed;
  options.plan.profile = session->profile;
  options.cases = flags.cases;
  options.seconds = flags.cases == 0 && flags.seconds <= 0 ? 60 : flags.seconds;
  campaign::Campaign campaign(*entry.domain, *session->judge, session->raw(), options);
  campaign::MutationScore scores(*session->judge, session->raw());
  campaign.observe([&](const campaign::Committed& k) { scores.look(k); });
  const auto ran = campaign.run();
  if (!ran) return complain(ran.error());
  const auto classes =
      rules::classify(*entry.domain->rules, *entry.domain->schema, session->profile, entry.domain->normalise);
  Json survivors = Json::array();
  for (const campaign::MutantFate& f : scores.fates()) {
    if (f.by_independent) continue;
    survivors.push_back(
        {{"id", f.mutant.id},
         {"killed_by_models", f.by_model},
         {"proof", proof_of_survival(*entry.domain, f.mutant, classes, *session->judge, session->raw())}});
  }
  const Json j = score_json(scores.fates(), campaign.totals(), survivors);
  if (flags.json != "-") {
    fmt::print("{} cases in {:.1f} s\n", campaign.totals().cases, campaign.totals().seconds);
    for (const auto& [kind, x] : j["mutants"].items())
      fmt::print("{:<8} {:>4} mutants: {} killed by an independent executor, {} only by our models, {} by nobody\n",
                 kind, x["all"].get<int>(), x["killed_by_independent"].get<int>(),
                 x["killed_by_models_only"].get<int>(), x["survived"].get<int>());
    for (const Json& s : survivors)
      fmt::print("  {:<44} {:<7} {}\n", s["id"].get<std::string>(),
                 s["killed_by_models"].get<bool>() ? "models" : "nobody", s["proof"].get<std::string>());
  }
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, j.dump(1) + "\n"); !wrote) return complain(wrote.error());
  return campaign.totals().unexplained > 0 ? kDivergence : kClean;
}

}  // namespace

int quirks(const std::string& domain, bool with_score, const Flags& flags) {
  const auto entry = domain_named(domain);
  if (!entry) return complain(entry.error());
  if (with_score) return score(**entry, flags);
  for (const Quirk& q : all_quirks(**entry)) {
    fmt::print("{:<34} {:<10} {}\n", q.id, q.executor, q.story);
    if (!q.unseen.empty()) fmt::print("{:<45} not to be seen: {}\n", "", q.unseen);
  }
  return kClean;
}

}  // namespace diffvisor::cli
