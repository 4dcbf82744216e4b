// SPDX-License-Identifier: Apache-2.0
// diffvisor vectors: a file of expected outcomes, run on one executor of each domain it names.
#include <algorithm>
#include <map>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "fuzzers/vectors.h"
#include "fuzzers/x86_insn/cpu_vectors.h"
#include "fuzzers/x86_insn/replay_vectors.h"
#include "harness/base/file.h"

namespace diffvisor::cli {
namespace {

using Json = nlohmann::ordered_json;
using Counts = std::map<std::string, std::size_t>;

constexpr std::size_t kBatch = 256;  // vectors

struct Failure {
  std::string id;
  std::string expected;
  std::string seen;
};

struct Tally {
  std::size_t passed = 0;
  std::vector<Failure> failures;
  Counts known;              // by what explains the outcome
  Counts skipped;            // by reason
  Counts other_domains;      // by name
  bool by_reference = true;  // nobody but the reference ran
};

std::size_t total(const Counts& counts) {
  std::size_t n = 0;
  for (const auto& [name, count] : counts) n += count;
  return n;
}

// A vector that can be run, and what the reference table says of it.
struct Runnable {
  const Vector* vector;
  std::vector<OutcomePattern> accepted;
  std::optional<Observation> after;  // what stands for the reference, where behaviour is judged
  compare::Reading reading;
};

class Runner {
 public:
  Runner(Session& session, bool chosen_profile, Tally& tally)
      : session_(session), executor_(*session.executors[0]), tally_(tally) {
    profile_.fixed = executor_.info().trust == Trust::Independent;
    if (profile_.fixed || chosen_profile) profile_.profile = session.profile;
    by_reference_ = executor_.info().trust == Trust::Reference;
    for (const Quirk& q : session.quirks) {
      if (q.executor != session.entry->domain->reference) continue;
      defects_ = q.more;
      defects_.push_back(q.id);
    }
  }

  Result<void> run(std::span<const Vector* const> vectors) {
    for (std::size_t at = 0; at < vectors.size(); at += kBatch)
      if (auto done = batch(vectors.subspan(at, std::min(kBatch, vectors.size() - at))); !done) return done;
    return {};
  }

 private:
  Result<void> batch(std::span<const Vector* const> vectors) {
    std::vector<Case> cases;
    std::vector<Runnable> running;
    for (const Vector* v : vectors) prepare(*v, cases, running);
    std::vector<Observation> seen(cases.size());
    if (cases.empty()) return {};
    executor_.submit(cases, seen);
    if (auto done = executor_.collect(); !done) return done;
    for (std::size_t i = 0; i < cases.size(); ++i) judge(running[i], cases[i], seen[i]);
    return {};
  }

  void prepare(const Vector& v, std::vector<Case>& cases, std::vector<Runnable>& running) {
    auto built = session_.entry->vectors->build(v, profile_);
    if (!built) return not_built(v, built.error());
    const compare::Reading r = session_.judge->read(built->c);
    // The model of the reference knows neither the quirk nor what lies behind a limit; the table knows both.
    if (by_reference_ && (session_.judge->table().edited() || !session_.judge->limit(r).empty()))
      return judge({&v, std::move(built->accepted), built->after, r}, built->c, by_table(built->c, r));
    if (const auto why = unrunnable(built->c, r); !why.empty()) return skip(why);
    cases.push_back(std::move(built->c));
    running.push_back({&v, std::move(built->accepted), built->after, r});
  }

  // Limits keep a harness from asking what it could not check or survive. A vector comes with its answer, so of the
  // reference only the rules are asked.
  Observation by_table(const Case& c, const compare::Reading& r) const {
    const rules::RuleSet& set = *session_.entry->domain->rules;
    rules::EditedRules checks(set, session_.judge->table().edits());
    for (std::size_t i = 0; i < set.rows.size(); ++i) {
      if (set.rows[i].kind != rules::Kind::Limit) continue;
      rules::RowEdit edit;
      edit.row = i;
      edit.drop = true;
      checks.add(edit);
    }
    const rules::Ruling ruling = checks.ruling(c.v.data(), checks.survey(c.v.data(), r.survey));
    Observation o = incomparable("no rule decides");
    ruling.deciders.each([&](std::size_t i) {
      if (o.status != Status::Ran) o.outcome = checks.outcome(i);
      o.status = Status::Ran;
    });
    return o;
  }

