// SPDX-License-Identifier: Apache-2.0
// One defect of the instruction model, one cause: whatever instruction, exception or sequence shows it, its buckets are
// few and of one kind. What two defects make of one bucket is for scripts/test_triage.
#include <gtest/gtest.h>

#include <set>

#include "fuzzers/domains.h"
#include "fuzzers/known_embedded.h"
#include "harness/campaign/campaign.h"
#include "harness/triage/describe.h"

namespace diffvisor {
namespace {

constexpr std::uint64_t kCases = 24 * campaign::kBatch * 2;
constexpr std::size_t kMostBuckets = 3;

// The model with the defect is the reference, the other a transcription that has it not.
std::vector<triage::Finding> findings_of(const DomainEntry& entry, const Quirk& quirk) {
  std::vector<compare::Known> known;
  for (const EmbeddedKnown& k : embedded_known())
    EXPECT_TRUE(compare::parse_known(k.text, k.name, *entry.domain, known));
  compare::Judge judge(*entry.domain, std::move(known), {}, {quirk.id});
  std::vector<std::unique_ptr<Executor>> owned;
  std::vector<Executor*> executors;
  for (const std::string_view name : entry.in_process) {
    ExecutorRequest request;
    request.name = name;
    request.quirk = &quirk;
    auto made = entry.make_executor(request);
    EXPECT_TRUE(made);
    judge.add_executor((*made)->info());
    executors.push_back((owned.emplace_back(std::move(*made))).get());
  }
  campaign::Options options;
  options.cases = kCases;
  campaign::Campaign c(*entry.domain, judge, executors, options);
  EXPECT_TRUE(c.run());
  return c.findings();
}

TEST(X86InsnCauses, EveryDefectHasOneAndFewBuckets) {
  const DomainEntry& entry = *find_domain("x86_insn");
  std::size_t seen = 0;
  for (const Quirk& quirk : entry.quirks()) {
    std::set<std::string> kinds;
    const auto findings = findings_of(entry, quirk);
    for (const triage::Finding& f : findings)
      kinds.insert(f.explanation.subject.substr(0, f.explanation.subject.find_first_of(".0123456789")));
    EXPECT_LE(findings.size(), kMostBuckets) << quirk.id;
    EXPECT_LE(kinds.size(), 1u) << quirk.id << ": " << testing::PrintToString(kinds);
    seen += !findings.empty();
  }
  EXPECT_GE(seen, 15u);
}

}  // namespace
}  // namespace diffvisor
