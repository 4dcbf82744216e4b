// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/cli/bench_executors.h"

#include <sys/resource.h>

#include <array>
#include <chrono>
#include <vector>

#include <fmt/format.h>

#include "harness/campaign/campaign.h"

namespace diffvisor::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::size_t kBatch = 256;          // as campaigns have them
constexpr std::size_t kTried = 32 * kBatch;  // cases among which those that an executor judges are looked for
constexpr double kSeconds = 10;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds(int who) {
  rusage u{};
  ::getrusage(who, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

// ---- campaigns

// Processor time, which other programs on the machine do not change much: of this process, and of those it started.
struct Processor {
  double own = cpu_seconds(RUSAGE_SELF), children = cpu_seconds(RUSAGE_CHILDREN);
};

double seconds_of(const Flags& flags) { return flags.seconds > 0 ? flags.seconds : kSeconds; }

campaign::PlanOptions plan_of(const Session& s, const Flags& flags) {
  campaign::PlanOptions plan;
  plan.seed = flags.seed;
  plan.profile = s.profile;
  return plan;
}

Result<campaign::Totals> run_campaign(const std::string& domain, const Flags& flags, Json& j) {
  const auto start = Clock::now();
  auto session = open_session(domain, flags);
  if (!session) return tl::unexpected(session.error());
  campaign::Options options;
  options.plan = plan_of(*session, flags);
  options.seconds = seconds_of(flags);
  campaign::Campaign campaign(*session->entry->domain, *session->judge, session->raw(), options);
  double first = 0;
  campaign.observe([&](const campaign::Committed&) {
    if (first == 0) first = since(start);
  });
  if (const auto ran = campaign.run(); !ran) return tl::unexpected(ran.error());
  j["start_to_first_case_s"] = first;
  j["version"] = session->infos().back().version;
  return campaign.totals();
}

// Children are counted when they have ended: at the end of run_campaign.
Result<Json> campaign_rates(const std::string& domain, const Flags& flags) {
  Json j;
  const Processor before;
  const auto totals = run_campaign(domain, flags, j);
  if (!totals) return tl::unexpected(totals.error());
  const Processor after;
  const double cases = static_cast<double>(totals->cases);
  j["cases_per_s"] = cases / totals->seconds;
  j["judged_cases_per_s"] = static_cast<double>(totals->executors.back().judged) / totals->seconds;
  j["own_cpu_us"] = 1e6 * (after.own - before.own) / cases;
  j["children_cpu_us"] = 1e6 * (after.children - before.children) / cases;
  return j;
}

// ---- an executor alone

// Runs batches one after the other, as many in flight as an executor takes; cases a second.
Result<double> batch_rate(Executor& executor, std::span<const Case> cases, double seconds) {
  const std::size_t batches = cases.size() / kBatch;
  std::array<std::vector<Observation>, kBatchesInFlight> out;
  const auto start = Clock::now();
  std::size_t submitted = 0, collected = 0;
  for (; since(start) < seconds || collected == 0; ++collected) {
    for (; submitted < collected + kBatchesInFlight; ++submitted) {
      std::vector<Observation>& o = out[submitted % kBatchesInFlight];
      o.assign(kBatch, Observation{});
      executor.submit(cases.subspan(submitted % batches * kBatch, kBatch), o);
    }
    if (auto done = executor.collect(); !done) return tl::unexpected(done.error());
  }
  const double rate = static_cast<double>(collected * kBatch) / since(start);
  for (; collected < submitted; ++collected)
    if (auto done = executor.collect(); !done) return tl::unexpected(done.error());
  return rate;
}

Result<double> one_by_one_rate(Executor& executor, std::span<const Case> cases, double seconds) {
  const auto start = Clock::now();
  std::size_t n = 0;
  for (; since(start) < seconds; ++n)
    if (const auto ran = run_one(executor, cases[n % cases.size()]); !ran) return tl::unexpected(ran.error());
  return static_cast<double>(n) / since(start);
}

// Of the campaign's first cases, those the executor judges.
Result<std::vector<Case>> judged_cases(const Session& s, const Flags& flags) {
  campaign::Plan plan(*s.entry->domain, plan_of(s, flags));
  std::vector<Case> tried(kBatch, golden_case(*s.entry->domain->schema, s.profile)), judged;
  for (std::size_t first = 0; first < kTried; first += kBatch) {
    std::vector<Observation> out(kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) plan.make(first + i, tried[i]);
    s.executors.front()->submit(tried, out);
    if (auto done = s.executors.front()->collect(); !done) return tl::unexpected(done.error());
    for (std::size_t i = 0; i < kBatch; ++i)
      if (out[i].status == Status::Ran) judged.push_back(tried[i]);
  }
  return judged;
}

Result<void> add_alone_rates(const std::string& domain, const Flags& flags, Json& j) {
  auto session = open_session(domain, flags);
  if (!session) return tl::unexpected(session.error());
  const auto cases = judged_cases(*session, flags);
  if (!cases) return tl::unexpected(cases.error());
  j["judged_share"] = static_cast<double>(cases->size()) / static_cast<double>(kTried);
  if (cases->size() < kBatch) return {};
  Executor& executor = *session->executors.front();
  const auto together = batch_rate(executor, *cases, seconds_of(flags) / 5);
  if (!together) return tl::unexpected(together.error());
  const auto alone = one_by_one_rate(executor, *cases, seconds_of(flags) / 5);
  if (!alone) return tl::unexpected(alone.error());
  j["alone_per_s"] = *together;
  j["alone_one_by_one_per_s"] = *alone;
  return {};
}

Result<Json> rates_of(const DomainEntry& entry, const std::string& name, Flags flags) {
  const std::string domain(entry.domain->name), reference(entry.domain->reference);
  flags.executors = {name};
  if (name != reference) flags.executors.insert(flags.executors.begin(), reference);
  auto j = campaign_rates(domain, flags);
  if (!j) return j;
  flags.executors = {name};
  if (auto done = add_alone_rates(domain, flags, *j); !done) return tl::unexpected(done.error());
  for (const Baseline& b : entry.baselines)
    if (b.executor == name) (*j)["baselines"][std::string(b.what)] = b.cpu_seconds();
  return j;
}

void print_baselines(const Json& e) {
  const double ours = e["own_cpu_us"].get<double>() + e["children_cpu_us"].get<double>();
  if (!e.contains("baselines")) return;
  for (const auto& [what, seconds] : e["baselines"].items()) {
    const double us = 1e6 * seconds.get<double>();
    if (us == 0) continue;
    fmt::print("    {:<38} {:>8.1f} k/s a core; ours end to end {:.2f} times that, its process {:.2f} times\n", what,
               1e3 / us, us / ours, us / e["children_cpu_us"].get<double>());
  }
}

}  // namespace

Result<Json> executor_rates(const DomainEntry& entry, const Flags& flags) {
  std::vector<std::string> names = flags.executors;
  if (names.empty()) names.assign(entry.executors.begin(), entry.executors.end());
  Json out = Json::object();
  for (const std::string& name : names) {
    auto rates = rates_of(entry, name, flags);
    if (!rates && !flags.executors.empty()) return tl::unexpected(rates.error());
    if (rates) {
      out[name] = *rates;
    } else {
      fmt::print(stderr, "diffvisor: without {}: {}\n", name, rates.error().text());
    }
  }
  return out;
}

void print_executor_rates(const Json& rates) {
  for (const auto& [name, e] : rates.items()) {
    const auto number = [&e = e](const char* key) { return e[key].get<double>(); };
    fmt::print("{} {}\n", name, e["version"].get<std::string>());
    fmt::print(
        "    end to end {:>8.1f} k cases/s, {:.1f} k judged/s; processor {:.1f} us a case here, {:.1f} us there\n",
        number("cases_per_s") / 1e3, number("judged_cases_per_s") / 1e3, number("own_cpu_us"),
        number("children_cpu_us"));
    fmt::print("    alone      {:>8.1f} k/s of the {:.0f} % it judges, {:.1f} times one by one\n",
               e.value("alone_per_s", 0.0) / 1e3, 100 * number("judged_share"),
               e.value("alone_per_s", 0.0) / e.value("alone_one_by_one_per_s", 1.0));
    fmt::print("    start to first judged case {:.3f} s\n", number("start_to_first_case_s"));
    print_baselines(e);
  }
}

}  // namespace diffvisor::cli