  // Why the executor must not be asked; empty if it may be.
  std::string unrunnable(const Case& c, const compare::Reading& r) const {
    const std::string_view why = session_.judge->refusal(c, r, 0);
    if (why.empty()) return {};
    if (why != "known_death") return fmt::format("nobody can judge it: {}", why);
    return fmt::format("known death: {}", session_.judge->known_death(c, r, 0)->id);
  }

  // On a machine that is what it is, a vector nobody understands is as far away as one whose needs are not met.
  void not_built(const Vector& v, const VectorProblem& p) {
    if (p.unmet || profile_.fixed) return skip(p.reason);
    tally_.failures.push_back({v.id, expected_text(v), p.reason});
  }

  void skip(std::string reason) { ++tally_.skipped[std::move(reason)]; }

  void judge(const Runnable& r, const Case& c, const Observation& seen) {
    if (seen.status == Status::Incomparable) return skip(fmt::format("{}: {}", executor_.info().name, seen.reason));
    if (accepts(r, seen)) return static_cast<void>(++tally_.passed);
    const auto reference = reference_for(r, c);
    if (!r.after || reference) {
      const compare::Verdict v = session_.judge->judge(c, r.reading, 0, seen, reference ? &*reference : nullptr);
      if (v.kind == compare::VerdictKind::Incomparable) return skip(std::string(v.reason));
      if (const std::string by = explanation(v); !by.empty()) return static_cast<void>(++tally_.known[by]);
    }
    tally_.failures.push_back({r.vector->id, expected_text(*r.vector), seen_text(r, seen)});
  }

  static bool accepts(const Runnable& r, const Observation& seen) {
    if (seen.status != Status::Ran) return false;
    if (r.after) return !compare::Judge::first_difference(*r.after, seen);
    return std::ranges::any_of(r.accepted, [&](const OutcomePattern& p) { return p.accepts(seen.outcome); });
  }

  // Known differences are differences from the reference: where behaviour is judged it must say what the vector says.
  std::optional<Observation> reference_for(const Runnable& r, const Case& c) const {
    if (!r.after) return std::nullopt;
    Observation o = session_.entry->domain->behaviour->run_variant(c, defects_);
    return accepts(r, o) ? std::optional(o) : std::nullopt;
  }

  // The known entries or the unclear point that make the outcome right for this executor; empty if nothing does.
  std::string explanation(const compare::Verdict& v) const {
    if (v.kind == compare::VerdictKind::SpecUnclear) return std::string(v.reason);
    if (v.kind != compare::VerdictKind::Known) return {};
    std::string ids;
    const auto& entries = session_.judge->deltas(0).entries();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (v.decided[i]) ids += (ids.empty() ? "" : ", ") + entries[i].id;
    return ids.empty() ? "several known entries together" : ids;
  }

  std::string seen_text(const Runnable& r, const Observation& seen) const {
    const Domain& d = *session_.entry->domain;
    std::string text = observation_text(d, seen), rows;
    r.reading.ruling.deciders.each([&](std::size_t i) { rows += ' ' + rules::rule_name(d.rules->rows[i]); });
    if (r.after) return text + first_difference_text(r, seen);
    return rows.empty() ? text : fmt::format("{}; the table's rules here:{}", text, rows);
  }

  std::string first_difference_text(const Runnable& r, const Observation& seen) const {
    const auto& fields = session_.entry->domain->observation->fields;
    const auto at = compare::Judge::first_difference(*r.after, seen);
    if (seen.status != Status::Ran || !at || *at >= fields.size()) return {};
    return fmt::format(": {} is {:#x}, expected {:#x}", fields[*at].name, seen.record[*at], r.after->record[*at]);
  }

