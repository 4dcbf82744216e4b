// SPDX-License-Identifier: Apache-2.0
// The promises of a campaign, shown on whole ones: same inputs give the same digest however the work is cut, stopped,
// resumed or delayed; what is found is minimised and named; what cannot go on loses nothing.
#include "harness/campaign/campaign.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "fuzzers/domains.h"
#include "harness/arch/counter/schema.h"
#include "harness/case/diff.h"
#include "harness/minimise/minimise.h"
#include "reports/campaign_state.h"

namespace diffvisor {
namespace {

using campaign::Campaign;
using campaign::kBatch;
using campaign::Options;
using campaign::Totals;

// Hands every call on; tests override what they want to go wrong.
class Wrapped : public Executor {
 public:
  explicit Wrapped(std::unique_ptr<Executor> inner) : inner_(std::move(inner)) {}
  const ExecutorInfo& info() const override { return inner_->info(); }
  void submit(std::span<const Case> cases, std::span<Observation> out) override { inner_->submit(cases, out); }
  Result<void> collect() override { return inner_->collect(); }

 protected:
  Executor& inner() { return *inner_; }

 private:
  std::unique_ptr<Executor> inner_;
};

// Works as late as it may: an emulator's observations are there only after collect().
class Late : public Wrapped {
 public:
  using Wrapped::Wrapped;
  void submit(std::span<const Case> cases, std::span<Observation> out) override { waiting_.push_back({cases, out}); }
  Result<void> collect() override {
    const auto [cases, out] = waiting_.front();
    waiting_.erase(waiting_.begin());
    inner().submit(cases, out);
    return inner().collect();
  }

 private:
  std::vector<std::pair<std::span<const Case>, std::span<Observation>>> waiting_;
};

// Breaks down for good at the n-th collect() of a whole batch, or of a single case.
class BreaksDown : public Wrapped {
 public:
  BreaksDown(std::unique_ptr<Executor> inner, std::size_t at, bool alone)
      : Wrapped(std::move(inner)), at_(at), alone_(alone) {}
  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    sizes_.push_back(cases.size());
    Wrapped::submit(cases, out);
  }
  Result<void> collect() override {
    const bool counts = (sizes_.front() == 1) == alone_;
    sizes_.erase(sizes_.begin());
    if (counts && seen_++ == at_) return fail(ErrorCode::Environment, info().name, "broke down");
    return Wrapped::collect();
  }

 private:
  std::vector<std::size_t> sizes_;
  std::size_t at_, seen_ = 0;
  bool alone_;
};

// Says something else about the 8th case of a batch than about the same case alone.
class Fickle : public Wrapped {
 public:
  Fickle(std::unique_ptr<Executor> inner, bool outcome) : Wrapped(std::move(inner)), outcome_(outcome) {}
  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    Wrapped::submit(cases, out);
    if (cases.size() < 8 || out[7].status != Status::Ran || out[7].outcome != 0) return;
    if (outcome_) out[7].outcome = static_cast<rules::Outcome>(counter::Outcome::BadMode);
    out[7].record[counter::kReads] += 1000;
  }

 private:
  bool outcome_;
};

// Counts the cases that are run one by one: those of an investigation.
class Counting : public Wrapped {
 public:
  Counting(std::unique_ptr<Executor> inner, std::size_t& runs) : Wrapped(std::move(inner)), runs_(&runs) {}
  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    if (cases.size() < kBatch) *runs_ += cases.size();
    Wrapped::submit(cases, out);
  }

 private:
  std::size_t* runs_;
};

using Wrap = std::function<std::unique_ptr<Executor>(std::unique_ptr<Executor>)>;

