// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/investigate.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/base/digest.h"
#include "harness/bucket/bucket.h"
#include "harness/case/text.h"
#include "harness/triage/blame.h"

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
  if (a.bucket == b.bucket || a.difference == compare::Difference::Behaves) return a.bucket == b.bucket;
  if (a.edits.empty()) return same_observation(seen_a, seen_b);
  return std::ranges::all_of(b.edits, [&](const rules::RowEdit& e) {
    return std::ranges::any_of(a.edits,
                               [&](const rules::RowEdit& o) { return o.row == e.row && o.outcome == e.outcome; });
  });
}

std::string digest_of(const Case& c) { return Digest().add(encode_text(StoredCase{"", c, {}, false})).hex(); }

bool concerns(const triage::Finding& f, const std::string& executor) {
  return f.executor == executor || std::ranges::find(f.with, executor) != f.with.end();
}

// A bucket of several executors stands for the buckets each would have alone.
bool is_bucket_of(const triage::Finding& f, const Domain& domain, const std::string& alone) {
  if (f.bucket == alone) return true;
  if (f.with.size() < 2) return false;
  const auto head = [&](std::string_view who) { return bucket::spell(fmt::format("{}.{}.", domain.name, who)); };
  const std::string rest = f.bucket.substr(head(fmt::format("{}", fmt::join(f.with, "."))).size());
  return std::ranges::any_of(f.with, [&](const std::string& who) { return alone == head(who) + rest; });
}

// c without what sets the finding's case apart from golden: single bits where bits have names, else whole fields.
// Nothing if c does not share it.
std::optional<Case> undone(const Case& c, const Case& finding) {
  const auto golden = golden_values(c), base = golden_values(finding);
  Case out = c;
  bool shares = false;
  for (const Field& f : c.schema->fields) {
    if (!is_baseline_role(f.role)) continue;
    for (unsigned i = 0; i < f.count; ++i) {
      const Slot s = static_cast<Slot>(f.slot + i);
      const std::uint64_t apart = finding.v[s] ^ base[s], mask = f.bits.empty() ? ~std::uint64_t{0} : apart;
      if (apart == 0 || ((c.v[s] ^ golden[s]) & mask) == 0) continue;
      out.v[s] = (c.v[s] & ~mask) | (golden[s] & mask);
      shares = true;
    }
  }
  return shares ? std::optional<Case>(std::move(out)) : std::nullopt;
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
    const auto it =
        std::ranges::find_if(findings_, [&](const triage::Finding& f) { return is_bucket_of(f, *domain_, e.bucket); });
    if (it == findings_.end()) return findings_.size() >= kMostFindings;
    ++it->count;
    return true;
  }
  for (triage::Finding& f : findings_) {
    if (!concerns(f, executors_[executor]->info().name)) continue;
    const bool involved = died ? f.explanation.difference == compare::Difference::Dies
                               : std::ranges::any_of(f.explanation.edits, [&](const rules::RowEdit& e) {
                                   return r.survey.broken.test(e.row);
                                 });
    if (!involved) continue;
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
  std::vector<Observation> all(executors_.size(), seen);
  const Observation* reference = nullptr;
  const compare::Reading r = judge_->read(c);
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    if (e != executor && !runnable(c, r, e)) {
      all[e] = incomparable("limit");
    } else if (e != executor) {
      const auto again = observe(c, e);
      all[e] = again ? *again : incomparable("unavailable");
    }
    if (executors_[e]->info().name == domain_->reference) reference = &all[e];
  }
  std::vector<triage::Said> out;
  for (std::size_t e = 0; e < executors_.size(); ++e) {
    const ExecutorInfo& info = executors_[e]->info();
    const compare::VerdictKind verdict = judge_->verdict(c, r, e, all[e], reference);
    out.push_back({info.name, info.version, observation_text(*domain_, all[e]), info.trust, verdict});
  }
  return out;
}

// Executors that say the same against the table have met one defect: it gets one bucket, named after all.
void Investigator::join_those_who_agree(triage::Finding& f, const Observation& seen, const Observation* reference) {
  f.with = triage::allies_of(f.said, f.executor);
  if (f.with.size() < 2) return f.with.clear();
  const std::string all = fmt::format("{}", fmt::join(f.with, "."));
  const compare::Explanation x = compare::explain(*judge_, all, f.smallest, judge_->read(f.smallest), seen, reference);
  f.bucket = f.explanation.bucket = x.bucket;
  std::vector<std::string> others = f.with;
  std::erase(others, f.executor);
  if (f.explanation.sentence.rfind(f.executor, 0) == 0)
    f.explanation.sentence.insert(f.executor.size(), fmt::format(" (like {})", fmt::join(others, ", ")));
}

