// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/investigate.h"

#include <algorithm>

#include "harness/minimise/minimise.h"

namespace diffvisor::campaign {
namespace {

// So many findings for each executor; a campaign that has more is broken in itself and should be looked at.
constexpr std::size_t kMostFindings = 200;

bool same_observation(const Observation& a, const Observation& b) {
  if (a.status != b.status) return false;
  if (a.status != Status::Ran) return a.reason == b.reason;
  return a.outcome == b.outcome;
}

// The minimised case must show the same defect or, of several shown at once, one of them.
bool same_defect(const compare::Explanation& a, const compare::Explanation& b, const Observation& seen_a,
                 const Observation& seen_b) {
  if (a.difference != b.difference) return false;
  if (a.difference == compare::Difference::Behaves) return a.bucket == b.bucket;
  if (a.edits.empty()) return same_observation(seen_a, seen_b);
  return std::ranges::all_of(b.edits, [&](const rules::RowEdit& e) {
    return std::ranges::any_of(a.edits,
                               [&](const rules::RowEdit& o) { return o.row == e.row && o.outcome == e.outcome; });
  });
}

}  // namespace

Investigator::Investigator(const Domain& domain, compare::Judge& judge, std::vector<Executor*> executors,
                           std::uint64_t seed, std::uint64_t runs)
    : domain_(&domain), judge_(&judge), executors_(std::move(executors)), seed_(seed), runs_(runs) {
  for (std::size_t e = 0; e < executors_.size(); ++e) explained_.push_back(judge.deltas(e).all());
}

bool Investigator::explained_by_findings(const Case& c, const compare::Reading& r, std::size_t executor,
                                         rules::Outcome seen) const {
  return !domain_->rules->rows.empty() && judge_->accepts(explained_[executor], c, r, seen);
}

bool Investigator::absorbs(const Case& c, const compare::Reading& r, std::size_t executor, const Observation& seen,
                           const Observation* reference) {
  const bool died = seen.status == Status::Died;
  if (!died && !explained_by_findings(c, r, executor, seen.outcome)) {
    const compare::Explanation e = compare::explain(*judge_, executors_[executor]->info().name, c, r, seen, reference);
    const auto it = std::ranges::find(findings_, e.bucket, &triage::Finding::bucket);
    if (it == findings_.end()) return findings_.size() >= kMostFindings;
    ++it->count;
    return true;
  }
  for (triage::Finding& f : findings_) {
    if (f.executor != executors_[executor]->info().name) continue;
    const bool concerns = died ? f.explanation.difference == compare::Difference::Dies
                               : std::ranges::any_of(f.explanation.edits, [&](const rules::RowEdit& e) {
                                   return r.survey.broken.test(e.row);
                                 });
    if (!concerns) continue;
    ++f.count;
    return !died || f.count > 8;  // every death is looked at until the pattern is plain
  }
  return findings_.size() >= kMostFindings;
}

Result<const Observation*> Investigator::reference_for(const Case& c, Observation& storage) {
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    if (executors_[e]->info().name != domain_->reference) continue;
    auto o = observe(c, e);
    if (!o) return tl::unexpected(o.error());
    storage = *o;
    return &storage;
  }
  return nullptr;
}

bool Investigator::runnable(const Case& c, const compare::Reading& r, std::size_t executor) const {
  return judge_->refusal(c, r, executor).empty();
}

Result<Observation> Investigator::observe(const Case& c, std::size_t executor) {
  return run_one(*executors_[executor], c);
}

Result<bool> Investigator::repeats(const Case& c, std::size_t executor, const Observation& seen,
                                   const Case& neighbour) {
  if (in_a_hurry()) return true;
  // Where rules judge, records are not compared.
  const bool record = domain_->rules->rows.empty() && seen.status == Status::Ran;
  const auto same = [&](const Observation& o) {
    return same_observation(o, seen) && (!record || !compare::Judge::first_difference(o, seen));
  };
  const auto alone = observe(c, executor);
  if (!alone) return tl::unexpected(alone.error());
  if (!same(*alone)) return false;
  if (runnable(neighbour, judge_->read(neighbour), executor) && seen.status != Status::Died) {
    if (auto other = observe(neighbour, executor); !other) return tl::unexpected(other.error());
    const auto after = observe(c, executor);
    if (!after) return tl::unexpected(after.error());
    if (!same(*after)) return false;
  }
  return true;
}

