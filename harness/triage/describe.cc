// SPDX-License-Identifier: Apache-2.0
#include "harness/triage/describe.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "harness/case/diff.h"
#include "harness/case/text.h"
#include "harness/rules/expr_text.h"

namespace diffvisor::triage {
namespace {

using compare::Difference;

std::string_view difference_name(Difference d) {
  switch (d) {
    case Difference::Accepts:
      return "accepts";
    case Difference::Outcome:
      return "outcome";
    case Difference::Rejects:
      return "rejects";
    case Difference::Dies:
      return "dies";
    case Difference::Behaves:
      return "behaves";
  }
  return {};
}

RuleText rule_text(const Domain& d, std::size_t row, std::string edit) {
  const rules::Rule& r = d.rules->rows[row];
  const bool check = r.kind == rules::Kind::Check;
  const auto condition = [&](const rules::Expr& e) {
    return check ? rules::expr_text(e, *d.schema, d.rules->functions) : std::string();
  };
  return {rules::rule_name(r),
          std::string(r.section),
          r.kind == rules::Kind::Limit ? "not comparable" : d.observation->outcome_text(r.outcome),
          condition(r.when),
          condition(r.must),
          std::move(edit)};
}

// The rules whose edits explain it, then those that decide the case and are not among them.
std::vector<RuleText> rules_of(const Finding& f, const compare::Judge& judge) {
  const Domain& d = judge.domain();
  std::vector<RuleText> out;
  rules::RuleBits named;
  for (const rules::RowEdit& e : f.explanation.edits) {
    out.push_back(rule_text(d, e.row, e.outcome ? "outcome " + d.observation->outcome_text(*e.outcome) : "drop"));
    named.set(e.row);
  }
  if (d.rules->rows.empty()) return out;
  const compare::Reading r = judge.read(f.smallest);
  r.ruling.deciders.each([&](std::size_t i) {
    if (!named.test(i)) out.push_back(rule_text(d, i, ""));
  });
  return out;
}

std::vector<FieldText> fields_of(const CaseDifference& d) {
  std::vector<FieldText> out;
  for (const FieldDifference& f : d.fields) {
    const std::string index = f.field->count > 1 ? fmt::format("[{}]", f.index) : "";
    out.push_back({std::string(f.field->name) + index, fmt::format("{:#x}", f.before), fmt::format("{:#x}", f.after),
                   field_difference_text(f)});
  }
  return out;
}

std::array<std::uint64_t, 5> size_of(const CaseDifference& d, const Case& c) {
  std::array<std::uint64_t, 5> n{};
  for (const FieldDifference& f : d.fields) {
    ++n[f.field->role == Role::Capability ? 0 : 1];
    n[4] += static_cast<std::uint64_t>(std::popcount(f.before ^ f.after));
  }
  n[2] = c.operations.size();
  for (const auto& area : c.areas) n[3] += area.size();
  return n;
}

// Points of the manual that are unclear and edit a row the explanation edits too.
std::set<std::string> unclear_of(const Finding& f, const compare::Judge& judge) {
  std::set<std::string> out;
  for (const compare::Known& k : judge.unclear())
    for (const rules::RowEdit& e : k.edits)
      if (std::ranges::find(f.explanation.edits, e.row, &rules::RowEdit::row) != f.explanation.edits.end())
        out.insert(k.id);
  return out;
}

FamilyTrust trust_in(const Surroundings& from, std::size_t executor, std::string_view family) {
  FamilyTrust t;
  const auto& rows = from.judge->domain().rules->rows;
  rules::RuleBits wrong;
  for (const compare::Known& k : from.judge->deltas(executor).entries())
    for (const rules::RowEdit& e : k.edits) wrong.set(e.row);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].kind != rules::Kind::Check || family_of(rows[i].id) != family) continue;
    ++t.rules;
    t.confirmed += executor < from.confirmed.size() && from.confirmed[executor].test(i);
    t.wrong += wrong.test(i);
  }
  return t;
}

}  // namespace

Record describe(const Finding& f, const Surroundings& from) {
  const Domain& d = from.judge->domain();
  const CaseDifference difference = difference_from_golden(f.smallest);
  Record r;
  r.bucket = f.bucket;
  r.domain = d.name;
  r.smallest = {size_of(difference, f.smallest),
                encode_text(StoredCase{"", f.smallest, {}, false}),
                std::string(difference_name(f.explanation.difference)),
                f.explanation.sentence,
                golden_difference_text(f.smallest),
                f.executor,
                fields_of(difference),
                rules_of(f, *from.judge),
                f.order_dependent,
                from.first,
                d.behaviour == nullptr ? std::string() : d.behaviour->describe(f.smallest)};
  r.said = f.said;
  r.unclear = unclear_of(f, *from.judge);
  if (const std::string family = r.family(); !family.empty())
    for (std::size_t e = 0; e < from.executors.size(); ++e)
      if (from.executors[e].trust == Trust::Independent) r.trust[from.executors[e].name] = trust_in(from, e, family);
  const Blame b = r.blame();
  r.suspects.insert(b.who.empty() ? std::string(suspect_name(b.suspect)) : b.who);
  Origin o = from.origin;
  o.count = f.count;
  o.first_index = f.first_index;
  o.first_case = f.first_case;
  r.origins[from.origin_id] = o;
  return merged(r, r);  // in canonical order
}

}  // namespace diffvisor::triage
