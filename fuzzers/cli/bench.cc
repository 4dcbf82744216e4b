// SPDX-License-Identifier: Apache-2.0
// diffvisor bench: the rates of the performance budget, measured in one run on one machine.
#include <ctime>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/bench_executors.h"
#include "fuzzers/cli/commands.h"
#include "harness/base/check.h"
#include "harness/campaign/campaign.h"
#include "harness/rules/batch_plan.h"

namespace diffvisor::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Of this thread: what other programs do on the machine is not what we measure.
double cpu_seconds() {
  timespec t;
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

constexpr int kRuns = 7;

// The best of several runs of `work`, as calls a second.
template <class Work>
double best_rate(std::size_t calls, Work work) {
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double start = cpu_seconds();
    work();
    best = std::max(best, static_cast<double>(calls) / (cpu_seconds() - start));
  }
  return best;
}

constexpr std::size_t kStates = 512;      // distinct, and as many as a campaign has around
constexpr std::size_t kCalls = 1u << 17;  // a run of the survey
constexpr std::size_t kRepairs = 1u << 14;

std::vector<Case> random_states(const Domain& d, std::uint16_t profile, const rules::Locks& locks,
                                std::size_t n = kStates) {
  std::vector<Case> out(n, golden_case(*d.schema, profile));
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

std::vector<const std::uint64_t*> values_of(const std::vector<Case>& states) {
  std::vector<const std::uint64_t*> out;
  for (const Case& c : states) out.push_back(c.v.data());
  return out;
}

double survey_rate(const Domain& d, const std::vector<Case>& states, std::uint64_t& sink) {
  const auto values = values_of(states);
  std::vector<rules::Survey> out(values.size());
  return best_rate(kCalls, [&] {
    for (std::size_t calls = 0; calls < kCalls; calls += values.size()) {
      rules::survey_batch(*d.rules, values, out.data());
      sink += out.back().broken.word(0);
    }
  });
}

double single_survey_rate(const Domain& d, const std::vector<Case>& states, std::uint64_t& sink) {
  return best_rate(kCalls, [&] {
    rules::Survey s;
    for (std::size_t calls = 0; calls < kCalls; calls += states.size())
      for (const Case& c : states) {
        d.rules->survey(c.v.data(), s);
        sink += s.broken.word(0);
      }
  });
}

// Copies of the states, each with a generator of its own.
class Repairs {
 public:
  Repairs(const std::vector<Case>& from, const rules::Locks& locks) : from_(from), now_(from), states_(from.size()) {
    for (std::size_t i = 0; i < now_.size(); ++i) states_[i] = {now_[i].v.data(), &locks, Rng(3, i)};
  }

  void start_over(std::uint64_t seed) {
    for (std::size_t i = 0; i < now_.size(); ++i) {
      now_[i].v = from_[i].v;
      states_[i].rng = Rng(seed, i);
    }
  }

  std::span<rules::Repairing> states() { return states_; }
  const std::vector<Case>& values() const { return now_; }

 private:
  const std::vector<Case>& from_;
  std::vector<Case> now_;
  std::vector<rules::Repairing> states_;
};

double satisfy_rate(const Domain& d, const std::vector<Case>& states, const rules::Locks& locks, std::size_t& failed) {
  Repairs r(states, locks);
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    double spent = 0;  // making the states anew is not part of it
    failed = 0;
    for (std::size_t calls = 0; calls < kRepairs; calls += states.size()) {
      r.start_over(calls);
      const double start = cpu_seconds();
      const std::vector<bool> done = rules::satisfy_batch(*d.rules, r.states(), d.normalise);
      spent += cpu_seconds() - start;
      failed += static_cast<std::size_t>(std::ranges::count(done, false));
    }
    best = std::max(best, static_cast<double>(kRepairs) / spent);
  }
  return best;
}

double single_satisfy_rate(const Domain& d, const std::vector<Case>& states, const rules::Locks& locks) {
  constexpr std::size_t kFewer = kRepairs / 4;
  Repairs r(states, locks);
  return best_rate(kFewer, [&] {
    for (std::size_t calls = 0; calls < kFewer; calls += states.size()) {
      r.start_over(calls);
      for (rules::Repairing& s : r.states()) rules::satisfy_all(*d.rules, s.v, locks, s.rng, d.normalise);
    }
  });
}

