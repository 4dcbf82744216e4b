// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/investigate.h"

#include <algorithm>
#include <bit>

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

// When so many looks at an outcome in a row found nothing new, only the 1st, 2nd, 4th, 8th … of what follows is looked
// at: a model that is wrong everywhere must not make a campaign crawl.
constexpr unsigned kFruitless = 32;
constexpr std::size_t kMostSmallest = 64;  // cases kept for a bucket, to recognise it in others
constexpr std::size_t kMostTries = 24;     // of recognising one case
constexpr std::size_t kMostThorough = 50;  // findings after which minimising gets a tenth of the runs
constexpr std::size_t kMostHurried = 8;    // findings taken as they are when the time is over

bool same_observation(const Observation& a, const Observation& b) {
  if (a.status != b.status) return false;
  if (a.status != Status::Ran) return a.reason == b.reason;
  return a.outcome == b.outcome;
}

// The minimised case must show the same defect or, of several shown at once, one of them.
bool same_defect(const compare::Explanation& a, const compare::Explanation& b, const Observation& seen_a,
                 const Observation& seen_b) {
  if (a.difference != b.difference) return false;
  if (a.difference == compare::Difference::Behaves)
    return a.shared ? b.shared && same_observation(seen_a, seen_b) &&
                          (b.subject == a.subject || b.subject != compare::kNoSubject)
                    : a.detail == b.detail && a.subject == b.subject;
  if (a.bucket == b.bucket) return true;
  if (a.edits.empty()) return same_observation(seen_a, seen_b);
  return std::ranges::all_of(b.edits, [&](const rules::RowEdit& e) {
    return std::ranges::any_of(a.edits,
                               [&](const rules::RowEdit& o) { return o.row == e.row && o.outcome == e.outcome; });
  });
}

std::string digest_of(const Case& c) { return Digest().add(encode_text(StoredCase{"", c, {}, false})).hex(); }

std::string alias_of(const compare::Explanation& e) { return e.subject + "." + e.detail; }

bool concerns(const triage::Finding& f, const std::string& executor) {
  return f.executor == executor || std::ranges::find(f.with, executor) != f.with.end();
}

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

bool has_said(const triage::Finding& f, const std::string& executor, const std::string& outcome) {
  return std::ranges::any_of(f.said,
                             [&](const triage::Said& s) { return s.executor == executor && s.outcome == outcome; });
}

std::vector<std::string> names_of(const triage::Finding& f) {
  return f.with.empty() ? std::vector<std::string>{f.executor} : f.with;
}

// Executors that differ in one case and cannot judge the other do not contradict each other: it may be one defect.
bool contradicts(const triage::Finding& a, const triage::Finding& b) {
  return std::ranges::any_of(names_of(a), [&](const std::string& who) {
    return !concerns(b, who) && std::ranges::any_of(b.said, [&](const triage::Said& s) {
      return s.executor == who && s.verdict != compare::VerdictKind::Incomparable;
    });
  });
}

void take_in(std::vector<std::string>& with, const std::string& executor, const triage::Finding& other) {
  std::vector<std::string> all = names_of(other);
  if (with.empty() && all == std::vector<std::string>{executor}) return;
  all.insert(all.end(), with.begin(), with.end());
  all.push_back(executor);
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  with = std::move(all);
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

// The bucket without domain and executors: what executors that differ alike have in common.
std::string Investigator::what_of(const std::string& bucket) const {
  const std::string domain = bucket::spell(domain_->name) + ".";
  std::string_view rest = std::string_view(bucket).substr(bucket.rfind(domain, 0) == 0 ? domain.size() : 0);
  for (bool any = true; any;) {
    any = false;
    for (const Executor* e : executors_) {
      const std::string head = bucket::spell(e->info().name) + ".";
      if (rest.rfind(head, 0) != 0) continue;
      rest.remove_prefix(head.size());
      any = true;
    }
  }
  return std::string(rest);
}

// The case has the finding's bucket as it is, without being made smaller.
bool Investigator::is_one_of(std::size_t finding, const Case& c, const compare::Explanation& e,
                             const std::string& executor) const {
  const Known& k = known_[finding];
  if (!concerns(findings_[finding], executor) || k.what != what_of(e.bucket)) return false;
  if (e.difference != compare::Difference::Rejects || domain_->rules->rows.empty()) return true;
  const auto parts = parts_of(c);
  return std::ranges::any_of(k.smallest,
                             [&](const Case& s) { return contains(c, s) && parts_of(s).size() == parts.size(); });
}

// A check that many instructions share looks different in each. What was once made smaller and led to a finding is
// taken for it from then on, but for the 2nd, 4th, 8th … time, as another check may look the same.
bool Investigator::is_known_alias(const compare::Explanation& e, const std::string& executor) {
  if (!e.shared) return false;
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    const auto it = known_[i].aliases.find(alias_of(e));
    if (it == known_[i].aliases.end() || !concerns(findings_[i], executor)) continue;
    if (std::has_single_bit(++it->second)) return false;
    return ++findings_[i].count, true;
  }
  return false;
}