std::vector<triage::Said> Investigator::said(const Case& c, std::size_t executor, const Observation& seen) {
  std::vector<triage::Said> out;
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    const ExecutorInfo& info = executors_[e]->info();
    Observation o = seen;
    if (e != executor && !runnable(c, judge_->read(c), e)) {
      o = incomparable("limit");
    } else if (e != executor) {
      const auto again = observe(c, e);
      o = again ? *again : incomparable("unavailable");
    }
    const std::string text = o.status == Status::Ran    ? domain_->observation->outcome_text(o.outcome)
                             : o.status == Status::Died ? "died(" + std::string(o.reason) + ")"
                                                        : "incomparable(" + std::string(o.reason) + ")";
    out.push_back({info.name, info.version, text});
  }
  return out;
}

Result<triage::Finding> Investigator::explain_and_minimise(const Case& c, std::size_t executor,
                                                           const Observation& seen) {
  const std::string& name = executors_[executor]->info().name;
  Observation storage;
  const auto reference = reference_for(c, storage);
  if (!reference) return tl::unexpected(reference.error());
  const compare::Explanation first = compare::explain(*judge_, name, c, judge_->read(c), seen, *reference);
  compare::Explanation shown = first;
  Observation last = seen;
  std::optional<Error> error;
  unsigned deaths = 0;  // of candidates; each costs several starts of the emulator
  const unsigned most_deaths = seen.status == Status::Died ? 40 : 8;
  const auto shows_it = [&](const Case& candidate) {
    if (error || deaths > most_deaths || in_a_hurry()) return false;
    const compare::Reading r = judge_->read(candidate);
    if (!runnable(candidate, r, executor)) return false;
    const auto o = observe(candidate, executor);
    if (!o) return error = o.error(), false;
    deaths += o->status == Status::Died;
    const auto against = reference_for(candidate, storage);
    if (!against) return error = against.error(), false;
    const compare::VerdictKind kind = judge_->verdict(candidate, r, executor, *o, *against);
    if (kind != compare::VerdictKind::Divergence && kind != compare::VerdictKind::ExecutorDied) return false;
    const compare::Explanation now = compare::explain(*judge_, name, candidate, r, *o, *against);
    if (!same_defect(first, now, seen, *o)) return false;
    shown = now;
    last = *o;
    return true;
  };
  const auto minimised = minimise::minimise(c, shows_it, {runs_, domain_->normalise});
  if (error) return tl::unexpected(*error);
  triage::Finding f;
  f.smallest = minimised ? minimised->best : c;
  f.executor = name;
  f.explanation = shown;
  f.bucket = f.explanation.bucket;
  f.said = said(f.smallest, executor, last);
  f.seed = seed_;
  f.count = 1;
  return f;
}

triage::Finding* Investigator::add(triage::Finding finding, std::size_t executor) {
  const auto it = std::ranges::find(findings_, finding.bucket, &triage::Finding::bucket);
  if (it != findings_.end()) {
    ++it->count;
    return &*it;
  }
  if (!finding.order_dependent)
    for (const rules::RowEdit& e : finding.explanation.edits) explained_[executor].add(e);
  findings_.push_back(std::move(finding));
  return &findings_.back();
}

Result<triage::Finding*> Investigator::investigate(const Case& c, std::size_t executor, const Observation& seen,
                                                   const Case& neighbour, std::uint64_t index) {
  const auto same = repeats(c, executor, seen, neighbour);
  if (!same) return tl::unexpected(same.error());
  if (!*same) {
    triage::Finding f;
    f.executor = executors_[executor]->info().name;
    Observation storage;
    const auto reference = reference_for(c, storage);
    if (!reference) return tl::unexpected(reference.error());
    f.explanation = compare::explain(*judge_, f.executor, c, judge_->read(c), seen, *reference);
    f.bucket = f.explanation.bucket + ".order_dependent";
    f.smallest = c;
    f.said = said(c, executor, seen);
    f.first_index = index;
    f.seed = seed_;
    f.count = 1;
    f.order_dependent = true;
    return add(std::move(f), executor);
  }
  auto f = explain_and_minimise(c, executor, seen);
  if (!f) return tl::unexpected(f.error());
  f->first_index = index;
  return add(std::move(*f), executor);
}

void Investigator::adopt(std::vector<triage::Finding> findings) {
  for (triage::Finding& f : findings)
    for (std::size_t e = 0; e < executors_.size(); ++e)
      if (executors_[e]->info().name == f.executor) add(std::move(f), e);
}

}  // namespace diffvisor::campaign