// A domain's models, without emulators, ready for one campaign.
struct Models {
  explicit Models(std::string_view name, std::string_view quirk = {}, const Wrap& wrap = {})
      : entry(*find_domain(name)), domain(*entry.domain) {
    std::vector<rules::RowEdit> edits;
    while (!quirk.empty()) {
      const std::size_t end = std::min(quirk.find(' '), quirk.size());
      edits.push_back(rules::find_mutant(*domain.rules, quirk.substr(0, end)).value().edit);
      quirk.remove_prefix(std::min(end + 1, quirk.size()));
    }
    auto known = compare::load_known(std::filesystem::path(DIFFVISOR_SOURCE_DIR) / "corpus" / "known", domain);
    EXPECT_TRUE(known) << known.error().text();
    judge = std::make_unique<compare::Judge>(domain, std::move(*known), edits);
    for (const std::string_view executor : entry.in_process) {
      ExecutorRequest request;
      request.name = executor;
      auto made = entry.make_executor(request);
      EXPECT_TRUE(made);
      const bool is_second = !owned.empty();
      owned.push_back(is_second && wrap ? wrap(std::move(*made)) : std::move(*made));
      judge->add_executor(owned.back()->info());
      executors.push_back(owned.back().get());
    }
  }
  // As the command line does it for models: capabilities vary.
  Options options(std::uint64_t seed, std::uint64_t first, std::uint64_t cases) const {
    Options o;
    o.plan.seed = seed;
    o.plan.vary_profile = true;
    o.first = first;
    o.cases = cases;
    return o;
  }

  const DomainEntry& entry;
  const Domain& domain;
  std::unique_ptr<compare::Judge> judge;
  std::vector<std::unique_ptr<Executor>> owned;
  std::vector<Executor*> executors;
};

struct Ran {
  Totals totals;
  std::vector<triage::Finding> findings;
};

Ran run(std::string_view domain, std::uint64_t seed, std::uint64_t first, std::uint64_t cases, std::uint64_t shard = 1,
        std::uint64_t shards = 1, const Wrap& wrap = {}) {
  const Models s(domain, {}, wrap);
  Options o = s.options(seed, first, cases);
  o.shard = shard;
  o.shards = shards;
  Campaign c(s.domain, *s.judge, s.executors, o);
  const auto done = c.run();
  EXPECT_TRUE(done) << done.error().text();
  return {c.totals(), c.findings()};
}

void expect_same(const Totals& a, const Totals& b) {
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_EQ(a.next, b.next);
  EXPECT_EQ(a.cases, b.cases);
  EXPECT_EQ(a.judged_cases, b.judged_cases);
  EXPECT_EQ(a.unexplained, b.unexplained);
  EXPECT_EQ(a.known, b.known);
  EXPECT_EQ(a.spec_unclear, b.spec_unclear);
  EXPECT_EQ(a.order_dependent, b.order_dependent);
  EXPECT_EQ(a.exercised, b.exercised);
  EXPECT_EQ(a.broken_alone, b.broken_alone);
  ASSERT_EQ(a.executors.size(), b.executors.size());
  for (std::size_t e = 0; e < a.executors.size(); ++e) {
    EXPECT_EQ(a.executors[e].judged, b.executors[e].judged);
    EXPECT_EQ(a.executors[e].died, b.executors[e].died);
    EXPECT_EQ(a.executors[e].incomparable, b.executors[e].incomparable);
    EXPECT_EQ(a.executors[e].confirmed, b.executors[e].confirmed);
  }
}

std::vector<std::pair<std::string, std::uint64_t>> counted(const std::vector<triage::Finding>& findings) {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const triage::Finding& f : findings) out.emplace_back(f.bucket, f.count);
  return out;
}

constexpr std::uint64_t kCases = 12 * kBatch + 100;  // the last batch is a part of one

TEST(Campaign, SameSeedGivesTheSameAndAnotherSeedAnother) {
  for (const char* domain : {"vmx_entry", "counter"}) {
    const Ran a = run(domain, 7, 0, kCases), b = run(domain, 7, 0, kCases), other = run(domain, 8, 0, kCases);
    expect_same(a.totals, b.totals);
    EXPECT_EQ(counted(a.findings), counted(b.findings));
    EXPECT_EQ(a.totals.cases, kCases);
    EXPECT_EQ(a.totals.next, kCases);
    EXPECT_NE(a.totals.digest, other.totals.digest);
  }
}

TEST(Campaign, TheModelsAgreeButForWhatIsKnown) {
  const Ran r = run("vmx_entry", 7, 0, kCases);
  EXPECT_EQ(r.totals.unexplained, 0u);
  EXPECT_TRUE(r.findings.empty());
  EXPECT_GT(r.totals.known, 0u) << "KVM's deltas decide cases";
  EXPECT_GT(r.totals.judged_cases, kCases / 2);
  EXPECT_GT(r.totals.broken_alone.count(), 200u);
}

