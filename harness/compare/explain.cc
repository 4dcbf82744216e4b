// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/base/bits.h"
#include "harness/bucket/bucket.h"

namespace diffvisor::compare {
namespace {

using rules::Kind;
using rules::RowEdit;
using rules::Rule;

RowEdit drop(std::size_t row) {
  RowEdit e;
  e.row = row;
  e.drop = true;
  return e;
}

// Rows whose absence gives `seen`: all broken ones before the first phase whose outcomes include it. Empty if dropping
// cannot explain it.
std::vector<std::size_t> rows_to_drop(const Judge& judge, const Case& c, const Reading& r, rules::Outcome seen) {
  const Domain& d = judge.domain();
  rules::Survey left = r.survey;
  std::vector<std::size_t> dropped;
  for (;;) {
    const rules::Ruling now = judge.table().ruling(c.v.data(), left);
    if (now.deciders.none()) return {};
    bool match = false;
    now.deciders.each([&](std::size_t i) { match |= d.observation->outcome_matches(judge.table().outcome(i), seen); });
    if (match) return dropped;
    now.deciders.each([&](std::size_t i) {
      dropped.push_back(i);
      left.broken.reset(i);
    });
  }
}

// Wide fields whose bits have no names are numbers and addresses: which bit of them differs is chance.
bool is_number(const Field& f) { return f.bits.empty() && f.width > 16; }

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& ch : out) ch = static_cast<char>(ch >= 'A' && ch <= 'Z' ? ch - 'A' + 'a' : ch);
  return out;
}

std::uint64_t bits_of(const BitName& n) {
  const unsigned width = n.hi - n.lo + 1u;
  return (width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1) << n.lo;
}

// What of a field differs, where that says anything: one bit has its number, but reserved bits are alike; several bits
// are told by the names of the pieces they lie in, small ones with their value. Nothing for numbers.
std::string pieces_word(const Field& f, std::uint64_t x, std::uint64_t value) {
  if (is_number(f) || (f.bits.empty() && !std::has_single_bit(x))) return {};
  if (f.bits.empty()) return fmt::format(".{}", std::countr_zero(x));
  std::string out;
  std::uint64_t named = 0;
  for (const BitName& n : f.bits) {
    named |= bits_of(n);
    if ((x & bits_of(n)) == 0) continue;
    if (std::has_single_bit(x)) return fmt::format(".{}", std::countr_zero(x));
    out += fmt::format(".{}", n.name);
    constexpr int kSmall = 8;  // bits
    if (n.hi > n.lo && n.hi - n.lo < kSmall) out += fmt::format(".{}", (value & bits_of(n)) >> n.lo);
  }
  return (x & ~named) != 0 ? out + ".reserved" : out;
}

// Where the case departs from golden, as words: the fields by name, in schema order. More than four are counted.
std::string difference_word(const Case& c) {
  const auto golden = golden_values(c);
  std::vector<std::string> words;
  std::string pieces;  // of the last field
  for (const Field& f : c.schema->fields) {
    std::uint64_t x = 0;
    for (unsigned i = 0; i < f.count; ++i) x |= c.v[f.slot + i] ^ golden[f.slot + i];
    if (f.role == Role::Context) x = c.v[f.slot];
    if (x == 0 || f.role == Role::Capability) continue;
    words.push_back(lower(f.name));
    pieces = f.count == 1 || std::has_single_bit(x) ? pieces_word(f, x, c.v[f.slot]) : std::string();
  }
  if (words.size() == 1) words[0] += pieces;
  if (words.empty()) return "golden";
  if (words.size() <= 4) return fmt::format("{}", fmt::join(words, "."));
  return fmt::format("{}.and_{}_more", fmt::join(words.begin(), words.begin() + 4, "."), words.size() - 4);
}

// A defect is named by the checks that are not made. Limits and exits that come into view behind them differ from case
// to case; they count only by themselves.
std::vector<std::string> names(const Judge& judge, const std::vector<std::size_t>& rows) {
  std::vector<std::string> checks, all;
  for (const std::size_t i : rows) {
    const Rule& rule = judge.domain().rules->rows[i];
    all.push_back(rules::rule_name(rule));
    if (rule.kind == Kind::Check) checks.push_back(all.back());
  }
  return checks.empty() ? all : checks;
}

