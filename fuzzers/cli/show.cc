// SPDX-License-Identifier: Apache-2.0
// diffvisor show and minimise: one case, what each executor says of it and why.
#include <fmt/format.h>

#include "fuzzers/cli/commands.h"
#include "harness/campaign/investigate.h"
#include "harness/case/diff.h"
#include "harness/rules/expr_text.h"

namespace diffvisor::cli {
namespace {

void print_deciders(const Domain& d, const compare::Reading& r) {
  r.ruling.deciders.each([&](std::size_t i) {
    const rules::Rule& rule = d.rules->rows[i];
    fmt::print("  {} ({}) -> {}\n    when {}\n    must {}\n", rules::rule_name(rule), rule.section,
               rule.kind == rules::Kind::Limit ? "not comparable" : d.observation->outcome_text(rule.outcome),
               rules::expr_text(rule.when, *d.schema, d.rules->functions),
               rules::expr_text(rule.must, *d.schema, d.rules->functions));
  });
}

Result<Observation> run_unless_limited(const Session& s, std::size_t e, const Case& c, const compare::Reading& r) {
  if (const auto why = s.judge->refusal(c, r, e); !why.empty()) return incomparable(why);
  return run_one(*s.executors[e], c);
}

// Of what ran and is not as the reference says: since when, and in which fields.
Result<void> print_divergence(const Session& s, std::size_t e, const Case& c, const compare::Verdict& v) {
  using compare::VerdictKind;
  if (v.kind != VerdictKind::Divergence && v.kind != VerdictKind::Known && v.kind != VerdictKind::SpecUnclear)
    return {};
  const auto first = first_divergence(s, e, c);
  if (!first) return tl::unexpected(first.error());
  fmt::print("{}", compare::divergence_text(*first, s.entry->domain->reference, s.executors[e]->info().name));
  return {};
}

Result<void> show_one(const Session& s, const Loaded& l) {
  const Domain& d = *s.entry->domain;
  Case c = l.stored.c;
  if (d.normalise != nullptr) d.normalise(c.v.data());
  fmt::print("{}:{}  {}\n{} {}, {}\n", l.file.string(), l.number, l.stored.story, d.name,
             d.schema->profiles[c.profile].name, golden_difference_text(c));
  const compare::Reading r = s.judge->read(c);
  if (d.behaviour != nullptr) {
    fmt::print("{}", d.behaviour->describe(c));
  } else {
    fmt::print("decided by\n");
    print_deciders(d, r);
  }
  for (std::size_t e = 0; e < s.executors.size(); ++e) {
    const auto seen = run_unless_limited(s, e, c, r);
    if (!seen) return tl::unexpected(seen.error());
    const auto reference = reference_says(s, c);
    if (!reference) return tl::unexpected(reference.error());
    const Observation* against = *reference ? &**reference : nullptr;
    const compare::Verdict v = s.judge->judge(c, r, e, *seen, against);
    fmt::print("{:<10} {:<16} {:<28} {}", s.executors[e]->info().name, s.executors[e]->info().version,
               observation_text(d, *seen), compare::verdict_name(v.kind));
    if (v.kind == compare::VerdictKind::Known)
      for (std::size_t k = 0; k < s.judge->deltas(e).entries().size(); ++k)
        if (v.decided[k]) fmt::print(" ({})", s.judge->deltas(e).entries()[k].id);
    fmt::print("\n");
    if (auto shown = print_divergence(s, e, c, v); !shown) return shown;
    if (v.kind == compare::VerdictKind::Divergence || v.kind == compare::VerdictKind::ExecutorDied) {
      const auto x = compare::explain_new(*s.judge, e, s.executors[e]->info().name, c, r, *seen, against);
      fmt::print("  {}\n  {}\n", x.bucket, x.sentence);
    }
  }
  for (const Expectation& e : l.stored.expect) fmt::print("expected   {} {} = {}\n", e.executor, e.version, e.outcome);
  return {};
}

Result<Session> session_of(const Case& c, const Flags& flags) {
  Flags f = flags;
  if (f.profile.empty()) f.profile = std::string(c.schema->profiles[c.profile].name);
  return open_session(c.schema->domain, f);
}

// The first executor that differs, minimised; nothing if all agree.
Result<bool> minimise_one(const Session& s, const Loaded& l) {
  Case c = l.stored.c;
  if (s.entry->domain->normalise != nullptr) s.entry->domain->normalise(c.v.data());
  const compare::Reading r = s.judge->read(c);
  campaign::Investigator investigator(*s.entry->domain, *s.judge, s.raw(), 0, 20000);
  for (std::size_t e = 0; e < s.executors.size(); ++e) {
    const auto seen = run_unless_limited(s, e, c, r);
    if (!seen) return tl::unexpected(seen.error());
    const auto verdict = judge_seen(s, c, r, e, *seen);
    if (!verdict) return tl::unexpected(verdict.error());
    const auto kind = verdict->kind;
    if (kind != compare::VerdictKind::Divergence && kind != compare::VerdictKind::ExecutorDied) continue;
    const auto f = investigator.explain_and_minimise(c, e, *seen);
    if (!f) return tl::unexpected(f.error());
    StoredCase small;
    small.story = f->explanation.sentence;
    small.c = f->smallest;
    for (const triage::Said& said : f->said) small.expect.push_back({said.executor, said.version, said.outcome, {}});
    fmt::print("# {}\n# {}\n{}", f->bucket, golden_difference_text(f->smallest), encode_text(small));
    return true;
  }
  return false;
}

}  // namespace

int show(const std::string& path, const Flags& flags) {
  const auto loaded = load_cases({path});
  if (!loaded) return complain(loaded.error());
  if (loaded->empty()) return complain({ErrorCode::Usage, path, "there are no cases in it"});
  for (const Loaded& l : *loaded) {
    auto session = session_of(l.stored.c, flags);
    if (!session) return complain(session.error());
    if (auto done = show_one(*session, l); !done) return complain(done.error());
  }
  return kClean;
}

int minimise(const std::string& path, const Flags& flags) {
  const auto loaded = load_cases({path});
  if (!loaded) return complain(loaded.error());
  if (loaded->empty()) return complain({ErrorCode::Usage, path, "there are no cases in it"});
  bool any = false;
  for (const Loaded& l : *loaded) {
    auto session = session_of(l.stored.c, flags);
    if (!session) return complain(session.error());
    const auto found = minimise_one(*session, l);
    if (!found) return complain(found.error());
    any |= *found;
  }
  if (!any) fmt::print(stderr, "diffvisor: {}: no executor differs from the reference, nothing to minimise\n", path);
  return any ? kDivergence : kClean;
}

}  // namespace diffvisor::cli
