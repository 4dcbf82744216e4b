// SPDX-License-Identifier: Apache-2.0
// How many cases a second a machine judges, end to end: golden cases, and such with eight random bits flipped, four
// batches in flight. Usage: agent_rate [--machine M] [--domain D] [--profile P] [--jobs N]
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "harness/base/file.h"
#include "oracles/machines/machines.h"
#include "oracles/machines/random_cases.h"

namespace diffvisor {
namespace {

using Clock = std::chrono::steady_clock;

// Processor seconds that our children have used so far: what a loaded machine does not disturb.
double children_cpu_seconds() {
  double ticks = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto text = read_file(entry.path() / "stat");
    if (!text) continue;
    unsigned long user = 0, system = 0;
    int parent = 0;
    const char* const rest = std::strrchr(text->c_str(), ')');
    if (rest != nullptr &&
        std::sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &parent, &user, &system) == 3 &&
        parent == ::getpid())
      ticks += static_cast<double>(user + system);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Ring {
  std::vector<std::vector<Case>> batches;
  std::vector<std::vector<Observation>> observations;
};

// Judges `total` batches; false when the executor gives up.
bool drive(Executor& executor, Ring& ring, std::size_t total) {
  const std::size_t n = ring.batches.size();
  std::size_t submitted = 0;
  for (std::size_t collected = 0; collected < total; ++collected) {
    for (; submitted < total && submitted < collected + kBatchesInFlight; ++submitted) {
      auto& out = ring.observations[submitted % n];
      out.assign(out.size(), Observation{});
      executor.submit(ring.batches[submitted % n], out);
    }
    if (auto done = executor.collect(); !done) return std::fprintf(stderr, "%s\n", done.error().text().c_str()), false;
  }
  return true;
}

struct Arguments {
  std::string machine = "bochs", domain = "vmx_entry";
  MachineOptions options;
};

bool measure(Executor& executor, const RandomDomain& domain, const Case& golden, std::size_t size, unsigned flips) {
  Rng rng(1, size);
  Ring ring;
  for (unsigned b = 0; b < 8; ++b) {
    auto& batch = ring.batches.emplace_back();
    for (std::size_t i = 0; i < size; ++i) batch.push_back(flipped(rng, domain, golden, flips));
    ring.observations.emplace_back(size);
  }
  const std::size_t total = 40000 / size;
  if (!drive(executor, ring, total / 10 + 8)) return false;
  const double cpu = children_cpu_seconds();
  const auto begin = Clock::now();
  if (!drive(executor, ring, total)) return false;
  const double cases = static_cast<double>(total * size);
  const double cpu_each = (children_cpu_seconds() - cpu) * 1e6 / cases;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::size_t entered = 0, died = 0;
  for (const auto& out : ring.observations)
    for (const Observation& o : out) {
      entered += o.status == Status::Ran && domain.entered(o.outcome);
      died += o.status == Status::Died;
    }
  fmt::print(
      "batch {:4}, {} flips: {:7.0f} cases/s ({:.2f} us a case, {:.2f} of the emulator's processor), {} % entered, {} "
      "died\n",
      size, flips, cases / seconds, seconds * 1e6 / cases, cpu_each, entered * 100 / (8 * size), died);
  std::fflush(stdout);
  return true;
}

bool parse(int argc, char** argv, Arguments& a) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--machine") {
      a.machine = value;
    } else if (name == "--domain") {
      a.domain = value;
    } else if (name == "--profile") {
      a.options.profile = value;
    } else if (name == "--jobs") {
      a.options.jobs = static_cast<unsigned>(std::atoi(argv[i + 1]));
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && find_random_domain(a.domain) != nullptr;
}

int run(int argc, char** argv) {
  Arguments a;
  if (!parse(argc, argv, a)) return fmt::print(stderr, "agent_rate: see its first lines for the arguments\n"), 2;
  const RandomDomain& domain = *find_random_domain(a.domain);
  const Schema& schema = domain.codec.schema();
  if (a.options.profile.empty()) a.options.profile = schema.profiles[0].name;
  const auto begin = Clock::now();
  auto executor = make_oracle(a.machine, domain.codec, a.options);
  if (!executor) return fmt::print(stderr, "agent_rate: {}\n", executor.error().text()), 2;
  fmt::print("{} {}, {}, {} process(es), up in {:.0f} ms\n", (*executor)->info().name, (*executor)->info().version,
             domain.name, a.options.jobs, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  for (const Variant& variant : domain.variants) {
    fmt::print("{}\n", variant.name);
    const Case golden = golden_of(domain, *find_profile(schema, a.options.profile), variant);
    for (const unsigned flips : {0u, 8u})
      for (const std::size_t size : {64u, 256u, 512u})
        if (!measure(**executor, domain, golden, size, flips)) return 2;
  }
  return 0;
}

}  // namespace
}  // namespace diffvisor

int main(int argc, char** argv) { return diffvisor::run(argc, argv); }
