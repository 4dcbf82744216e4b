// SPDX-License-Identifier: Apache-2.0
// Cases a second that the host's CPU judges, by what ends them, and why it refuses others: native_rate [CASES].
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "harness/arch/insn/outcome.h"
#include "oracles/native/native.h"
#include "oracles/native/random_case.h"

namespace diffvisor::native {
namespace {

constexpr std::size_t kBatch = 256;

struct Subject {
  const char* name;
  Case (*make)(std::uint64_t seed);
};
const Subject kSubjects[] = {
    {"add",
     [](std::uint64_t) {
       return user_case(insn::kLong64, {0x48, 0x01, 0xd8});
     }},
    {"jump",
     [](std::uint64_t) {
       return user_case(insn::kLong64, {0xeb, 0x10});
     }},
    {"page fault",
     [](std::uint64_t) {
       return user_case(insn::kLong64, {0x8b, 0x00});
     }},
    {"single step", [](std::uint64_t) { return user_case(insn::kLong64, {0xc3}); }},
    {"mixed", &random_case},
};

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool run_all(Executor& native, const std::vector<Case>& cases, std::vector<Observation>& seen) {
  std::size_t submitted = 0;
  for (std::size_t collected = 0; collected < cases.size(); collected += kBatch) {
    for (; submitted < cases.size() && submitted < collected + kBatchesInFlight * kBatch; submitted += kBatch) {
      const std::size_t n = std::min(kBatch, cases.size() - submitted);
      native.submit(std::span(cases).subspan(submitted, n), std::span(seen).subspan(submitted, n));
    }
    if (!native.collect()) return false;
  }
  return true;
}

int measure(Executor& native, const Subject& subject, std::size_t count) {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < count; ++i) cases.push_back(subject.make(i));
  std::vector<Observation> seen(count);
  const double begin = seconds();
  if (!run_all(native, cases, seen)) return 1;
  const double taken = seconds() - begin;
  std::map<std::string, std::size_t> words;
  std::size_t judged = 0;
  for (const Observation& o : seen) {
    judged += o.status == Status::Ran;
    ++words[o.status == Status::Ran ? insn::outcome_text(o.outcome) : std::string(o.reason)];
  }
  std::printf("%-12s %9.0f cases/s, %9.0f judged/s\n", subject.name, static_cast<double>(count) / taken,
              static_cast<double>(judged) / taken);
  if (words.size() > 1)
    for (const auto& [word, n] : words) std::printf("    %-22s %zu\n", word.c_str(), n);
  return 0;
}

int run(std::size_t count) {
  auto native = make_native();
  if (!native) {
    std::fprintf(stderr, "%s\n", native.error().text().c_str());
    return 2;
  }
  std::printf("%s\n", (*native)->info().version.c_str());
  for (const Subject& subject : kSubjects)
    if (measure(**native, subject, count) != 0) return 1;
  return 0;
}

}  // namespace
}  // namespace diffvisor::native

int main(int argc, char** argv) {
  return diffvisor::native::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000);
}