Result<std::optional<Investigator::Divergent>> Investigator::divergent(const Case& c, std::size_t executor) {
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

Investigator::Divergent Investigator::explained(const Case& c, const compare::Reading& r, std::size_t executor,
                                                const Observation& seen, const Observation* reference) const {
  Divergent d;
  d.seen = seen;
  d.explanation = compare::explain(*judge_, executors_[executor]->info().name, c, r, seen, reference);
  if (reference != nullptr) d.differs_in = compare::Judge::first_difference(*reference, seen);
  return d;
}

// A sequence is named after its first instruction, which need not be the one that differs: first the steps go that the
// same difference does not need.
Result<Case> Investigator::without_idle_steps(const Case& c, std::size_t executor, Divergent& shown) {
  Case best = c;
  for (bool shorter = domain_->behaviour != nullptr && domain_->behaviour->without_a_step != nullptr; shorter;) {
    shorter = false;
    for (Case& candidate : domain_->behaviour->without_a_step(best)) {
      if (domain_->normalise != nullptr) domain_->normalise(candidate.v.data());
      const auto d = divergent(candidate, executor);
      if (!d) return tl::unexpected(d.error());
      if (!*d || (*d)->seen.status != shown.seen.status || (*d)->differs_in != shown.differs_in) continue;
      best = std::move(candidate);
      shown = **d;
      shorter = true;
      break;
    }
  }
  return best;
}

Result<triage::Finding> Investigator::explain_and_minimise(const Case& found, std::size_t executor,
                                                           const Observation& seen) {
  Observation storage;
  const auto reference = reference_for(found, storage);
  if (!reference) return tl::unexpected(reference.error());
  Divergent shown = explained(found, judge_->read(found), executor, seen, *reference);
  const auto c = without_idle_steps(found, executor, shown);
  if (!c) return tl::unexpected(c.error());
  const Divergent first = shown;
  std::optional<Error> error;
  unsigned deaths = 0;  // of candidates; each costs several starts of the emulator
  const unsigned most_deaths = seen.status == Status::Died ? 40 : 8;
  const auto shows_it = [&](const Case& candidate) {
    if (error || deaths > most_deaths || in_a_hurry()) return false;
    auto now = divergent(candidate, executor);
    if (!now) return error = now.error(), false;
    if (!*now) return false;
    deaths += (*now)->seen.status == Status::Died;
    if (!same_defect(first.explanation, (*now)->explanation, first.seen, (*now)->seen)) return false;
    shown = std::move(**now);
    return true;
  };
  const auto minimised = minimise::minimise(*c, shows_it, minimising());
  if (error) return tl::unexpected(*error);
  triage::Finding f;
  f.smallest = minimised ? minimised->best : *c;
  f.executor = executors_[executor]->info().name;
  f.explanation = shown.explanation;
  f.bucket = f.explanation.bucket;
  f.said = said(f.smallest, executor, shown.seen);
  const auto against = reference_for(f.smallest, storage);
  if (!against) return tl::unexpected(against.error());
  join_those_who_agree(f, shown.seen, *against);
  f.first_case = digest_of(found);
  f.seed = seed_;
  f.count = 1;
  return f;
}

minimise::Options Investigator::minimising() const {
  minimise::Options o;
  o.most_calls = runs_;
  o.normalise = domain_->normalise;
  o.any_profile = !has_fixed_profile(executors_);
  if (domain_->behaviour != nullptr) o.shorter = domain_->behaviour->without_a_step;
  return o;
}

// A rejection has no edit that could explain others; but if the case is judged alike without what the finding's case
// consists of, the finding is the cause.
Result<triage::Finding*> Investigator::caused_by_a_finding(const Case& c, std::size_t executor) {
  constexpr int kMostTries = 24;  // a model that is wrong everywhere has findings for all of them
  int tries = 0;
  for (triage::Finding& f : findings_) {
    if (tries >= kMostTries) break;
    const bool rejects = f.explanation.difference == compare::Difference::Rejects && !f.order_dependent;
    if (!rejects || !concerns(f, executors_[executor]->info().name) || in_a_hurry()) continue;
    auto without = undone(c, f.smallest);
    if (!without) continue;
    if (domain_->normalise != nullptr) domain_->normalise(without->v.data());
    if (!runnable(*without, judge_->read(*without), executor)) continue;
    ++tries;
    const auto still = divergent(*without, executor);
    if (!still) return tl::unexpected(still.error());
    if (*still) continue;
    ++f.count;
    return &f;
  }
  return nullptr;
}

triage::Finding* Investigator::add(triage::Finding finding) {
  const auto it = std::ranges::find(findings_, finding.bucket, &triage::Finding::bucket);
  if (it != findings_.end()) {
    ++it->count;
    return &*it;
  }
  for (std::size_t x = 0; x < executors_.size() && !finding.order_dependent; ++x)
    if (concerns(finding, executors_[x]->info().name))
      for (const rules::RowEdit& e : finding.explanation.edits) explained_[x].add(e);
  findings_.push_back(std::move(finding));
  return &findings_.back();
}

Result<triage::Finding*> Investigator::investigate(const Case& c, std::size_t executor, const Observation& seen,
                                                   const Case& neighbour, std::uint64_t index) {
  if (seen.status == Status::Ran)
    if (const auto cause = caused_by_a_finding(c, executor); !cause || *cause != nullptr) return cause;
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
    f.first_case = digest_of(c);
    f.first_index = index;
    f.seed = seed_;
    f.count = 1;
    f.order_dependent = true;
    return add(std::move(f));
  }
  auto f = explain_and_minimise(c, executor, seen);
  if (!f) return tl::unexpected(f.error());
  f->first_index = index;
  return add(std::move(*f));
}

void Investigator::adopt(std::vector<triage::Finding> findings) {
  for (triage::Finding& f : findings)
    if (std::ranges::any_of(executors_, [&](Executor* e) { return e->info().name == f.executor; })) add(std::move(f));
}

}  // namespace diffvisor::campaign