// Share of the states that have each mode bit set after repair: rare modes must survive it.
Json mode_histogram(const Domain& d, const std::vector<Case>& states, const rules::Locks& locks) {
  Json out = Json::object();
  std::vector<std::array<std::size_t, 16>> counts(d.modes.size());
  Repairs r(states, locks);
  rules::satisfy_batch(*d.rules, r.states(), d.normalise);
  for (const Case& c : r.values())
    for (std::size_t m = 0; m < d.modes.size(); ++m)
      ++counts[m][c.v[d.modes[m].slot] >> d.modes[m].lo & ones(d.modes[m].n) & 15];
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

Json rule_rates(const Domain& d, std::uint16_t profile) {
  const rules::Locks locks = rules::base_locks(*d.schema);
  const auto random = random_states(d, profile, locks), flipped = flipped_valid(d, random, locks);
  std::uint64_t sink = 0;
  std::size_t failed_flipped = 0, failed_random = 0;
  Json j = {{"domain", d.name}, {"rules", d.rules->rows.size()}};
  j["survey_per_s"] = survey_rate(d, random, sink);
  j["survey_one_by_one_per_s"] = single_survey_rate(d, random, sink);
  j["satisfy_valid_plus_8_flips_per_s"] = satisfy_rate(d, flipped, locks, failed_flipped);
  j["satisfy_valid_plus_8_flips_one_by_one_per_s"] = single_satisfy_rate(d, flipped, locks);
  j["satisfy_uniform_random_per_s"] = satisfy_rate(d, random, locks, failed_random);
  j["satisfy_uniform_random_one_by_one_per_s"] = single_satisfy_rate(d, random, locks);
  j["satisfy_gave_up"] = {{"flipped", failed_flipped}, {"random", failed_random}};
  j["modes_after_satisfy"] = mode_histogram(d, random_states(d, profile, locks, 2048), locks);
  j["sink"] = sink & 1;
  return j;
}

void print_rates(const Json& j) {
  const auto line = [&](std::string_view what, const std::string& key) {
    const double together = j[key + "_per_s"], alone = j[key + "_one_by_one_per_s"];
    fmt::print("{:<28} {:>10.2f} M/s, {:.1f} times one by one ({:.2f} M/s)\n", what, together / 1e6, together / alone,
               alone / 1e6);
  };
  line("survey", "survey");
  line("satisfy, valid + 8 flips", "satisfy_valid_plus_8_flips");
  line("satisfy, uniform random", "satisfy_uniform_random");
  const Json &gave_up = j["satisfy_gave_up"], &run = j["end_to_end"];
  fmt::print("gave up, of {:<16} {:>10} flipped, {} random\n", kRepairs, gave_up["flipped"].get<std::size_t>(),
             gave_up["random"].get<std::size_t>());
  fmt::print("end to end                   {:>10.1f} k cases/s, {:.1f} k judged/s ({})\n",
             run["cases_per_s"].get<double>() / 1e3, run["judged_cases_per_s"].get<double>() / 1e3,
             run["executors"].dump());
  fmt::print("start to first judged case   {:>10.3f} s\n", run["start_to_first_case_s"].get<double>());
}

Result<Json> rates_with_rules(const Domain& d, const Flags& flags) {
  const auto profile = profile_named(d, flags.profile);
  if (!profile) return tl::unexpected(profile.error());
  Json j = rule_rates(d, *profile);
  const auto run = end_to_end(std::string(d.name), flags);
  if (!run) return run;
  j["end_to_end"] = *run;
  return j;
}

}  // namespace

int bench(const std::string& name, const Flags& flags) {
  const auto entry = domain_named(name);
  if (!entry) return complain(entry.error());
  const Domain& d = *(*entry)->domain;
  const bool has_rules = !d.rules->rows.empty();
  const auto rates = has_rules ? rates_with_rules(d, flags) : executor_rates(**entry, flags);
  if (!rates) return complain(rates.error());
  if (flags.json != "-") has_rules ? print_rates(*rates) : print_executor_rates(*rates);
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, rates->dump(1) + "\n"); !wrote) return complain(wrote.error());
  return kClean;
}

}  // namespace diffvisor::cli
