// SPDX-License-Identifier: Apache-2.0
#include "harness/campaign/campaign.h"

#include <algorithm>
#include <deque>

#include "harness/base/digest.h"
#include "harness/campaign/investigate.h"
#include "harness/campaign/pairs.h"

namespace diffvisor::campaign {
namespace {

struct InFlight {
  std::uint64_t first = 0;
  std::vector<Case> cases;
  std::vector<compare::Reading> readings;
  std::vector<std::vector<Observation>> seen;  // by executor
  bool collected = false;
};

std::uint64_t case_digest(std::uint64_t index, std::span<const Observation> seen,
                          std::span<const compare::Verdict> verdicts) {
  std::uint64_t h = mix64(index + 1);
  const auto add = [&](std::uint64_t x) { h = mix64(h ^ x) + 0x9e3779b97f4a7c15u; };
  for (std::size_t e = 0; e < seen.size(); ++e) {
    add(static_cast<std::uint64_t>(verdicts[e].kind) | static_cast<std::uint64_t>(seen[e].status) << 8);
    add(seen[e].status == Status::Ran ? seen[e].outcome : 0);
    for (std::size_t i = 0; verdicts[e].decided.any() && i < compare::kMostEntries; ++i)
      if (verdicts[e].decided[i]) add(i + 1);
    for (const char ch : verdicts[e].reason) add(static_cast<unsigned char>(ch));
    if (seen[e].status != Status::Ran) continue;
    for (std::size_t w = 0; w < SlotSet::kWords; ++w) add(seen[e].defined.word(w));
    add(digest_of(seen[e].record));
  }
  return h;
}

}  // namespace

class Campaign::Impl {
 public:
  Impl(const Domain& domain, compare::Judge& judge, std::vector<Executor*> executors, Options options)
      : domain_(domain),
        judge_(judge),
        executors_(std::move(executors)),
        options_(std::move(options)),
        plan_(domain, options_.plan),
        investigator_(domain, judge, executors_, options_.plan.seed, options_.minimise_runs),
        pairs_(domain) {
    totals_.executors.resize(executors_.size());
    if (const Behaviour* b = domain.behaviour; b != nullptr) {
      Stratum empty;
      empty.judged.resize(executors_.size());
      empty.incomparable.resize(executors_.size());
      totals_.strata.resize(b->strata.size(), empty);
      totals_.forms.resize(executors_.size(), std::vector<std::uint64_t>(b->forms));
    }
    for (std::size_t e = 0; e < executors_.size(); ++e)
      if (executors_[e]->info().name == domain.reference) reference_ = e;
    totals_.next = options_.first;
    investigator_.hurry_when([this] { return out_of_time(); });
  }

  Result<void> run() {
    start_ = Clock::now();
    before_ = totals_.seconds;
    std::uint64_t next = totals_.next;
    while (!ending(next) || !ring_.empty()) {
      while (ring_.size() < kBatchesInFlight - 1 && !ending(next)) next = submit(next);
      if (ring_.empty()) break;
      if (auto done = collect(ring_.front()); !done) return done;
      if (auto done = commit(ring_.front()); !done) return done;
      spare_.push_back(std::move(ring_.front()));
      ring_.pop_front();
      report();
    }
    totals_.seconds = before_ + elapsed();
    for (const triage::Finding& f : investigator_.findings())
      if (auto saved = save(f); !saved) return saved;
    return {};
  }

  std::function<void(const Committed&)> observer_;
  std::function<void(const Totals&)> progress_;
  std::function<Result<void>(const triage::Finding&)> sink_;
  std::function<bool()> stop_;
  Totals totals_;
  Investigator& investigator() { return investigator_; }

 private:
  using Clock = std::chrono::steady_clock;

  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  bool ending(std::uint64_t next) const {
    if (options_.cases != 0 && next >= options_.first + options_.cases) return true;
    return out_of_time();
  }
  bool out_of_time() const { return (options_.seconds > 0 && elapsed() >= options_.seconds) || (stop_ && stop_()); }

  // The end of the batch that holds `index`: batches are fixed index ranges, whatever --first says.
  std::uint64_t batch_end(std::uint64_t index) const {
    const std::uint64_t end = (index / kBatch + 1) * kBatch;
    return options_.cases == 0 ? end : std::min(end, options_.first + options_.cases);
  }