  Session& session_;
  Executor& executor_;
  VectorProfile profile_;
  bool by_reference_ = false;
  std::vector<std::string> defects_;  // of the reference
  Tally& tally_;
};

Result<void> run_domain(const DomainEntry& entry, std::span<const Vector* const> vectors, const std::string& executor,
                        const Flags& flags, Tally& tally) {
  Flags f = flags;
  f.executors = {executor.empty() ? std::string(entry.domain->reference) : executor};
  auto session = open_session(entry.domain->name, f);
  if (!session) return tl::unexpected(session.error());
  tally.by_reference &= f.executors[0] == entry.domain->reference;
  return Runner(*session, !flags.profile.empty(), tally).run(vectors);
}

using ByDomain = std::vector<std::pair<const DomainEntry*, std::vector<const Vector*>>>;

// The vectors to run by domain, in the program's order of domains; the others are counted.
ByDomain sorted_out(const std::vector<Vector>& all, const std::string& wanted, Tally& tally) {
  ByDomain out;
  std::map<std::string_view, std::vector<const Vector*>> by_name;
  for (const Vector& v : all) by_name[v.domain].push_back(&v);
  for (const DomainEntry& d : domains()) {
    const auto it = by_name.find(d.domain->name);
    if (it == by_name.end() || d.vectors == nullptr || (!wanted.empty() && wanted != d.domain->name)) continue;
    out.emplace_back(&d, std::move(it->second));
    by_name.erase(it);
  }
  for (const auto& [name, vectors] : by_name) tally.other_domains[std::string(name)] = vectors.size();
  return out;
}

Json counts_json(const Counts& counts) {
  Json j = Json::object();
  for (const auto& [name, count] : counts) j[name] = count;
  return j;
}

Json tally_json(const Tally& t) {
  Json failures = Json::array();
  for (const Failure& f : t.failures) failures.push_back({{"id", f.id}, {"expected", f.expected}, {"seen", f.seen}});
  return {{"passed", t.passed},
          {"failed", t.failures.size()},
          {"known", total(t.known)},
          {"skipped", total(t.skipped)},
          {"failures", failures},
          {"reasons", counts_json(t.skipped)},
          {"known_by", counts_json(t.known)},
          {"other_domains", counts_json(t.other_domains)}};
}

void print_counts(const char* title, const Counts& counts) {
  if (counts.empty()) return;
  fmt::print("{}\n", title);
  for (const auto& [name, count] : counts) fmt::print("  {:>6}  {}\n", count, name);
}

void print_tally(const Tally& t) {
  for (const Failure& f : t.failures) fmt::print("FAILED {}\n  expected {}\n  seen     {}\n", f.id, f.expected, f.seen);
  print_counts("of another domain", t.other_domains);
  print_counts("known differences", t.known);
  print_counts("skipped", t.skipped);
  const std::string known = t.by_reference ? "" : fmt::format("{} known, ", total(t.known));
  fmt::print("{} passed, {} failed, {}{} skipped\n", t.passed, t.failures.size(), known, total(t.skipped));
}

// What CPUs were recorded to do needs memory that cases have not: only the model can be asked.
Result<Tally> run_recordings(std::string_view text, const std::string& file, const std::string& executor,
                             const Flags& flags) {
  if (!executor.empty() && executor != "x86.arch")
    return fail(ErrorCode::Usage, executor, "cannot run recordings of CPUs; x86.arch can");
  x86::Quirks quirks;
  if (!flags.quirk.empty()) {
    const auto quirk = x86::find_quirk(flags.quirk);
    if (!quirk) return fail(ErrorCode::Usage, flags.quirk, "is no quirk of x86.arch");
    quirks.set(*quirk);
  }
  auto replayed = x86_insn::replay_cpu_vectors(text, file, quirks);
  if (!replayed) return tl::unexpected(replayed.error());
  Tally tally;
  tally.passed = replayed->passed;
  for (auto& f : replayed->failures)
    tally.failures.push_back({std::move(f.id), "as recorded", std::move(f.difference)});
  for (const auto& [reason, count] : replayed->skipped) tally.skipped["x86.arch: " + reason] = count;
  return tally;
}

Result<Tally> run_file(const std::string& file, const std::string& domain, const std::string& executor,
                       const Flags& flags) {
  if (!domain.empty())
    if (const auto known = domain_named(domain); !known) return tl::unexpected(known.error());
  const auto text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  if ((domain.empty() || domain == "x86_insn") && x86_insn::is_cpu_vectors(*text))
    return run_recordings(*text, file, executor, flags);
  const auto all = read_vectors(*text, file);
  if (!all) return tl::unexpected(all.error());
  Tally tally;
  const ByDomain mine = sorted_out(*all, domain, tally);
  if (mine.empty()) return fail(ErrorCode::Usage, file, "has no vectors that this program can run");
  for (const auto& [entry, vectors] : mine)
    if (auto done = run_domain(*entry, vectors, executor, flags, tally); !done) return tl::unexpected(done.error());
  return tally;
}

}  // namespace

int vectors(const std::string& file, const std::string& domain, const std::string& executor, const Flags& flags) {
  const auto tally = run_file(file, domain, executor, flags);
  if (!tally) return complain(tally.error());
  if (flags.json != "-") print_tally(*tally);
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, tally_json(*tally).dump(2) + "\n"); !wrote)
      return complain(wrote.error());
  if (!tally->failures.empty()) return kDivergence;
  if (tally->passed + total(tally->known) == 0 && !flags.allow_missing)
    return complain({ErrorCode::Environment, file, "no vector could be judged; --allow-missing accepts that"});
  return kClean;
}

}  // namespace diffvisor::cli
