// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/toy_domain.h"

#include <array>

#include <fmt/format.h>

#include "harness/rules/compile.h"

namespace diffvisor::toy {
namespace {

using rules::always;
using rules::bit;
using rules::clear;
using rules::Kind;
using rules::le;
using rules::never;
using rules::Rule;

constexpr Field kFields[] = {
    {1, "A", 8, 1, A, Role::State, "values", 0, {}, {}},
    {2, "B", 8, 1, B, Role::State, "values", 0, {}, {}},
    {3, "LIST", 8, 2, List, Role::State, "values", 0, {}, {}},
};
constexpr ProfileSpec kProfiles[] = {{"plain", "no capabilities", {}}};
void golden(std::uint64_t* v) { v[A] = v[B] = v[List] = v[ListLast] = 0; }

// clang-format off
//  id             section  kind         phase entry outcome       when              must
constexpr std::array kTable = {
  Rule{"toy.a.even",   "1", Kind::Check, 10, 0, kBadA,        always(),         clear(A, 0)},
  Rule{"toy.b.small",  "2", Kind::Check, 10, 0, kBadB,        always(),         le(rules::all(B), 0x1f)},
  Rule{"toy.a.high",   "3", Kind::Check, 20, 0, kBadHigh,     bit(B, 0),        rules::zero(A, 7, 4)},
  Rule{"toy.list",     "4", Kind::Check, 20, 1, kBadList,     always(),         clear(List, 7)},
  Rule{"toy.list",     "4", Kind::Check, 20, 2, kBadList,     always(),         clear(ListLast, 7)},
  Rule{"toy.hangs",    "5", Kind::Limit, 30, 0, kNobodyKnows, always(),         !rules::eq(A, 2)},
  Rule{"toy.leaves",   "6", Kind::Exit,  40, 0, kEarly,       bit(B, 4),        never()},
  Rule{"toy.ends",     "7", Kind::Exit,  50, 0, kDone,        always(),         never()},
};
// clang-format on
static_assert(kTable.size() == kRows);
constexpr std::array<rules::FreeCondition, 0> kFunctions{};
constexpr rules::RuleSet kRules = rules::make_rule_set<kTable, kFunctions>();

constexpr std::array kRecord = {RecordField{"VALUE", 32}, RecordField{"FLAGS", 8}};

std::string outcome_text(rules::Outcome o) {
  return o == kDone ? "done" : o == kEarly ? "early" : fmt::format("bad({})", o);
}
std::string outcome_word(rules::Outcome o) {
  return o == kDone ? "done" : o == kEarly ? "early" : std::string("bad_") + static_cast<char>('a' + o % 26);
}
bool matches(rules::Outcome expected, rules::Outcome seen) { return expected == seen; }
bool outcome_of(std::string_view text, rules::Outcome& out) {
  for (out = 0; out < 100; ++out)
    if (outcome_text(out) == text) return true;
  return false;
}
bool same_family(rules::Outcome a, rules::Outcome b) { return a >= 10 && a / 10 == b / 10; }

constexpr ObservationSchema kObservation = {kRecord, &outcome_text, &outcome_word, &matches, &outcome_of, &same_family};

Domain make_domain(const rules::RuleSet& set) {
  Domain d;
  d.name = "toy";
  d.summary = "for tests";
  d.schema = &schema();
  d.observation = &kObservation;
  d.rules = &set;
  d.reference = "table";
  d.model_version = "1";
  return d;
}

}  // namespace

const Schema& schema() {
  static constexpr Schema kSchema = {"toy", 1, kFields, kSlots, {}, {}, 0, kProfiles, &golden};
  return kSchema;
}

const Domain& domain() {
  static const Domain d = make_domain(kRules);
  return d;
}

const Domain& behaviour_domain() {
  static const Domain d = make_domain(rules::no_rules());
  return d;
}

Case toy_case(std::uint64_t a, std::uint64_t b) {
  Case c = golden_case(schema());
  c.v[A] = a;
  c.v[B] = b;
  return c;
}

Observation says(rules::Outcome outcome) {
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome;
  return o;
}

}  // namespace diffvisor::toy