  std::uint64_t submit(std::uint64_t next) {
    while (next / kBatch % options_.shards != options_.shard - 1) {
      next = batch_end(next);
      if (ending(next)) return next;
    }
    InFlight batch;
    if (!spare_.empty()) {
      batch = std::move(spare_.back());
      spare_.pop_back();
    }
    batch.first = next;
    batch.collected = false;
    const std::uint64_t end = batch_end(next);
    batch.cases.resize(end - next);
    batch.readings.resize(batch.cases.size());
    batch.seen.resize(executors_.size());
    for (auto& seen : batch.seen) seen.assign(batch.cases.size(), Observation{});
    prepare(batch);
    ring_.push_back(std::move(batch));
    InFlight& placed = ring_.back();
    for (std::size_t e = 0; e < executors_.size(); ++e) executors_[e]->submit(placed.cases, placed.seen[e]);
    return end;
  }

  void prepare(InFlight& batch) {
    for (std::size_t i = 0; i < batch.cases.size(); ++i) plan_.make(batch.first + i, batch.cases[i]);
    judge_.read(batch.cases, batch.readings);
    for (std::size_t i = 0; i < batch.cases.size(); ++i)
      for (std::size_t e = 0; e < executors_.size(); ++e)
        if (const auto why = judge_.refusal(batch.cases[i], batch.readings[i], e); !why.empty())
          batch.seen[e][i] = incomparable(why);
  }

  Result<void> collect(InFlight& batch) {
    if (batch.collected) return {};
    batch.collected = true;
    for (Executor* e : executors_)
      if (auto done = e->collect(); !done) return done;
    return {};
  }

  // All of a batch or nothing: a resumed run does it again.
  Result<void> commit(InFlight& batch) {
    const Totals kept = totals_;
    auto done = commit_cases(batch);
    if (!done) totals_ = kept;
    return done;
  }

  Result<void> commit_cases(InFlight& batch) {
    std::vector<compare::Verdict> verdicts(executors_.size());
    std::vector<Observation> seen(executors_.size());
    for (std::size_t i = 0; i < batch.cases.size(); ++i) {
      const Case& c = batch.cases[i];
      const compare::Reading& r = batch.readings[i];
      for (std::size_t e = 0; e < executors_.size(); ++e) {
        seen[e] = batch.seen[e][i];
        verdicts[e] = judge_.judge(c, r, e, seen[e], reference_of(batch, i));
        if (auto done = count(batch, i, e, verdicts[e]); !done) return done;
      }
      const Committed committed{batch.first + i, c, r, seen, verdicts};
      cover(committed);
      if (observer_) observer_(committed);
      totals_.digest += case_digest(batch.first + i, seen, verdicts);
    }
    totals_.cases += batch.cases.size();
    totals_.next = batch_end(batch.first);
    totals_.seconds = before_ + elapsed();
    return {};
  }

  const Observation* reference_of(const InFlight& batch, std::size_t i) const {
    return reference_ < executors_.size() ? &batch.seen[reference_][i] : nullptr;
  }

  Result<void> count(InFlight& batch, std::size_t i, std::size_t e, const compare::Verdict& v) {
    ExecutorTotals& t = totals_.executors[e];
    switch (v.kind) {
      case compare::VerdictKind::Agree:
        ++t.judged;
        return {};
      case compare::VerdictKind::Known:
        ++t.judged;
        ++totals_.known;
        return {};
      case compare::VerdictKind::SpecUnclear:
        ++t.judged;
        ++totals_.spec_unclear;
        return {};
      case compare::VerdictKind::Incomparable:
        count_reason(t.incomparable, v.reason);
        return {};
      case compare::VerdictKind::ExecutorDied:
        ++t.died;
        break;
      case compare::VerdictKind::Divergence:
        ++t.judged;
        break;
    }
    return investigate(batch, i, e);
  }

  using Reasons = std::map<std::string, std::uint64_t, std::less<>>;
  static void count_reason(Reasons& reasons, std::string_view reason) {
    const auto it = reasons.find(reason);
    if (it != reasons.end()) {
      ++it->second;
    } else {
      reasons.emplace(reason, 1);
    }
  }

