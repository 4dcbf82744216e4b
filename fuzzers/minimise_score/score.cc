// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/minimise_score/score.h"

#include <fmt/format.h>

#include "harness/campaign/campaign.h"
#include "harness/campaign/investigate.h"
#include "harness/minimise/single_steps.h"

namespace diffvisor::minimise_score {

namespace {

bool is_part(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  return !some.empty() &&
         std::ranges::all_of(some, [&](const std::string& x) { return std::ranges::find(all, x) != all.end(); });
}

// The result shows nothing but what `found` shows, as it is or with steps left out.
bool shows_some_of(Planted& p, const Case& result, const Case& found) {
  if (is_part(p.defects(result), p.defects(found))) return true;
  const Behaviour* behaviour = p.domain().behaviour;
  if (behaviour == nullptr || behaviour->without_a_step == nullptr) return false;
  for (Case& shorter : behaviour->without_a_step(found)) {
    p.normalise(shorter);
    if (shows_some_of(p, result, shorter)) return true;
  }
  return false;
}

}  // namespace

Result<Scored> score(Pick pick, const Options& options) {
  Planted& p = *pick.planted;
  const Observation seen = p.run(pick.found);
  campaign::Investigator investigator(p.domain(), p.judge(), p.executors(), options.seed,
                                      campaign::Options().minimise_runs);
  const std::uint64_t before = p.runs();
  const auto finding = investigator.explain_and_minimise(pick.found, p.tested(), seen);
  if (!finding) return tl::unexpected(finding.error());
  Scored s;
  s.domain = p.domain().name;
  s.quirk = p.quirk().executor + ":" + p.quirk().id;  // two models may have defects of one name
  s.bucket = p.bucket(finding->smallest);
  s.found = pick.found;
  s.result = finding->smallest;
  s.runs = p.runs() - before;
  s.same_bucket = s.bucket == pick.bucket;
  s.same_defect = s.same_bucket || shows_some_of(p, s.result, s.found);
  const auto shows = [&](const Case& c) { return p.bucket(c) == s.bucket; };
  s.one_step = minimise::smaller_by_one_step(s.result, shows, investigator.minimising());
  s.searched = search(p, s.bucket, s.found, s.result, options.most);
  return s;
}

void Tally::add(const Scored& s) {
  ++all_;
  optimal_ += s.is_optimal();
  minimal_ += s.is_minimal();
  same_ += s.same_bucket;
  defect_ += s.same_defect;
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
      "{} findings: {:.1f} % optimal ({} searched whole), {:.1f} % minimal, {:.1f} % same defect ({} by the same "
      "name); mean of {:.1f} fields "
      "{:.1f} bits -> {:.2f} fields {:.2f} bits in {:.0f} runs (most {})",
      all_, share(optimal_), whole_, share(minimal_), share(defect_), same_, mean(fields_before_), mean(bits_before_),
      mean(fields_), mean(bits_), mean(runs_), most_runs_);
}

}  // namespace diffvisor::minimise_score
