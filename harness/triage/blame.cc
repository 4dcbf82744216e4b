// SPDX-License-Identifier: Apache-2.0
#include "harness/triage/blame.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace diffvisor::triage {
namespace {

using compare::VerdictKind;

// One against one is decided by earlier experience only where there is some: the table must have been confirmed on
// nearly all of the family, and the executor be known for mistakes in it.
constexpr std::uint64_t kConfirmedInTen = 8;

std::string listed(const std::vector<std::string>& names) {
  if (names.size() < 2) return names.empty() ? "" : names.front();
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

bool differs(const Said& s) { return s.verdict == VerdictKind::Divergence || s.verdict == VerdictKind::ExecutorDied; }

const Said* said_by(const std::vector<Said>& said, std::string_view executor) {
  const auto it = std::ranges::find(said, executor, &Said::executor);
  return it == said.end() ? nullptr : &*it;
}

std::string reference_in(const std::vector<Said>& said) {
  for (const Said& s : said)
    if (s.trust == Trust::Reference) return s.executor;
  return "the table";
}

// The independent executors: those with the reference, those that say what the suspected one says, the others.
struct Votes {
  std::vector<std::string> with_reference, with_it, elsewhere;
};

Votes count(const std::vector<Said>& said, const Said& it) {
  std::set<std::string> with_reference, with_it, elsewhere;
  for (const Said& s : said) {
    if (s.trust != Trust::Independent) continue;
    if (s.verdict == VerdictKind::Agree) with_reference.insert(s.executor);
    if (differs(s)) (s.outcome == it.outcome ? with_it : elsewhere).insert(s.executor);
  }
  const auto list = [](const std::set<std::string>& x) { return std::vector<std::string>(x.begin(), x.end()); };
  return {list(with_reference), list(with_it), list(elsewhere)};
}

Blame model(const std::string& reference, const Votes& v) {
  return {Suspect::Model, reference, "vote",
          fmt::format("{} agree with each other and not with {}", listed(v.with_it), reference)};
}

Blame executor(const std::string& who, const std::string& reference, const Votes& v) {
  std::vector<std::string> others = {reference};
  others.insert(others.end(), v.with_reference.begin(), v.with_reference.end());
  return {Suspect::Executor, who, "vote", fmt::format("{} agree, and {} stands alone", listed(others), who)};
}

// `it` is nobody's second opinion: it retells somebody's source, or what was said earlier.
Blame of_witness(const Said& it, const std::string& reference, const Votes& v) {
  if (!v.with_reference.empty()) {
    Blame b = executor(it.executor, reference, v);
    b.reason += "; it retells a source and does not vote";
    return b;
  }
  if (v.with_it.size() >= 2) return model(reference, v);
  if (v.with_it.size() == 1)
    return {Suspect::Undecided, "", "none",
            fmt::format("{} says the same as {}, which does not vote: one against one", v.with_it[0], it.executor)};
  return {Suspect::Undecided, "", "none",
          fmt::format("no independent executor judged the case, and {} does not vote", it.executor)};
}

Blame one_against_one(const std::string& who, const std::string& reference, const BlameFacts& f) {
  const auto t = f.trust.find(who);
  if (!f.family.empty() && t != f.trust.end()) {
    const FamilyTrust& x = t->second;
    if (x.wrong > 0 && x.confirmed * 10 >= x.rules * kConfirmedInTen)
      return {Suspect::Executor, who, "trust",
              fmt::format("one against one, but {} confirmed {} of the {} checks of {} and is known to be wrong on {}",
                          who, x.confirmed, x.rules, f.family, x.wrong)};
  }
  if (f.family.empty())
    return {
        Suspect::Undecided, "", "none",
        fmt::format("{} against {} alone: either our table lacks a rule, or {} is too strict", who, reference, who)};
  return {Suspect::Undecided, "", "none",
          fmt::format("{} against {} alone; a second independent executor would decide", who, reference)};
}

Blame by_votes(const std::string& who, const std::string& reference, const Votes& v, const BlameFacts& f) {
  const std::size_t against = v.with_it.size(), with = 1 + v.with_reference.size();
  if (against > with) return model(reference, v);
  if (v.with_reference.empty() && !v.elsewhere.empty() && against == 1)
    return {Suspect::Undecided, "", "none",
            fmt::format("three answers: {}, {} and {} all say something else", reference, who, listed(v.elsewhere))};
  if (against < with) return executor(listed(v.with_it), reference, v);
  if (against >= 2)
    return {Suspect::Undecided, "", "none",
            fmt::format("{} against {} and {}", listed(v.with_it), reference, listed(v.with_reference))};
  return one_against_one(who, reference, f);
}

}  // namespace

std::string_view suspect_name(Suspect s) {
  switch (s) {
    case Suspect::Model:
      return "model";
    case Suspect::Executor:
      return "executor";
    case Suspect::SpecUnclear:
      return "specification unclear";
    case Suspect::Undecided:
      return "undecided";
  }
  return {};
}

std::string family_of(std::string_view rule) {
  const auto first = rule.find('.');
  return std::string(first == rule.npos ? rule : rule.substr(0, rule.find('.', first + 1)));
}

std::vector<Group> groups_of(const std::vector<Said>& said) {
  std::map<std::string, std::set<std::string>> by_outcome;
  for (const Said& s : said)
    if (s.verdict != VerdictKind::Incomparable) by_outcome[s.outcome].insert(s.executor);
  std::vector<Group> out;
  for (const auto& [outcome, names] : by_outcome) out.push_back({outcome, {names.begin(), names.end()}});
  return out;
}

std::vector<std::string> allies_of(const std::vector<Said>& said, std::string_view who) {
  const Said* it = said_by(said, who);
  std::set<std::string> out = {std::string(who)};
  for (const Said& s : said)
    if (it != nullptr && s.verdict == it->verdict && s.outcome == it->outcome && differs(s)) out.insert(s.executor);
  return {out.begin(), out.end()};
}

Blame blame(const BlameFacts& f) {
  const Said* it = f.said == nullptr ? nullptr : said_by(*f.said, f.differs);
  if (it == nullptr) return {Suspect::Undecided, "", "none", "nobody's answer is recorded"};
  if (it->verdict == VerdictKind::ExecutorDied && it->trust == Trust::Independent)
    return {Suspect::Executor, it->executor, "vote", it->executor + " died of the case, whatever the right answer is"};
  if (!f.unclear.empty())
    return {Suspect::SpecUnclear, "", "manual",
            fmt::format("the manual can be read both ways here: {}", fmt::join(f.unclear, ", "))};
  const std::string reference = reference_in(*f.said);
  const Votes votes = count(*f.said, *it);
  if (it->trust != Trust::Independent) return of_witness(*it, reference, votes);
  return by_votes(it->executor, reference, votes, f);
}

}  // namespace diffvisor::triage