TEST(Campaign, WhenAnExecutorWorksDoesNotMatter) {
  const auto late = [](std::unique_ptr<Executor> e) { return std::make_unique<Late>(std::move(e)); };
  for (const char* domain : {"vmx_entry", "counter"}) {
    const Ran soon = run(domain, 7, 0, kCases), later = run(domain, 7, 0, kCases, 1, 1, late);
    expect_same(soon.totals, later.totals);
    EXPECT_EQ(counted(soon.findings), counted(later.findings));
  }
}

// The second part starts inside a batch, so its batches are cut differently from the whole's.
TEST(Campaign, PartsAddUpToTheWhole) {
  const Ran whole = run("vmx_entry", 7, 0, kCases);
  for (const std::uint64_t cut : {kBatch, std::uint64_t{1000}, std::uint64_t{1001}}) {
    const Ran a = run("vmx_entry", 7, 0, cut), b = run("vmx_entry", 7, cut, kCases - cut);
    EXPECT_EQ(a.totals.digest + b.totals.digest, whole.totals.digest) << cut;
    EXPECT_EQ(a.totals.cases + b.totals.cases, whole.totals.cases);
    EXPECT_EQ(a.totals.known + b.totals.known, whole.totals.known);
    EXPECT_EQ(b.totals.next, whole.totals.next);
    EXPECT_NE(a.totals.digest, 0u);
  }
}

TEST(Campaign, ShardsAddUpToTheWhole) {
  const Ran whole = run("vmx_entry", 7, 0, kCases);
  for (const std::uint64_t shards : {2u, 5u, 40u}) {
    std::uint64_t digest = 0, cases = 0, known = 0;
    rules::RuleBits exercised;
    for (std::uint64_t k = 1; k <= shards; ++k) {
      const Ran part = run("vmx_entry", 7, 0, kCases, k, shards);
      digest += part.totals.digest;
      cases += part.totals.cases;
      known += part.totals.known;
      exercised |= part.totals.exercised;
    }
    EXPECT_EQ(digest, whole.totals.digest) << shards;
    EXPECT_EQ(cases, whole.totals.cases) << shards;
    EXPECT_EQ(known, whole.totals.known) << shards;
    EXPECT_EQ(exercised, whole.totals.exercised) << shards;
  }
}