  // A divergence: run alone and after a neighbour, explain, minimise. Executors must be idle for that.
  Result<void> investigate(InFlight& batch, std::size_t i, std::size_t e) {
    const Observation& seen = batch.seen[e][i];
    if (investigator_.absorbs(batch.cases[i], batch.readings[i], e, seen, reference_of(batch, i)))
      return ++totals_.unexplained, Result<void>{};
    for (InFlight& other : ring_)
      if (auto done = collect(other); !done) return done;
    std::vector<Observation> said;
    for (const auto& column : batch.seen) said.push_back(column[i]);
    const Case& neighbour = batch.cases[i == 0 ? batch.cases.size() - 1 : i - 1];
    const auto found = investigator_.investigate({batch.cases[i], e, said, neighbour, batch.first + i});
    if (!found) return tl::unexpected(found.error());
    if (*found == nullptr) return ++totals_.unexplained, ++totals_.unexamined, Result<void>{};
    ++((*found)->order_dependent ? totals_.order_dependent : totals_.unexplained);
    return save(**found);
  }

  Result<void> save(const triage::Finding& f) { return sink_ ? sink_(f) : Result<void>{}; }

  void cover(const Committed& k) {
    std::size_t judged = 0;
    for (const Observation& o : k.seen) judged += o.status == Status::Ran;
    totals_.judged_cases += judged >= 2;
    totals_.exercised |= k.reading.survey.applied;
    if (k.reading.ruling.deciders.count() == 1) totals_.broken_alone |= k.reading.ruling.deciders;
    for (std::size_t e = 0; e < executors_.size(); ++e) {
      if (executors_[e]->info().trust != Trust::Independent) continue;
      if (const auto rule = pairs_.confirms(k, e)) totals_.executors[e].confirmed.set(*rule);
    }
    pairs_.remember(k);
    if (domain_.behaviour != nullptr) cover_behaviour(k);
  }

  void cover_behaviour(const Committed& k) {
    Stratum& s = totals_.strata[domain_.behaviour->stratum(k.c)];
    ++s.cases;
    const std::uint32_t form = reference_ < k.seen.size() ? k.seen[reference_].form : 0;
    for (std::size_t e = 0; e < k.verdicts.size(); ++e) {
      const compare::Verdict& v = k.verdicts[e];
      if (v.kind == compare::VerdictKind::Incomparable) {
        count_reason(s.incomparable[e], v.reason);
      } else if (v.kind != compare::VerdictKind::ExecutorDied) {
        ++s.judged[e];
      }
      if (v.kind == compare::VerdictKind::Agree && form < totals_.forms[e].size()) ++totals_.forms[e][form];
    }
  }

  void report() {
    if (!progress_) return;
    const double now = elapsed();
    if (now - reported_ < 0.1) return;
    reported_ = now;
    progress_(totals_);
  }

  const Domain& domain_;
  compare::Judge& judge_;
  std::vector<Executor*> executors_;
  Options options_;
  Plan plan_;
  Investigator investigator_;
  PairWatch pairs_;
  std::deque<InFlight> ring_;
  std::vector<InFlight> spare_;
  std::size_t reference_ = ~std::size_t{0};
  Clock::time_point start_{};
  double before_ = 0;
  double reported_ = 0;
};

Campaign::Campaign(const Domain& domain, compare::Judge& judge, std::vector<Executor*> executors, Options options)
    : impl_(std::make_unique<Impl>(domain, judge, std::move(executors), std::move(options))) {}
Campaign::~Campaign() = default;

void Campaign::observe(std::function<void(const Committed&)> observer) { impl_->observer_ = std::move(observer); }
void Campaign::on_progress(std::function<void(const Totals&)> progress) { impl_->progress_ = std::move(progress); }
void Campaign::on_finding(std::function<Result<void>(const triage::Finding&)> sink) { impl_->sink_ = std::move(sink); }
void Campaign::stop_when(std::function<bool()> stop) { impl_->stop_ = std::move(stop); }
void Campaign::resume(const Totals& totals, std::vector<triage::Finding> findings) {
  impl_->totals_ = totals;
  impl_->investigator().adopt(std::move(findings));
}
Result<void> Campaign::run() { return impl_->run(); }
const Totals& Campaign::totals() const { return impl_->totals_; }
const std::vector<triage::Finding>& Campaign::findings() const { return impl_->investigator().findings(); }

}  // namespace diffvisor::campaign
