// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/investigate.h"

#include <algorithm>
#include <bit>

#include "harness/bucket/bucket.h"

namespace diffvisor::campaign {
namespace {

// So many findings for each executor; a campaign that has more is broken in itself and should be looked at.
constexpr std::size_t kMostFindings = 200;

// When so many looks at an outcome in a row found nothing new, only the 1st, 2nd, 4th, 8th … of what follows is looked
// at: a model that is wrong everywhere must not make a campaign crawl.
// A look that was minimised costs as much as several that were recognised before that.
constexpr unsigned kFruitless = 256, kRecognised = 1, kMinimised = 8;
constexpr std::size_t kMostSmallest = 64;  // cases kept for a bucket, to recognise it in others
constexpr std::size_t kMostTries = 24;     // of recognising one case
constexpr std::size_t kMostHurried = 8;    // findings taken as they are when the time is over
constexpr std::uint64_t kMostLooks = 8;    // at cases that look like what was found, before they are taken for it

bool concerns(const triage::Finding& f, const std::string& executor) {
  return f.executor == executor || std::ranges::find(f.with, executor) != f.with.end();
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

// Something may differ earlier than what the case ends in, and that names it.
bool Investigator::has_beginnings(const Case& c) const {
  return domain_->behaviour != nullptr && domain_->behaviour->beginnings != nullptr &&
         !domain_->behaviour->beginnings(c).empty();
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

// One defect looks different in every instruction and in what follows. What was made plainer a few times and led to a
// finding is taken for it from then on, but for the 16th, 32nd … time, as another defect may look the same.
bool Investigator::is_known_alias(const compare::Explanation& e, const std::string& executor) {
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    const auto it = known_[i].aliases.find(alias_of(e));
    if (it == known_[i].aliases.end() || !concerns(findings_[i], executor)) continue;
    if (++it->second <= kMostLooks || std::has_single_bit(it->second)) return false;
    return ++findings_[i].count, true;
  }
  return false;
}

bool Investigator::absorbs(const Case& c, const compare::Reading& r, std::size_t executor, const Observation& seen,
                           const Observation* reference) {
  const bool died = seen.status == Status::Died;
  const std::string& name = executors_[executor]->info().name;
  if (!died && !explained_by_findings(c, r, executor, seen.outcome)) {
    const compare::Explanation e = explained(c, r, executor, seen, reference).explanation;
    for (std::size_t i = 0; i < findings_.size() && !has_beginnings(c); ++i)
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

Result<bool> Investigator::repeats(const Case& c, std::size_t executor, const Observation& seen,
                                   const Case& neighbour) {
  if (in_a_hurry()) return true;
  // Where rules judge, records are not compared.
  const bool record = domain_->rules->rows.empty() && seen.status == Status::Ran;
  const auto same = [&](const Observation& o) {
    return same_answer(o, seen) && (!record || !compare::Judge::first_difference(o, seen));
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
  Divergent shown = explained(d.c, judge_->read(d.c), d.executor, seen, reference_in(d.seen));
  const compare::Explanation first = shown.explanation;
  const auto plain = plainer(d.executor).plainest(d.c, shown);
  if (!plain) return tl::unexpected(plain.error());
  Streak& s = streaks_[{d.executor, seen.outcome}];
  if (triage::Finding* const old = found_again(shown, *plain, first, d.executor))
    return s.fruitless += kRecognised, old;
  auto f = finding_of(*plain, d.c, d.executor, shown);
  if (!f) return tl::unexpected(f.error());
  f->first_index = d.index;
  const std::size_t before = findings_.size();
  triage::Finding* const added = add(std::move(*f));
  note_alias(*added, first);
  s = findings_.size() > before ? Streak{} : Streak{s.fruitless + kMinimised, s.passed};
  return added;
}

// The finding that a case of behaviour belongs to by the name of what it was made to; counted there.
triage::Finding* Investigator::found_again(const Divergent& plain, const Case& c, const compare::Explanation& first,
                                           std::size_t executor) {
  if (plain.explanation.difference != compare::Difference::Behaves) return nullptr;
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    if (!is_one_of(i, c, plain.explanation, executors_[executor]->info().name)) continue;
    note_alias(findings_[i], first);
    ++findings_[i].count;
    return &findings_[i];
  }
  return nullptr;
}

void Investigator::note_alias(const triage::Finding& f, const compare::Explanation& looked) {
  if (looked.difference == compare::Difference::Behaves)
    ++known_[static_cast<std::size_t>(&f - findings_.data())].aliases[alias_of(looked)];
}

triage::Finding Investigator::unexamined_finding(const Divergence& d) {
  triage::Finding f;
  f.executor = executors_[d.executor]->info().name;
  f.smallest = f.about = d.c;
  f.first_case = case_digest(d.c);
  f.first_index = d.index;
  describe(f, d.executor, d.seen);
  return f;
}

triage::Finding Investigator::quarantined(const Divergence& d) {
  triage::Finding f = unexamined_finding(d);
  f.with.clear();
  f.explanation = explained(d.c, judge_->read(d.c), d.executor, d.seen[d.executor], reference_in(d.seen)).explanation;
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
