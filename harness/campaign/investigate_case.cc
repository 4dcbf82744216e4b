// SPDX-License-Identifier: Apache-2.0
// What one divergent case comes down to; investigate.cc has what a campaign makes of that.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/base/digest.h"
#include "harness/campaign/investigate.h"
#include "harness/case/text.h"
#include "harness/triage/blame.h"

namespace diffvisor::campaign {
namespace {

constexpr std::size_t kMostThorough = 50;  // findings after which minimising gets a tenth of the runs
constexpr unsigned kMostRounds = 4;        // of minimising and looking for something plainer

// Enough to tell from the stored answer alone that it differs, and in what.
std::vector<RecordValue> differing(const ObservationSchema& o, const Observation& reference, Observation seen) {
  constexpr std::size_t kMost = 8;
  std::vector<RecordValue> out;
  while (out.size() < kMost) {
    const auto field = compare::Judge::first_difference(reference, seen);
    if (!field || *field >= o.fields.size()) break;
    out.push_back({std::string(o.fields[*field].name), seen.record[*field]});
    seen.defined.reset(*field);
  }
  return out;
}

// The minimised case must show the same defect or, of several shown at once, one of them.
bool same_defect(const compare::Explanation& a, const compare::Explanation& b, const Observation& seen_a,
                 const Observation& seen_b) {
  if (a.difference != b.difference) return false;
  if (a.difference == compare::Difference::Behaves)
    return a.shared ? b.shared && same_answer(seen_a, seen_b) && (b.subject == a.subject || b.subject != kNoSubject)
                    : a.detail == b.detail && a.subject == b.subject;
  if (a.bucket == b.bucket) return true;
  if (a.edits.empty()) return same_answer(seen_a, seen_b);
  return std::ranges::all_of(b.edits, [&](const rules::RowEdit& e) {
    return std::ranges::any_of(a.edits,
                               [&](const rules::RowEdit& o) { return o.row == e.row && o.outcome == e.outcome; });
  });
}

}  // namespace

bool same_answer(const Observation& a, const Observation& b) {
  if (a.status != b.status) return false;
  if (a.status != Status::Ran) return a.reason == b.reason;
  return a.outcome == b.outcome;
}

std::string case_digest(const Case& c) { return Digest().add(encode_text(StoredCase{"", c, {}, false})).hex(); }

std::string alias_of(const compare::Explanation& e) { return e.subject + "." + e.detail; }

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

std::vector<Observation> Investigator::ask_everybody(const Case& c, std::size_t executor, const Observation& seen) {
  std::vector<Observation> all(executors_.size(), seen);
  const compare::Reading r = judge_->read(c);
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    if (e != executor && !runnable(c, r, e)) {
      all[e] = incomparable("limit");
    } else if (e != executor) {
      const auto again = observe(c, e);
      all[e] = again ? *again : incomparable("unavailable");
    }
  }
  return all;
}

std::vector<triage::Said> Investigator::said(const Case& c, std::span<const Observation> all) {
  const compare::Reading r = judge_->read(c);
  const Observation* reference = reference_in(all);
  std::vector<triage::Said> out;
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    const ExecutorInfo& info = executors_[e]->info();
    compare::VerdictKind verdict = judge_->verdict(c, r, e, all[e], reference);
    const bool known =
        verdict == compare::VerdictKind::Agree && reference != nullptr && info.name != domain_->reference;
    if (known && judge_->agrees_as_known(c, e, all[e], *reference)) verdict = compare::VerdictKind::Known;
    out.push_back({info.name, info.version, observation_text(*domain_, all[e]), info.trust, verdict, {}});
    if (verdict == compare::VerdictKind::Divergence && reference != nullptr && domain_->rules->rows.empty())
      out.back().record = differing(*domain_->observation, *reference, all[e]);
  }
  return out;
}

const Observation* Investigator::reference_in(std::span<const Observation> all) const {
  for (std::size_t e = 0; e < executors_.size(); ++e)
    if (executors_[e]->info().name == domain_->reference) return &all[e];
  return nullptr;
}