class StateDirectory {
 public:
  StateDirectory() : path(std::filesystem::temp_directory_path() / ("campaign_test." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~StateDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

// Stopped after some batches, saved, loaded into a new process's objects, and run to the end.
Ran run_in_two_sittings(std::string_view domain, std::uint64_t seed, std::uint64_t cases) {
  const StateDirectory directory;
  {
    const Models s(domain);
    Campaign c(s.domain, *s.judge, s.executors, s.options(seed, 0, cases));
    c.stop_when([&] { return c.totals().cases >= 3 * kBatch; });
    EXPECT_TRUE(c.run());
    EXPECT_GE(c.totals().cases, 3 * kBatch);
    EXPECT_LT(c.totals().cases, cases);
    EXPECT_EQ(c.totals().next, c.totals().cases) << "nothing that was committed is lost";
    EXPECT_TRUE(reports::save_state(directory.path, "me", c.totals(), c.findings()));
  }
  const Models s(domain);
  auto state = reports::load_state(directory.path, "me", all_schemas());
  EXPECT_TRUE(state) << state.error().text();
  Campaign c(s.domain, *s.judge, s.executors, s.options(seed, 0, cases));
  c.resume(state->totals, std::move(state->findings));
  EXPECT_TRUE(c.run());
  return {c.totals(), c.findings()};
}

TEST(Campaign, ResumingContinuesToTheSameEnd) {
  for (const char* domain : {"vmx_entry", "counter"}) {
    const Ran whole = run(domain, 7, 0, kCases), sittings = run_in_two_sittings(domain, 7, kCases);
    expect_same(whole.totals, sittings.totals);
    EXPECT_EQ(counted(whole.findings), counted(sittings.findings));
  }
}

TEST(Campaign, FindsMinimisesAndNamesTheCountersDefect) {
  std::set<std::string> buckets;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Ran r = run("counter", seed, 0, 20000);
    ASSERT_EQ(r.findings.size(), 1u) << "seed " << seed;
    const triage::Finding& f = r.findings[0];
    EXPECT_EQ(f.executor, "counter.b");
    EXPECT_FALSE(f.order_dependent);
    EXPECT_EQ(f.count, r.totals.unexplained);
    EXPECT_LT(f.first_index, 20000u);
    std::vector<unsigned> opcodes;
    for (const Operation& o : f.smallest.operations) opcodes.push_back(o.opcode);
    EXPECT_EQ(opcodes, (std::vector<unsigned>{4, 2, 5})) << "load, sub, latch";
    EXPECT_TRUE(difference_from_golden(f.smallest).fields.empty());
    buckets.insert(f.bucket);
  }
  EXPECT_EQ(buckets, (std::set<std::string>{"counter.counter.b.differs.qufqulquaqugqus"}));
}

TEST(Campaign, ADefectOfTheReferenceIsFoundAndExplained) {
  const Models s("vmx_entry", "drop:vmx.rflags.rsvd1");
  Campaign c(s.domain, *s.judge, s.executors, s.options(7, 0, kCases));
  std::set<std::string> told;
  c.on_finding([&](const triage::Finding& f) { return told.insert(f.bucket), Result<void>{}; });
  ASSERT_TRUE(c.run());
  EXPECT_GT(c.totals().unexplained, 0u);
  ASSERT_FALSE(c.findings().empty());
  EXPECT_EQ(told.size(), c.findings().size());
  bool kvm = false;
  for (const triage::Finding& f : c.findings()) {
    kvm |= f.executor == "vmx.kvm" || std::ranges::find(f.with, "vmx.kvm") != f.with.end();
    EXPECT_NE(golden_difference_text(f.smallest).find("GUEST_RFLAGS"), std::string::npos) << f.explanation.sentence;
  }
  EXPECT_TRUE(kvm);
}

// Three checks of one small field: the value of its pieces tells them apart, and a case of one that is made smaller
// must not become a case of another.
TEST(Campaign, DefectsOfOneFieldHaveABucketEach) {
  const auto buckets = [](std::string_view quirks) {
    const Models s("vmx_entry", quirks);
    Campaign c(s.domain, *s.judge, s.executors, s.options(7, 0, 3 * kCases));
    EXPECT_TRUE(c.run());
    std::set<std::string> out;
    for (const triage::Finding& f : c.findings()) out.insert(f.bucket);
    return out;
  };
  std::set<std::string> alone;
  for (const char* quirk : {"drop:vmx.ctl.inj.type1", "drop:vmx.ctl.inj.nmi_vec", "drop:vmx.ctl.inj.hwx_vec"}) {
    const auto one = buckets(quirk);
    EXPECT_EQ(one.size(), 1u) << quirk;
    alone.insert(one.begin(), one.end());
  }
  EXPECT_EQ(alone.size(), 3u);
  EXPECT_EQ(buckets("drop:vmx.ctl.inj.type1 drop:vmx.ctl.inj.nmi_vec drop:vmx.ctl.inj.hwx_vec"), alone);
}

TEST(Campaign, AfterTheStopNothingIsRunAgain) {
  bool stop = false;
  std::size_t runs = 0, before = 0;
  const auto counting = [&](std::unique_ptr<Executor> e) { return std::make_unique<Counting>(std::move(e), runs); };
  const Models s("vmx_entry", "drop:vmx.rflags.rsvd1", counting);
  Campaign c(s.domain, *s.judge, s.executors, s.options(7, 0, 0));
  c.stop_when([&] { return stop; });
  c.observe([&](const campaign::Committed& k) {
    if (k.index != 2 * kBatch) return;
    stop = true;
    before = runs;
  });
  ASSERT_TRUE(c.run());
  EXPECT_TRUE(stop);
  EXPECT_EQ(runs, before);
}

TEST(Campaign, StoppingEndsEarlyAndCommitsWholeBatches) {
  const Models s("vmx_entry");
  Campaign c(s.domain, *s.judge, s.executors, s.options(7, 0, 0));
  c.stop_when([&] { return c.totals().cases >= 2 * kBatch; });
  ASSERT_TRUE(c.run());
  EXPECT_LE(c.totals().cases, (2 + kBatchesInFlight) * kBatch);
  EXPECT_EQ(c.totals().digest, run("vmx_entry", 7, 0, c.totals().cases).totals.digest);
}

TEST(Campaign, OutOfTimeWhatIsFoundIsKeptButNotMinimised) {
  const auto fields_of_the_finding = [](bool hurried) {
    const Models s("vmx_entry", "drop:vmx.rflags.rsvd1");
    Campaign c(s.domain, *s.judge, s.executors, s.options(7, 0, kCases));
    bool stop = false;
    c.stop_when([&] { return stop; });
    c.observe([&](const campaign::Committed&) { stop = hurried; });
    EXPECT_TRUE(c.run());
    EXPECT_FALSE(c.findings().empty());
    return c.findings().empty() ? 0 : minimise::size_of(c.findings().front().smallest).fields;
  };
  const std::size_t minimised = fields_of_the_finding(false);
  EXPECT_GE(minimised, 1u);
  EXPECT_GT(fields_of_the_finding(true), minimised);
}

TEST(Campaign, ATimeLimitEndsIt) {
  const Models s("vmx_entry");
  Options o = s.options(7, 0, 0);
  o.seconds = 0.05;
  Campaign c(s.domain, *s.judge, s.executors, o);
  ASSERT_TRUE(c.run());
  EXPECT_GT(c.totals().cases, 0u);
  EXPECT_LT(c.totals().seconds, 5.0);
  EXPECT_EQ(c.totals().cases % kBatch, 0u);
}

TEST(Campaign, AnExecutorThatBreaksDownLosesNothingThatWasCommitted) {
  for (const bool alone : {false, true}) {
    const auto breaks = [&](std::unique_ptr<Executor> e) {
      return std::make_unique<BreaksDown>(std::move(e), alone ? 0 : 5, alone);
    };
    const Models s("counter", {}, breaks);
    Campaign c(s.domain, *s.judge, s.executors, s.options(1, 0, 20000));
    const auto done = c.run();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text(), "counter.b: broke down");
    const std::uint64_t committed = c.totals().cases;
    EXPECT_TRUE(alone || committed == 5 * kBatch) << committed;
    EXPECT_EQ(c.totals().next, committed);
    const Totals healthy = committed == 0 ? Totals{} : run("counter", 1, 0, committed).totals;
    EXPECT_EQ(c.totals().digest, healthy.digest) << "alone " << alone;
    EXPECT_EQ(c.totals().unexplained, healthy.unexplained);
  }
}

TEST(Campaign, ASinkThatCannotSaveEndsIt) {
  const Models s("counter");
  Campaign c(s.domain, *s.judge, s.executors, s.options(1, 0, 20000));
  c.on_finding([](const triage::Finding&) -> Result<void> { return fail(ErrorCode::Io, "disk", "full"); });
  const auto done = c.run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text(), "disk: full");
  EXPECT_LT(c.totals().cases, 20000u);
}

