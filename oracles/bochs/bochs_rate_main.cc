// SPDX-License-Identifier: Apache-2.0
// How many vmx_entry cases a second Bochs judges, end to end: golden cases with eight random bits flipped, four batches
// in flight. Usage: bochs_rate [jobs] [model]
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "harness/base/file.h"
#include "oracles/bochs/bochs_vmx.h"
#include "oracles/bochs/random_cases.h"

namespace diffvisor::bochs {
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

bool measure(Executor& executor, const Case& golden, std::size_t size, unsigned flips) {
  Rng rng(1, size);
  Ring ring;
  for (unsigned b = 0; b < 8; ++b) {
    auto& batch = ring.batches.emplace_back();
    for (std::size_t i = 0; i < size; ++i) batch.push_back(flipped(rng, golden, flips));
    ring.observations.emplace_back(size);
  }
  const std::size_t total = 40000 / size;
  if (!drive(executor, ring, total / 10 + 8)) return false;
  const double cpu = children_cpu_seconds();
  const auto begin = Clock::now();
  if (!drive(executor, ring, total)) return false;
  const double cpu_each = (children_cpu_seconds() - cpu) * 1e6 / static_cast<double>(total * size);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::size_t entered = 0, died = 0;
  for (const auto& out : ring.observations)
    for (const Observation& o : out) {
      entered += o.status == Status::Ran && vmx::kind_of(o.outcome) == vmx::OutcomeKind::Entered;
      died += o.status == Status::Died;
    }
  std::printf(
      "batch %4zu, %u flips, probe %s: %7.0f cases/s (%.2f us a case, %.2f of the emulator's processor), %zu %% "
      "entered, %zu died\n",
      size, flips, golden[vmx::Probe] == vmx::kTimerZero ? "timer " : "vmcall",
      static_cast<double>(total * size) / seconds, seconds * 1e6 / static_cast<double>(total * size), cpu_each,
      entered * 100 / (8 * size), died);
  std::fflush(stdout);
  return true;
}

int run(int argc, char** argv) {
  BochsOptions options;
  if (argc > 1) options.jobs = static_cast<unsigned>(std::atoi(argv[1]));
  if (argc > 2) options.model = argv[2];
  const auto begin = Clock::now();
  auto executor = make_bochs_vmx(options);
  if (!executor) return std::fprintf(stderr, "bochs_rate: %s\n", executor.error().text().c_str()), 2;
  std::printf("%s %s, %u process(es), up in %.0f ms\n", (*executor)->info().name.c_str(),
              (*executor)->info().version.c_str(), options.jobs,
              std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  const auto profile = find_profile(vmx::schema(), profile_of_model(options.model));
  for (const std::uint64_t probe : {std::uint64_t{vmx::kTimerZero}, std::uint64_t{vmx::kVmcall}}) {
    Case golden = golden_case(vmx::schema(), *profile);
    golden[vmx::Probe] = probe;
    reset_to_golden(golden);
    for (const unsigned flips : {0u, 8u})
      for (const std::size_t size : {64u, 256u, 512u})
        if (!measure(**executor, golden, size, flips)) return 2;
  }
  return 0;
}

}  // namespace
}  // namespace diffvisor::bochs

int main(int argc, char** argv) { return diffvisor::bochs::run(argc, argv); }
