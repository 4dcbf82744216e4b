// SPDX-License-Identifier: Apache-2.0
// How many cases a second Unicorn judges, end to end, four batches in flight, and how many the usual loop over its API
// does. What is compared is processor time, which a loaded machine does not disturb. Usage: unicorn_rate [batches]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"
#include "harness/case/case.h"
#include "oracles/unicorn/test_cases.h"
#include "oracles/unicorn/unicorn.h"
#include "oracles/unicorn/usual_loop.h"

namespace diffvisor::unicorn {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBatch = 512;

double processor_seconds(int who) {
  rusage u{};
  ::getrusage(who, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Case to_case(const insn::WireCase& w) {
  Case c = golden_case(insn::schema());
  std::memcpy(c.v.data(), w.v, sizeof w.v);
  c.areas.resize(1);
  c.areas[0].resize(w.code_bytes);
  std::memcpy(c.areas[0].data(), w.code, w.code_bytes);
  return c;
}

void drive(Executor& executor, const std::vector<std::vector<Case>>& batches, std::size_t total) {
  std::vector<std::vector<Observation>> out(batches.size());
  std::size_t submitted = 0, died = 0, ran = 0;
  const auto begin = Clock::now();
  for (std::size_t collected = 0; collected < total; ++collected) {
    for (; submitted < total && submitted < collected + kBatchesInFlight; ++submitted) {
      auto& o = out[submitted % out.size()];
      o.assign(kBatch, Observation{});
      executor.submit(batches[submitted % batches.size()], o);
    }
    if (auto done = executor.collect(); !done) {
      fmt::print(stderr, "{}\n", done.error().text());
      std::exit(2);
    }
    for (const Observation& o : out[collected % out.size()]) {
      died += o.status == Status::Died;
      ran += o.status == Status::Ran;
    }
  }
  const double cases = static_cast<double>(total * kBatch);
  fmt::print("{:7.0f} cases/s, {:5.1f} % judged, {} died", cases / seconds_since(begin),
             100 * static_cast<double>(ran) / cases, died);
}

// Processor seconds of one run of the usual loop.
struct Usual {
  double zeros, halts;
};

template <class Make>
void measure(const char* name, std::size_t total, const Usual& usual, const Make& make) {
  std::vector<std::vector<Case>> batches(8);
  Rng rng(1, 2);
  for (auto& batch : batches)
    while (batch.size() < kBatch) batch.push_back(to_case(make(rng)));
  fmt::print("{:<16} ", name);
  const double before = processor_seconds(RUSAGE_CHILDREN);
  {
    auto executor = make_unicorn();
    if (executor) drive(**executor, batches, total);
  }
  const double each = (processor_seconds(RUSAGE_CHILDREN) - before) / static_cast<double>(total * kBatch);
  fmt::print(", {:.2f} us of the child's processor: {:.1f} and {:.1f} times the usual loops\n", each * 1e6,
             usual.zeros / each, usual.halts / each);
}

int run(int argc, char** argv) {
  const std::size_t total = argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 400;
  const auto begin = Clock::now();
  auto executor = make_unicorn();
  if (!executor) return fmt::print(stderr, "unicorn_rate: {}\n", executor.error().text()), 2;
  fmt::print("unicorn {}, up in {:.0f} ms\n", (*executor)->info().version, seconds_since(begin) * 1000);
  executor->reset();
  const Usual usual{usual_loop_seconds(UsualLoop::Zeros), usual_loop_seconds(UsualLoop::Halts)};
  fmt::print("usual loop: {:.2f} us with zeros behind, {:.2f} us with HLT\n", usual.zeros * 1e6, usual.halts * 1e6);
  const char* const kModes[] = {"real16", "virtual8086", "protected16", "protected32", "compatibility32", "long64"};
  for (unsigned mode = 0; mode < insn::kModes; ++mode)
    measure(kModes[mode], total / 4, usual, [mode](Rng& rng) {
      insn::WireCase c = golden_wire(mode, {0x01, static_cast<std::uint8_t>(0xc0 | rng.below(64))});
      for (unsigned r = insn::Rax; r <= insn::Rdi; ++r) c.v[r] = rng.next() & 0xffffffff;
      return c;
    });
  measure("mixed, faults", total, usual, &random_wire);
  return 0;
}

}  // namespace
}  // namespace diffvisor::unicorn

int main(int argc, char** argv) { return diffvisor::unicorn::run(argc, argv); }