TEST(Campaign, WhatDoesNotRepeatIsQuarantined) {
  for (const bool outcome : {true, false}) {
    const auto fickle = [&](std::unique_ptr<Executor> e) { return std::make_unique<Fickle>(std::move(e), outcome); };
    const Models s("counter", {}, fickle);
    Campaign c(s.domain, *s.judge, s.executors, s.options(1, 0, 2 * kBatch));
    ASSERT_TRUE(c.run());
    const std::uint64_t planted = run("counter", 1, 0, 2 * kBatch).totals.unexplained;
    EXPECT_EQ(c.totals().unexplained, planted) << (outcome ? "outcome" : "record");
    EXPECT_GT(c.totals().order_dependent, 0u);
    bool quarantined = false;
    for (const triage::Finding& f : c.findings())
      if (f.order_dependent)
        quarantined = f.bucket.ends_with(".order_dependent") && f.count == c.totals().order_dependent;
    EXPECT_TRUE(quarantined);
  }
}

TEST(Campaign, ObserversSeeEveryCaseInOrder) {
  const Models s("vmx_entry");
  Campaign c(s.domain, *s.judge, s.executors, s.options(7, 100, 1000));
  std::uint64_t expected = 100;
  c.observe([&](const campaign::Committed& k) {
    ASSERT_EQ(k.index, expected++);
    ASSERT_EQ(k.seen.size(), 2u);
    ASSERT_EQ(k.verdicts.size(), 2u);
  });
  ASSERT_TRUE(c.run());
  EXPECT_EQ(expected, 1100u);
}

}  // namespace
}  // namespace diffvisor