std::string bucket_of(const Judge& judge, std::string_view executor, std::string_view what, std::string_view detail) {
  return bucket::spell(fmt::format("{}.{}.{}.{}", judge.domain().name, executor, what, detail));
}

bool only_exits(const Judge& judge, const std::vector<std::size_t>& rows) {
  for (const std::size_t i : rows)
    if (judge.domain().rules->rows[i].kind != Kind::Exit) return false;
  return true;
}

Explanation explain_drop(const Judge& judge, std::string_view executor, const std::vector<std::size_t>& rows,
                         const Observation& seen) {
  Explanation e;
  e.difference = only_exits(judge, rows) ? Difference::Outcome : Difference::Accepts;
  for (const std::size_t i : rows) e.edits.push_back(drop(i));
  const std::vector<std::string> ids = names(judge, rows);
  e.bucket = bucket_of(judge, executor, e.difference == Difference::Accepts ? "accepts" : "skips",
                       fmt::format("{}", fmt::join(ids, ".")));
  e.sentence = fmt::format("{} does not enforce {}: it says {}", executor, fmt::join(ids, " and "),
                           judge.domain().observation->outcome_text(seen.outcome));
  return e;
}

Explanation explain_outcome(const Judge& judge, std::string_view executor, std::size_t row, const Observation& seen) {
  const Domain& d = judge.domain();
  Explanation e;
  e.difference = Difference::Outcome;
  RowEdit edit;
  edit.row = row;
  edit.outcome = seen.outcome;
  e.edits.push_back(edit);
  const std::string name = rules::rule_name(d.rules->rows[row]);
  e.bucket =
      bucket_of(judge, executor, "outcome", fmt::format("{}.{}", name, d.observation->outcome_word(seen.outcome)));
  e.sentence = fmt::format("{} reports {} as {}, not {}", executor, name, d.observation->outcome_text(seen.outcome),
                           d.observation->outcome_text(judge.table().outcome(row)));
  return e;
}

Explanation explain_rejection(const Judge& judge, std::string_view executor, const Case& c, const Observation& seen) {
  const Domain& d = judge.domain();
  Explanation e;
  e.difference = Difference::Rejects;
  e.bucket = bucket_of(judge, executor, "rejects",
                       fmt::format("{}.{}", d.observation->outcome_word(seen.outcome), difference_word(c)));
  e.sentence = fmt::format("{} says {} where no rule is broken that has this outcome ({})", executor,
                           d.observation->outcome_text(seen.outcome), difference_word(c));
  return e;
}

std::string field_word(const Behaviour& behaviour, const ObservationSchema& o, std::size_t field, std::uint64_t bits) {
  const std::string word = behaviour.difference == nullptr ? std::string() : behaviour.difference(field, bits);
  return word.empty() ? std::string(o.fields[field].name) : word;
}

// Bits of named fields that the case needs, such as the control bit that a check asks for.
std::string conditions_word(const Case& c) {
  const auto golden = golden_values(c);
  std::string out;
  for (const Field& f : c.schema->fields) {
    const std::uint64_t x = c.v[f.slot] ^ golden[f.slot];
    if (is_baseline_role(f.role) && !f.bits.empty() && x != 0)
      out += "." + lower(f.name) + pieces_word(f, x, c.v[f.slot]);
  }
  return out;
}

// How an exception is delivered does not depend on the instruction.
void name_delivery(const Behaviour::Account& a, bool elsewhere, Explanation& e) {
  e.subject = a.delivery;
  if (elsewhere) e.detail = "target";
  if (!a.then.empty()) e.detail = a.then + "." + e.detail;
}

