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

// Which single bit of the field differs, where that says anything: not in a number, and of reserved bits only that it
// is one of them.
std::string bit_word(const Field& f, std::uint64_t bits) {
  if (!std::has_single_bit(bits) || is_number(f)) return {};
  const auto bit = static_cast<unsigned>(std::countr_zero(bits));
  const bool named = std::ranges::any_of(f.bits, [&](const BitName& n) { return n.lo <= bit && bit <= n.hi; });
  return named || f.bits.empty() ? fmt::format(".{}", bit) : ".reserved";
}

// Where the case departs from golden, as words: the fields by name, in schema order. One field that differs in one bit
// says which. More than four fields are counted.
std::string difference_word(const Case& c) {
  const auto golden = golden_values(c);
  std::vector<std::string> words;
  std::string bit;  // of the last field
  for (const Field& f : c.schema->fields) {
    std::uint64_t x = 0;
    for (unsigned i = 0; i < f.count; ++i) x |= c.v[f.slot + i] ^ golden[f.slot + i];
    if (f.role == Role::Context) x = c.v[f.slot];
    if (x == 0 || f.role == Role::Capability) continue;
    words.emplace_back(f.name);
    bit = bit_word(f, x);
  }
  for (std::string& w : words)
    for (char& ch : w) ch = static_cast<char>(ch >= 'A' && ch <= 'Z' ? ch - 'A' + 'a' : ch);
  if (words.size() == 1) words[0] += bit;
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

Explanation explain_behaviour(const Judge& judge, std::string_view executor, const Case& c, const Observation& seen,
                              const Observation& reference) {
  const ObservationSchema& o = *judge.domain().observation;
  const std::size_t field = Judge::first_difference(reference, seen).value_or(kMaxRecord);
  const Behaviour* behaviour = judge.domain().behaviour;
  Explanation e;
  e.difference = Difference::Behaves;
  const bool outcome = field >= o.fields.size();
  const std::string what = outcome ? o.outcome_word(seen.outcome) : std::string(o.fields[field].name);
  e.bucket = behaviour == nullptr ? bucket_of(judge, executor, "differs", what)
                                  : bucket_of(judge, executor, behaviour->subject(c),
                                              outcome ? what + ".not." + o.outcome_word(reference.outcome) : what);
  e.sentence = outcome ? fmt::format("{} says {}, the reference {}", executor, o.outcome_text(seen.outcome),
                                     o.outcome_text(reference.outcome))
                       : fmt::format("{} leaves {} = {:#x}, the reference {:#x}", executor, o.fields[field].name,
                                     seen.record[field], reference.record[field]);
  return e;
}

}  // namespace

Explanation explain(const Judge& judge, std::string_view executor, const Case& c, const Reading& r,
                    const Observation& seen, const Observation* reference) {
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
  return explain_rejection(judge, executor, c, seen);
}

}  // namespace diffvisor::compare