bool Investigator::absorbs(const Case& c, const compare::Reading& r, std::size_t executor, const Observation& seen,
                           const Observation* reference) {
  const bool died = seen.status == Status::Died;
  const std::string& name = executors_[executor]->info().name;
  if (!died && !explained_by_findings(c, r, executor, seen.outcome)) {
    const compare::Explanation e = compare::explain(*judge_, name, c, r, seen, reference);
    for (std::size_t i = 0; i < findings_.size(); ++i)
      if (is_one_of(i, c, e, name)) return ++findings_[i].count, true;
    if (is_known_alias(e, name)) return true;
    return findings_.size() >= kMostFindings;
  }
  for (triage::Finding& f : findings_) {
    if (!concerns(f, name)) continue;
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
    const compare::VerdictKind verdict = judge_->verdict(c, r, e, all[e], reference);
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
  const bool probed = first.explanation.difference == compare::Difference::Rejects && can_be_probed(first.seen);
  const Probe probe(*domain_, *judge_, *executors_[executor], executor, first.seen.outcome);
  Result<std::vector<Part>> matter = probed ? probe.what_matters(*c) : std::vector<Part>{};
  if (!matter) return tl::unexpected(matter.error());
  std::optional<Error> error;
  unsigned deaths = 0;  // of candidates; each costs several starts of the emulator
  const unsigned most_deaths = seen.status == Status::Died ? 40 : 8;
  const auto shows_it = [&](const Case& candidate) {
    if (error || deaths > most_deaths || in_a_hurry() || !keeps(candidate, *c, *matter)) return false;
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
  f.about = f.smallest;
  if (probed && !in_a_hurry())
    if (auto done = say_what_matters(probe, f); !done) return tl::unexpected(done.error());
  f.executor = executors_[executor]->info().name;
  f.first_case = digest_of(found);
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

Result<void> Investigator::say_what_matters(const Probe& probe, triage::Finding& f) const {
  auto canonical = probe.canonical(f.smallest);
  if (!canonical) return tl::unexpected(canonical.error());
  f.smallest = std::move(*canonical);
  const auto parts = probe.what_matters(f.smallest);
  if (!parts) return tl::unexpected(parts.error());
  f.about = Probe::reduced_to(f.smallest, *parts);
  return {};
}

// Bucket, explanation and answers, from what everybody said of the smallest case.
void Investigator::describe(triage::Finding& f, std::size_t executor, std::span<const Observation> all) {
  const Observation* reference = domain_->rules->rows.empty() ? reference_in(all) : nullptr;
  const compare::Reading r = judge_->read(f.smallest);
  f.explanation = compare::explain(*judge_, f.executor, f.smallest, r, all[executor], reference, &f.about);
  f.bucket = f.explanation.bucket;
  f.said = said(f.smallest, all);
  join_those_who_agree(f, all[executor], reference);
  f.seed = seed_;
  f.count = 1;
}

// A rejection has no edit that could explain others; but if the case contains what a finding came down to, and is
// judged alike without it, the finding is the cause.
Result<triage::Finding*> Investigator::caused_by_a_finding(const Case& c, std::size_t executor,
                                                           const Observation& seen) {
  if (!can_be_probed(seen)) return nullptr;
  const std::string &name = executors_[executor]->info().name, outcome = observation_text(*domain_, seen);
  std::vector<std::size_t> findings;
  std::vector<Case> tries;
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    const triage::Finding& f = findings_[i];
    const bool rejects = f.explanation.difference == compare::Difference::Rejects && !f.order_dependent;
    if (!rejects || !concerns(f, name) || !has_said(f, name, outcome)) continue;
    for (const Case& known : known_[i].smallest) {
      if (!contains(c, known) || tries.size() >= kMostTries) continue;
      const auto parts = parts_of(known);
      if (parts.empty()) return &findings_[i];  // golden itself is refused: nothing can be told apart
      findings.push_back(i);
      tries.push_back(without(c, parts));
    }
  }
  const auto answers = Probe(*domain_, *judge_, *executors_[executor], executor, seen.outcome).ask(std::move(tries));
  if (!answers) return tl::unexpected(answers.error());
  for (std::size_t i = 0; i < findings.size(); ++i)
    if ((*answers)[i] == Answer::Agrees || (*answers)[i] == Answer::Passes) return &findings_[findings[i]];
  return nullptr;
}

triage::Finding* Investigator::add(triage::Finding finding) {
  if (finding.about.schema == nullptr) finding.about = finding.smallest;
  const std::string what = what_of(finding.bucket);
  std::size_t at = 0;
  while (at < findings_.size() && findings_[at].bucket != finding.bucket &&
         (known_[at].what != what || contradicts(findings_[at], finding) || contradicts(finding, findings_[at])))
    ++at;
  for (std::size_t x = 0; x < executors_.size() && !finding.order_dependent; ++x) {
    const std::string& name = executors_[x]->info().name;
    if (!concerns(finding, name) || (at < findings_.size() && concerns(findings_[at], name))) continue;
    for (const rules::RowEdit& e : finding.explanation.edits) explained_[x].add(e);
  }
  if (at == findings_.size()) {
    known_.push_back({what, {finding.about}, {}});
    findings_.push_back(std::move(finding));
    return &findings_.back();
  }
  triage::Finding& f = findings_[at];
  if (known_[at].smallest.size() < kMostSmallest) known_[at].smallest.push_back(finding.about);
  f.count += finding.count;
  take_in(f.with, f.executor, finding);
  return &f;
}

// False: many like this have been looked at for nothing.
bool Investigator::is_worth_a_look(std::size_t executor, const Observation& seen) {
  Streak& s = streaks_[{executor, seen.outcome}];
  if (seen.status != Status::Ran || s.fruitless < kFruitless || std::has_single_bit(++s.passed)) return true;
  return false;
}

Result<triage::Finding*> Investigator::investigate(const Divergence& d) {
  const Observation& seen = d.seen[d.executor];
  if (in_a_hurry()) return as_it_is(d);
  if (const auto cause = caused_by_a_finding(d.c, d.executor, seen); !cause || *cause != nullptr) {
    if (cause) ++(*cause)->count;
    return cause;
  }
  if (!is_worth_a_look(d.executor, seen)) return nullptr;
  const auto same = repeats(d.c, d.executor, seen, d.neighbour);
  if (!same) return tl::unexpected(same.error());
  if (!*same) return add(quarantined(d));
  const compare::Explanation first = compare::explain(*judge_, executors_[d.executor]->info().name, d.c,
                                                      judge_->read(d.c), seen, reference_in(d.seen));
  auto f = explain_and_minimise(d.c, d.executor, seen);
  if (!f) return tl::unexpected(f.error());
  f->first_index = d.index;
  const std::size_t before = findings_.size();
  triage::Finding* const added = add(std::move(*f));
  if (first.shared) ++known_[static_cast<std::size_t>(added - findings_.data())].aliases[alias_of(first)];
  Streak& s = streaks_[{d.executor, seen.outcome}];
  s = findings_.size() > before ? Streak{} : Streak{s.fruitless + 1, s.passed};
  return added;
}

triage::Finding Investigator::unexamined_finding(const Divergence& d) {
  triage::Finding f;
  f.executor = executors_[d.executor]->info().name;
  f.smallest = f.about = d.c;
  f.first_case = digest_of(d.c);
  f.first_index = d.index;
  describe(f, d.executor, d.seen);
  return f;
}

triage::Finding Investigator::quarantined(const Divergence& d) {
  triage::Finding f = unexamined_finding(d);
  f.with.clear();
  f.explanation =
      compare::explain(*judge_, f.executor, d.c, judge_->read(d.c), d.seen[d.executor], reference_in(d.seen));
  f.bucket = f.explanation.bucket + ".order_dependent";
  f.order_dependent = true;
  return f;
}

// Nothing is run any more: a few are kept as they were found, the others counted.
Result<triage::Finding*> Investigator::as_it_is(const Divergence& d) {
  if (++hurried_ <= kMostHurried) return add(unexamined_finding(d));
  return nullptr;
}

void Investigator::adopt(std::vector<triage::Finding> findings) {
  for (triage::Finding& f : findings)
    if (std::ranges::any_of(executors_, [&](Executor* e) { return e->info().name == f.executor; })) add(std::move(f));
}

}  // namespace diffvisor::campaign
