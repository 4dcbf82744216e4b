// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/minimise_score/score.h"

#include <fmt/format.h>

#include "harness/campaign/campaign.h"
#include "harness/campaign/investigate.h"
#include "harness/minimise/single_steps.h"

namespace diffvisor::minimise_score {

namespace {

using campaign::Investigator;

Investigator investigator(Planted& p, const Options& options) {
  return Investigator(p.domain(), p.judge(), p.executors(), options.seed, campaign::Options().minimise_runs);
}

// A campaign that has the finding already meets the case it came from.
Result<bool> is_counted_again(Planted& p, const Pick& pick, const triage::Finding& finding, const Options& options) {
  Investigator later = investigator(p, options);
  later.adopt({finding});
  std::vector<Observation> seen;
  for (Executor* e : p.executors()) {
    const auto one = run_one(*e, pick.found);
    if (!one) return tl::unexpected(one.error());
    seen.push_back(*one);
  }
  const Observation* reference = p.domain().rules->rows.empty() ? &seen.front() : nullptr;
  if (!later.absorbs(pick.found, p.judge().read(pick.found), p.tested(), seen.back(), reference)) {
    const auto where = later.investigate({pick.found, p.tested(), seen, pick.found, 0});
    if (!where) return tl::unexpected(where.error());
  }
  return later.findings().size() == 1 && later.findings().front().count == finding.count + 1;
}

// The same bucket again from what the finding came down to, and from the case it came from.
Result<bool> keeps_its_bucket(Planted& p, const Pick& pick, const triage::Finding& finding, const Options& options) {
  const auto again =
      investigator(p, options).explain_and_minimise(finding.smallest, p.tested(), p.run(finding.smallest));
  if (!again) return tl::unexpected(again.error());
  if (again->bucket != finding.bucket) return false;
  return is_counted_again(p, pick, finding, options);
}

}  // namespace

Result<Scored> score(Pick pick, const Options& options) {
  Planted& p = *pick.planted;
  const Observation seen = p.run(pick.found);
  Investigator here = investigator(p, options);
  const std::uint64_t before = p.runs();
  const auto finding = here.explain_and_minimise(pick.found, p.tested(), seen);
  if (!finding) return tl::unexpected(finding.error());
  Scored s;
  s.domain = p.domain().name;
  s.quirk = p.quirk().executor + ":" + p.quirk().id;  // two models may have defects of one name
  s.bucket = p.bucket(finding->smallest);
  s.found = pick.found;
  s.result = finding->smallest;
  s.runs = p.runs() - before;
  const auto same = keeps_its_bucket(p, pick, *finding, options);
  if (!same) return tl::unexpected(same.error());
  s.same_bucket = *same;
  const auto shows = [&](const Case& c) { return p.bucket(c) == s.bucket; };
  s.one_step = minimise::smaller_by_one_step(s.result, shows, here.minimising());
  s.searched = search(p, s.bucket, s.found, s.result, options.most);
  return s;
}

void Tally::add(const Scored& s) {
  ++all_;
  optimal_ += s.is_optimal();
  minimal_ += s.is_minimal();
  same_ += s.same_bucket;
  whole_ += s.searched.whole;
  runs_ += s.runs;
  most_runs_ = std::max(most_runs_, s.runs);
  const Apart from = apart(s.found), to = apart(s.result);
  fields_before_ += from.fields + from.capabilities;
  bits_before_ += from.bits;
  fields_ += to.fields + to.capabilities;
  bits_ += to.bits;
}

std::string Tally::text() const {
  const auto n = static_cast<double>(std::max<std::uint64_t>(all_, 1));
  const auto share = [n](std::uint64_t x) { return 100 * static_cast<double>(x) / n; };
  const auto mean = [n](std::uint64_t x) { return static_cast<double>(x) / n; };
  return fmt::format(
      "{} findings: {:.1f} % optimal ({} searched whole), {:.1f} % minimal, {:.1f} % same bucket; mean of {:.1f} "
      "fields "
      "{:.1f} bits -> {:.2f} fields {:.2f} bits in {:.0f} runs (most {})",
      all_, share(optimal_), whole_, share(minimal_), share(same_), mean(fields_before_), mean(bits_before_),
      mean(fields_), mean(bits_), mean(runs_), most_runs_);
}

}  // namespace diffvisor::minimise_score
