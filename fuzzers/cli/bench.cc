// SPDX-License-Identifier: Apache-2.0
// diffvisor bench: the rates of the performance budget, measured in one run on one machine.
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "harness/campaign/campaign.h"

namespace diffvisor::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best of five runs of `work`, as calls a second.
template <class Work>
double best_rate(std::size_t calls, Work work) {
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto start = Clock::now();
    work();
    best = std::max(best, static_cast<double>(calls) / since(start));
  }
  return best;
}

constexpr std::size_t kStates = 2048;

std::vector<Case> random_states(const Domain& d, std::uint16_t profile, const rules::Locks& locks) {
  std::vector<Case> out(kStates, golden_case(*d.schema, profile));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Rng rng(7, i);
    for (Slot s = 0; s < d.schema->slots; ++s) out[i].v[s] = (out[i].v[s] & locks[s]) | (rng.next() & ~locks[s]);
  }
  return out;
}

std::vector<Case> flipped_valid(const Domain& d, const std::vector<Case>& random, const rules::Locks& locks) {
  std::vector<Case> out = random;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Rng rng(11, i);
    rules::satisfy_all(*d.rules, out[i].v.data(), locks, rng, d.normalise);
    for (int n = 0; n < 8; ++n) {
      const Slot s = static_cast<Slot>(rng.below(d.schema->slots));
      out[i].v[s] ^= (std::uint64_t{1} << rng.below(32)) & ~locks[s];
    }
  }
  return out;
}

double survey_rate(const Domain& d, const std::vector<Case>& states, std::uint64_t& sink) {
  constexpr std::size_t kRounds = 100;
  return best_rate(kRounds * states.size(), [&] {
    rules::Survey s;
    for (std::size_t r = 0; r < kRounds; ++r)
      for (const Case& c : states) {
        d.rules->survey(c.v.data(), s);
        sink += s.broken.word(0);
      }
  });
}

double satisfy_rate(const Domain& d, const std::vector<Case>& states, const rules::Locks& locks, std::size_t& failed) {
  constexpr std::size_t kRounds = 8;
  failed = 0;
  return best_rate(kRounds * states.size(), [&] {
    failed = 0;
    for (std::size_t r = 0; r < kRounds; ++r)
      for (std::size_t i = 0; i < states.size(); ++i) {
        auto v = states[i].v;
        Rng rng(r, i);
        failed += !rules::satisfy_all(*d.rules, v.data(), locks, rng, d.normalise);
      }
  });
}

// Share of the states that have each mode bit set after repair: rare modes must survive it.
Json mode_histogram(const Domain& d, const std::vector<Case>& states, const rules::Locks& locks) {
  Json out = Json::object();
  std::vector<std::array<std::size_t, 16>> counts(d.modes.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    auto v = states[i].v;
    Rng rng(3, i);
    rules::satisfy_all(*d.rules, v.data(), locks, rng, d.normalise);
    for (std::size_t m = 0; m < d.modes.size(); ++m)
      ++counts[m][v[d.modes[m].slot] >> d.modes[m].lo & ones(d.modes[m].n) & 15];
  }
  for (std::size_t m = 0; m < d.modes.size(); ++m) {
    const rules::Slice& a = d.modes[m];
    for (std::size_t x = 0; x < (std::size_t{1} << a.n); ++x)
      out[fmt::format("{}[{}:{}]", field_of_slot(*d.schema, a.slot).name, a.lo + a.n - 1, a.lo)].push_back(
          counts[m][x]);
  }
  return out;
}

Result<Json> end_to_end(const std::string& domain, const Flags& flags) {
  const auto start = Clock::now();
  auto session = open_session(domain, flags);
  if (!session) return tl::unexpected(session.error());
  campaign::Options options;
  options.plan.seed = flags.seed;
  options.plan.profile = session->profile;
  options.seconds = flags.seconds > 0 ? flags.seconds : 10;
  campaign::Campaign campaign(*session->entry->domain, *session->judge, session->raw(), options);
  double first = 0;
  campaign.observe([&](const campaign::Committed&) {
    if (first == 0) first = since(start);
  });
  const auto ran = campaign.run();
  if (!ran) return tl::unexpected(ran.error());
  const campaign::Totals& t = campaign.totals();
  Json j = {{"start_to_first_case_s", first},
            {"cases_per_s", static_cast<double>(t.cases) / t.seconds},
            {"judged_cases_per_s", static_cast<double>(t.judged_cases) / t.seconds}};
  for (const ExecutorInfo& i : session->infos()) j["executors"].push_back(i.name + " " + i.version);
  return j;
}

}  // namespace

int bench(const std::string& name, const Flags& flags) {
  const auto entry = domain_named(name);
  if (!entry) return complain(entry.error());
  const Domain& d = *(*entry)->domain;
  const auto profile = profile_named(d, flags.profile);
  if (!profile) return complain(profile.error());
  const rules::Locks locks = rules::base_locks(*d.schema);
  const auto random = random_states(d, *profile, locks);
  const auto flipped = flipped_valid(d, random, locks);
  std::uint64_t sink = 0;
  std::size_t failed_flipped = 0, failed_random = 0;
  Json j = {{"domain", d.name}, {"rules", d.rules->rows.size()}};
  j["survey_per_s"] = survey_rate(d, random, sink);
  j["satisfy_valid_plus_8_flips_per_s"] = satisfy_rate(d, flipped, locks, failed_flipped);
  j["satisfy_uniform_random_per_s"] = satisfy_rate(d, random, locks, failed_random);
  j["satisfy_gave_up"] = {{"flipped", failed_flipped}, {"random", failed_random}};
  j["modes_after_satisfy"] = mode_histogram(d, random, locks);
  j["sink"] = sink & 1;
  const auto run = end_to_end(name, flags);
  if (!run) return complain(run.error());
  j["end_to_end"] = *run;
  if (flags.json != "-") {
    fmt::print("survey                       {:>10.2f} M/s\n", j["survey_per_s"].get<double>() / 1e6);
    fmt::print("satisfy, valid + 8 flips     {:>10.2f} M/s ({} of {} gave up)\n",
               j["satisfy_valid_plus_8_flips_per_s"].get<double>() / 1e6, failed_flipped, 8 * kStates);
    fmt::print("satisfy, uniform random      {:>10.2f} M/s ({} of {} gave up)\n",
               j["satisfy_uniform_random_per_s"].get<double>() / 1e6, failed_random, 8 * kStates);
    fmt::print("end to end                   {:>10.1f} k cases/s, {:.1f} k judged/s ({})\n",
               (*run)["cases_per_s"].get<double>() / 1e3, (*run)["judged_cases_per_s"].get<double>() / 1e3,
               (*run)["executors"].dump());
    fmt::print("start to first judged case   {:>10.3f} s\n", (*run)["start_to_first_case_s"].get<double>());
  }
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, j.dump(1) + "\n"); !wrote) return complain(wrote.error());
  return kClean;
}

}  // namespace diffvisor::cli