// Executors that say the same against the table have met one defect: it gets one bucket, named after all.
void Investigator::join_those_who_agree(triage::Finding& f, const Observation& seen, const Observation* reference) {
  f.with = triage::allies_of(f.said, f.executor);
  if (f.with.size() < 2) return f.with.clear();
  const std::string all = fmt::format("{}", fmt::join(f.with, "."));
  const compare::Explanation x =
      compare::explain(*judge_, all, f.smallest, judge_->read(f.smallest), seen, reference, &f.about);
  f.bucket = f.explanation.bucket = x.bucket;
  std::vector<std::string> others = f.with;
  std::erase(others, f.executor);
  if (f.explanation.sentence.rfind(f.executor, 0) == 0)
    f.explanation.sentence.insert(f.executor.size(), fmt::format(" (like {})", fmt::join(others, ", ")));
}

// Rejections have no edits to tell one defect from another, so what the case is about is asked of the executor.
bool Investigator::can_be_probed(const Observation& seen) const {
  return seen.status == Status::Ran && !domain_->rules->rows.empty() && !in_a_hurry();
}

// A campaign that is full of findings is not waiting for the last of them to be as small as can be.
std::uint64_t Investigator::most_runs() const { return findings_.size() < kMostThorough ? runs_ : runs_ / 10; }

Result<std::optional<Divergent>> Investigator::divergent(const Case& c, std::size_t executor) {
  const compare::Reading r = judge_->read(c);
  if (!runnable(c, r, executor)) return std::nullopt;
  const auto seen = observe(c, executor);
  if (!seen) return tl::unexpected(seen.error());
  Observation storage;
  const auto reference = reference_for(c, storage);
  if (!reference) return tl::unexpected(reference.error());
  const compare::VerdictKind kind = judge_->verdict(c, r, executor, *seen, *reference);
  if (kind != compare::VerdictKind::Divergence && kind != compare::VerdictKind::ExecutorDied) return std::nullopt;
  return explained(c, r, executor, *seen, *reference);
}

Divergent Investigator::explained(const Case& c, const compare::Reading& r, std::size_t executor,
                                  const Observation& seen, const Observation* reference) const {
  Divergent d;
  d.seen = seen;
  if (reference != nullptr) {
    d.reference = judge_->nearest(c, executor, seen, *reference);
    d.differs_in = compare::Judge::first_difference(d.reference, seen);
  }
  const Observation* against = reference == nullptr ? nullptr : &d.reference;
  d.explanation = compare::explain(*judge_, executors_[executor]->info().name, c, r, seen, against);
  return d;
}

Plainer Investigator::plainer(std::size_t executor) {
  return Plainer(*domain_, [this, executor](const Case& c) -> Result<std::optional<Divergent>> {
    if (in_a_hurry()) return std::nullopt;
    return divergent(c, executor);
  });
}

// Of the same bucket, and keeping `matter`.
Result<Case> Investigator::minimised(const Case& c, std::size_t executor, Divergent& shown,
                                     std::span<const Part> matter) {
  const Divergent first = shown;
  std::optional<Error> error;
  unsigned deaths = 0;  // of candidates; each costs several starts of the emulator
  const unsigned most_deaths = first.seen.status == Status::Died ? 40 : 8;
  const auto shows_it = [&](const Case& candidate) {
    if (error || deaths > most_deaths || in_a_hurry() || !keeps(candidate, c, matter)) return false;
    auto now = divergent(candidate, executor);
    if (!now) return error = now.error(), false;
    if (!*now) return false;
    deaths += (*now)->seen.status == Status::Died;
    if (!same_defect(first.explanation, (*now)->explanation, first.seen, (*now)->seen)) return false;
    shown = std::move(**now);
    return true;
  };
  const auto best = minimise::minimise(c, shows_it, minimising());
  if (error) return tl::unexpected(*error);
  return best ? best->best : c;
}

