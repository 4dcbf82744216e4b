// SPDX-License-Identifier: Apache-2.0
// diffvisor rules: the table with classes, sections and conditions; --coverage writes the same as JSON.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "harness/rules/classify.h"
#include "harness/rules/expr_text.h"

namespace diffvisor::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view kind_name(rules::Kind k) {
  switch (k) {
    case rules::Kind::Check:
      return "check";
    case rules::Kind::Exit:
      return "exit";
    case rules::Kind::Limit:
      return "limit";
  }
  return "";
}

Json row_json(const Domain& d, std::size_t i, const rules::Classified* c) {
  const rules::Rule& r = d.rules->rows[i];
  Json j = {{"id", rules::rule_name(r)},
            {"section", r.section},
            {"kind", kind_name(r.kind)},
            {"outcome", d.observation->outcome_text(r.outcome)},
            {"when", rules::expr_text(r.when, *d.schema, d.rules->functions)},
            {"must", rules::expr_text(r.must, *d.schema, d.rules->functions)}};
  if (c != nullptr) {
    j["class"] = rules::class_name(c->cls);
    if (!c->reason.empty()) j["reason"] = c->reason;
    if (c->by) j["by"] = rules::rule_name(d.rules->rows[*c->by]);
  }
  return j;
}

void print_row(const Json& j) {
  fmt::print("{:<34} {:<10} {:<12} {:<20} when {}  must {}\n", j["id"].get<std::string>(),
             j["section"].get<std::string>(), j.value("class", j["kind"].get<std::string>()),
             j["outcome"].get<std::string>(), j["when"].get<std::string>(), j["must"].get<std::string>());
  if (j.contains("reason")) fmt::print("{:<34} {}\n", "", j["reason"].get<std::string>());
}

}  // namespace

int list_rules(const std::string& name, const std::string& coverage, const Flags& flags) {
  const auto entry = domain_named(name);
  if (!entry) return complain(entry.error());
  const Domain& d = *(*entry)->domain;
  const auto profile = profile_named(d, flags.profile);
  if (!profile) return complain(profile.error());
  const auto classes = rules::classify(*d.rules, *d.schema, *profile, d.normalise);
  Json all = Json::array();
  std::size_t counts[3] = {};
  for (std::size_t i = 0; i < d.rules->rows.size(); ++i) {
    const auto it = std::ranges::find(classes, i, &rules::Classified::row);
    const rules::Classified* c = it == classes.end() ? nullptr : &*it;
    if (c != nullptr) ++counts[static_cast<std::size_t>(c->cls)];
    all.push_back(row_json(d, i, c));
  }
  for (const rules::Exemption& x : d.exemptions)
    all.push_back({{"id", x.id}, {"class", "not_modelled"}, {"reason", x.reason}});
  const Json report = {{"domain", d.name},
                       {"profile", d.schema->profiles[*profile].name},
                       {"total", classes.size() + d.exemptions.size()},
                       {"alone", counts[0]},
                       {"implied", counts[1]},
                       {"unreachable", counts[2]},
                       {"not_modelled", d.exemptions.size()},
                       {"rules", all}};
  if (!coverage.empty()) {
    if (auto wrote = write_output(coverage, report.dump(1) + "\n"); !wrote) return complain(wrote.error());
  }
  if (coverage != "-") {
    for (const Json& j : all) {
      if (j.contains("when"))
        print_row(j);
      else
        fmt::print("{:<34} {:<23} {}\n", j["id"].get<std::string>(), "not_modelled", j["reason"].get<std::string>());
    }
    fmt::print("{}: {} rules in profile {}: {} alone, {} implied, {} unreachable, {} not modelled\n", d.name,
               classes.size() + d.exemptions.size(), d.schema->profiles[*profile].name, counts[0], counts[1], counts[2],
               d.exemptions.size());
  }
  return kClean;
}

}  // namespace diffvisor::cli