// A result is an instruction's own. A check that any instruction may fail is named for itself where a plain one fails
// it; another instruction may have meant to access something else. An exception that the reference does not raise is
// named by what the case needs for it, for nobody says which check it was.
void name_behaviour(const Behaviour& behaviour, const Case& c, const Observation& seen, const Observation& reference,
                    bool outcome, Explanation& e) {
  const Behaviour::Account a = behaviour.account(c, reference, seen);
  const bool raises = behaviour.is_exception != nullptr && behaviour.is_exception(seen);
  e.subject = a.subject;
  if (!a.delivery.empty()) {
    const std::size_t to = behaviour.target;
    const bool moved = to < kMaxRecord && seen.defined.test(to) && seen.record[to] != reference.record[to];
    return name_delivery(a, outcome || moved, e);
  }
  e.shared = outcome && raises && a.group.empty();
  e.by_access = a.access && !a.plain;
  if (e.shared || a.check.empty()) return;
  if (e.by_access) {
    e.detail = "access";
  } else if (outcome || !a.group.empty()) {
    e.subject = outcome ? a.check : a.group;
  }
}

Explanation explain_behaviour(const Judge& judge, std::string_view executor, const Case& c, const Observation& seen,
                              const Observation& reference) {
  const ObservationSchema& o = *judge.domain().observation;
  const std::size_t field = Judge::first_difference(reference, seen).value_or(kMaxRecord);
  const Behaviour* behaviour = judge.domain().behaviour;
  Explanation e;
  e.difference = Difference::Behaves;
  const bool outcome = field >= o.fields.size();
  e.detail = outcome ? o.outcome_word(seen.outcome) : std::string(o.fields[field].name);
  if (behaviour == nullptr) {
    e.subject = "differs";
  } else {
    e.detail = outcome ? e.detail + ".not." + o.outcome_word(reference.outcome)
                       : field_word(*behaviour, o, field, seen.record[field] ^ reference.record[field]);
    name_behaviour(*behaviour, c, seen, reference, outcome, e);
  }
  e.bucket = bucket_of(judge, executor, e.subject, e.shared && !e.by_access ? e.detail + conditions_word(c) : e.detail);
  e.sentence = outcome ? fmt::format("{} says {}, the reference {}", executor, o.outcome_text(seen.outcome),
                                     o.outcome_text(reference.outcome))
                       : fmt::format("{} leaves {} = {:#x}, the reference {:#x}", executor, o.fields[field].name,
                                     seen.record[field], reference.record[field]);
  return e;
}

}  // namespace

Explanation explain(const Judge& judge, std::string_view executor, const Case& c, const Reading& r,
                    const Observation& seen, const Observation* reference, const Case* about) {
  if (seen.status == Status::Died) {
    Explanation e;
    e.difference = Difference::Dies;
    e.bucket = bucket_of(judge, executor, "dies", fmt::format("{}.{}", seen.reason, difference_word(c)));
    e.sentence = fmt::format("{} dies ({}) ({})", executor, seen.reason, difference_word(c));
    return e;
  }
  if (reference != nullptr && judge.domain().rules->rows.empty())
    return explain_behaviour(judge, executor, c, seen, *reference);
  const auto rows = rows_to_drop(judge, c, r, seen.outcome);
  if (!rows.empty()) return explain_drop(judge, executor, rows, seen);
  std::size_t decider = 0, deciders = 0;
  r.ruling.deciders.each([&](std::size_t i) {
    decider = i;
    ++deciders;
  });
  // What the table says too differs from the executor's known deltas: no outcome of a row is at fault.
  const bool check = deciders == 1 && judge.domain().rules->rows[decider].kind == Kind::Check &&
                     !judge.accepts(judge.table(), c, r, seen.outcome);
  if (check && judge.domain().observation->same_family(judge.table().outcome(decider), seen.outcome))
    return explain_outcome(judge, executor, decider, seen);
  return explain_rejection(judge, executor, about == nullptr ? c : *about, seen);
}

Explanation explain_new(const Judge& judge, std::size_t executor, std::string_view names, const Case& c,
                        const Reading& r, const Observation& seen, const Observation* reference) {
  if (reference == nullptr) return explain(judge, names, c, r, seen);
  const Observation nearest = judge.nearest(c, executor, seen, *reference);
  return explain(judge, names, c, r, seen, &nearest);
}

}  // namespace diffvisor::compare
