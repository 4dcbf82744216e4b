// SPDX-License-Identifier: Apache-2.0
#include "harness/rules/rule.h"

#include <fmt/format.h>

#include "harness/base/digest.h"

namespace diffvisor::rules {
namespace {

void add_expr(Digest& d, const Expr& e) {
  for (unsigned i = 0; i < e.size; ++i) {
    const Node& n = e.n[i];
    d.add(static_cast<std::uint64_t>(n.op)).add(n.a.slot).add(n.a.lo).add(n.a.n);
    d.add(n.b.slot).add(n.b.lo).add(n.b.n).add(n.c).add(n.l).add(n.r);
  }
}

}  // namespace

const RuleSet& no_rules() {
  static constexpr RuleSet kNone = {{},
                                    {},
                                    [](const std::uint64_t*, Survey& out) { out = Survey{}; },
                                    []() -> const BatchPlan* { return nullptr; },
                                    [](std::size_t, std::uint64_t, std::uint64_t, Repairing* const*) {}};
  return kNone;
}

std::uint64_t rules_digest(const RuleSet& set) {
  Digest d;
  for (const Rule& r : set.rows) {
    d.add(r.id).add(r.entry).add(static_cast<std::uint64_t>(r.kind)).add(r.phase).add(r.outcome);
    add_expr(d, r.when);
    add_expr(d, r.must);
  }
  return d.value();
}

std::size_t find_rule(const RuleSet& set, std::string_view id, unsigned entry) {
  std::size_t i = 0;
  while (i < set.rows.size() && (set.rows[i].id != id || set.rows[i].entry != entry)) ++i;
  return i;
}

std::string rule_name(const Rule& rule) {
  return rule.entry == 0 ? std::string(rule.id) : fmt::format("{}[{}]", rule.id, rule.entry);
}

}  // namespace diffvisor::rules