// What is small enough may be plainer still, and that smaller.
Result<Case> Investigator::settled(Case c, std::size_t executor, Divergent& shown) {
  for (unsigned round = 0; round < kMostRounds; ++round) {
    auto smaller = minimised(c, executor, shown, {});
    if (!smaller) return smaller;
    Divergent now = shown;
    auto plain = plainer(executor).plainest(*smaller, now);
    if (!plain) return plain;
    if (alias_of(now.explanation) == alias_of(shown.explanation)) return smaller;
    c = std::move(*plain);
    shown = std::move(now);
  }
  return c;
}

Result<triage::Finding> Investigator::explain_and_minimise(const Case& found, std::size_t executor,
                                                           const Observation& seen) {
  Observation storage;
  const auto reference = reference_for(found, storage);
  if (!reference) return tl::unexpected(reference.error());
  Divergent shown = explained(found, judge_->read(found), executor, seen, *reference);
  const auto plain = plainer(executor).plainest(found, shown);
  if (!plain) return tl::unexpected(plain.error());
  return finding_of(*plain, found, executor, shown);
}

// Minimised with all that matters kept, and of values that are refused alike the first, until nothing changes any more:
// of a smaller case less matters, and beside the first value other parts may be as good as none. What it is about is in
// `about`.
Result<Case> Investigator::probed(Case c, std::size_t executor, Divergent& shown, Case& about) {
  const Probe probe(*domain_, *judge_, *executors_[executor], executor, shown.seen.outcome);
  auto matter = probe.what_matters(c);
  for (unsigned round = 0; matter && round < kMostRounds && !in_a_hurry(); ++round) {
    auto best = minimised(c, executor, shown, *matter);
    if (best) best = probe.canonical(*best);
    if (!best) return best;
    matter = probe.what_matters(*best);
    if (*best == c) break;
    c = std::move(*best);
  }
  if (!matter) return tl::unexpected(matter.error());
  about = Probe::reduced_to(c, *matter);
  return c;
}

// `c` shows `shown`, and is what the investigation of `found` has come to so far.
Result<triage::Finding> Investigator::finding_of(const Case& c, const Case& found, std::size_t executor,
                                                 Divergent& shown) {
  const bool rejects = shown.explanation.difference == compare::Difference::Rejects && can_be_probed(shown.seen);
  triage::Finding f;
  auto best = rejects                         ? probed(c, executor, shown, f.about)
              : domain_->behaviour == nullptr ? minimised(c, executor, shown, {})
                                              : settled(c, executor, shown);
  if (!best) return tl::unexpected(best.error());
  f.smallest = std::move(*best);
  if (f.about.schema == nullptr) f.about = f.smallest;
  f.executor = executors_[executor]->info().name;
  f.first_case = case_digest(found);
  describe(f, executor, ask_everybody(f.smallest, executor, shown.seen));
  return f;
}

minimise::Options Investigator::minimising() const {
  minimise::Options o;
  o.most_calls = most_runs();
  o.normalise = domain_->normalise;
  o.any_profile = !has_fixed_profile(executors_);
  if (domain_->behaviour != nullptr) o.shorter = domain_->behaviour->without_a_step;
  return o;
}

// Bucket, explanation and answers, from what everybody said of the smallest case.
void Investigator::describe(triage::Finding& f, std::size_t executor, std::span<const Observation> all) {
  const Observation* reference = domain_->rules->rows.empty() ? reference_in(all) : nullptr;
  Observation near;
  if (reference != nullptr) {
    near = judge_->nearest(f.smallest, executor, all[executor], *reference);
    reference = &near;
  }
  const compare::Reading r = judge_->read(f.smallest);
  f.explanation = compare::explain(*judge_, f.executor, f.smallest, r, all[executor], reference, &f.about);
  f.bucket = f.explanation.bucket;
  f.said = said(f.smallest, all);
  join_those_who_agree(f, all[executor], reference);
  f.seed = seed_;
  f.count = 1;
}

}  // namespace diffvisor::campaign
