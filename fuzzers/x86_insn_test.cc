// SPDX-License-Identifier: Apache-2.0
// What every executor of x86_insn promises: a case gives the same record whatever ran before it, and a sequence is what
// its instructions one by one come to. DIFFVISOR_TRIPLES sets how many cases are tried.
#include "fuzzers/x86_insn.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "fuzzers/x86_insn/test_executors.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/rng.h"
#include "harness/campaign/plan.h"
#include "harness/compare/judge.h"

namespace diffvisor {
namespace {

std::uint64_t tries() {
  const char* wanted = std::getenv("DIFFVISOR_TRIPLES");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : 1500;
}

class EveryExecutor : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    std::string missing;
    executor_ = x86_insn::executor_for_test(GetParam(), missing);
    if (!missing.empty()) GTEST_SKIP() << missing;
    ASSERT_NE(executor_, nullptr) << "is installed and does not start";
  }

  std::vector<Observation> run(std::span<const Case> cases) {
    std::vector<Observation> out(cases.size());
    executor_->submit(cases, out);
    const auto done = executor_->collect();
    EXPECT_TRUE(done) << done.error().text();
    return out;
  }

  std::unique_ptr<Executor> executor_;
};

bool same(const Observation& a, const Observation& b) {
  return a.status == b.status && a.reason == b.reason && a.outcome == b.outcome && a.defined == b.defined &&
         a.record == b.record;
}

// Other values in the registers that few cases look at, so that one which is not loaded shows.
void stir(Case& c, std::uint64_t seed) {
  Rng rng(seed);
  for (const Field& f : insn::schema().fields) {
    const bool quiet = f.group == "debug" || f.group == "msrs" || f.group == "fpu" || f.slot == insn::Cr2;
    if (!quiet || f.slot == insn::Dr7) continue;
    for (unsigned i = 0; i < f.count; ++i) c.v[f.slot + i] = rng.next() >> (64 - f.width);
  }
  insn::settle(c.v.data());
}

TEST_P(EveryExecutor, ACaseGivesTheSameWhateverRanBefore) {
  campaign::Plan plan(*x86_insn_entry().domain, {.seed = 17, .profile = 0, .vary_profile = false, .corpus = {}});
  constexpr std::size_t kTriples = 50;
  std::vector<Case> cases(3 * kTriples);
  for (std::uint64_t first = 0; first < tries(); first += kTriples) {
    for (std::size_t i = 0; i < kTriples; ++i) {
      plan.make(2 * (first + i), cases[3 * i]);
      plan.make(2 * (first + i) + 1, cases[3 * i + 1]);
      stir(cases[3 * i + 1], first + i);
      cases[3 * i + 2] = cases[3 * i];
    }
    const auto seen = run(cases);
    for (std::size_t i = 0; i < kTriples; ++i)
      ASSERT_TRUE(same(seen[3 * i], seen[3 * i + 2])) << "case " << 2 * (first + i) << " of seed 17";
  }
}

using Changes = std::map<std::uint64_t, std::uint64_t>;

// The qwords that o says were changed; nothing when it does not show them all.
std::optional<Changes> changes_of(const Observation& o) {
  Changes out;
  if (o.record[insn::kMemoryCount] > insn::kMemoryShown) return std::nullopt;
  for (std::uint64_t i = 0; i < o.record[insn::kMemoryCount]; ++i)
    out[o.record[insn::kMemoryAddress + i]] = o.record[insn::kMemoryValue + i];
  return out;
}

// The code that has run is no longer there: CODE_ADDRESS is that of the next instruction. False if it lies elsewhere.
bool advance_code(const Case& c, Case& next) {
  auto& code = next.areas[insn::kCodeArea];
  const std::uint64_t ran = next[insn::Rip] - c[insn::Rip];
  if (ran >= code.size() || next[insn::CsBase] != c[insn::CsBase]) return false;
  next[insn::CodeAddress] += ran;
  code.erase(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(ran));
  return true;
}

bool is_whole(const Observation& o) {
  for (std::size_t s = 0; s < insn::kStateWords; ++s)
    if (!o.defined.test(s)) return false;
  return true;
}

// The case that goes on where `o` stopped; nothing when a case cannot say it.
std::optional<Case> after(const Case& c, const Observation& o, const Changes& changes) {
  if (!is_whole(o)) return std::nullopt;
  Case next = c;
  std::copy_n(o.record.begin(), insn::kStateWords, next.v.begin() + insn::kFirstState);
  for (const auto& [address, value] : changes) {
    const std::uint64_t code = c[insn::CodeAddress];
    if (address + 8 > code && address < code + c.areas[insn::kCodeArea].size()) return std::nullopt;
    unsigned slot = 0;
    while (slot < insn::kPatches && next.v[insn::PatchAddress + slot] != address &&
           next.v[insn::PatchAddress + slot] != 0)
      ++slot;
    if (slot == insn::kPatches) return std::nullopt;
    next.v[insn::PatchAddress + slot] = address;
    next.v[insn::PatchValue + slot] = value;
  }
  if (!advance_code(c, next)) return std::nullopt;
  const Case wanted = next;
  insn::settle(next.v.data());
  return next == wanted ? std::optional(next) : std::nullopt;
}

// The same case in single steps; nothing when some step cannot be said as a case.
std::optional<Observation> step_by_step(Executor& executor, Case c, Changes& all) {
  const std::uint64_t steps = c[insn::ExtraSteps] + 1;
  c[insn::ExtraSteps] = 0;
  for (std::uint64_t i = 1;; ++i) {
    const auto seen = run_one(executor, c);
    if (!seen || seen->status != Status::Ran) return std::nullopt;
    const auto changes = changes_of(*seen);
    if (!changes) return std::nullopt;
    for (const auto& [address, value] : *changes) all[address] = value;
    if (i == steps || insn::kind_of(seen->outcome) != insn::OutcomeKind::Done) return *seen;
    const auto next = after(c, *seen, *changes);
    if (!next) return std::nullopt;
    c = *next;
  }
}

TEST_P(EveryExecutor, ASequenceIsItsStepsOneByOne) {
  campaign::Plan plan(*x86_insn_entry().domain, {.seed = 23, .profile = 0, .vary_profile = false, .corpus = {}});
  Case c;
  std::uint64_t compared = 0, ran = 0;
  for (std::uint64_t i = 0; compared < tries() / 4 && i < 8 * tries(); ++i) {
    plan.make(i, c);
    c[insn::ExtraSteps] = 1 + i % 3;
    c[insn::RepOne] = c[insn::Deliver] = 0;
    const auto whole = run({&c, 1}).front();
    if (whole.status != Status::Ran) continue;
    ++ran;
    Changes stepped;
    const auto last = step_by_step(*executor_, c, stepped);
    if (!last) continue;
    ++compared;
    ASSERT_EQ(whole.outcome, last->outcome) << "case " << i << " of seed 23";
    for (std::size_t s = 0; s < insn::kStateWords; ++s)
      ASSERT_TRUE(!whole.defined.test(s) || whole.record[s] == last->record[s])
          << "case " << i << " of seed 23: " << x86_insn_entry().domain->observation->fields[s].name;
    if (const auto shown = changes_of(whole)) {
      for (const auto& [address, value] : *shown) ASSERT_EQ(stepped[address], value) << "case " << i << " of seed 23";
    }
  }
  if (ran == 0) GTEST_SKIP() << "judges no sequences";
  EXPECT_GT(compared, tries() / 8);
}

INSTANTIATE_TEST_SUITE_P(X86Insn, EveryExecutor, testing::Values("x86.arch", "x86.kvm", "unicorn", "bochs", "native"),
                         [](const auto& param) {
                           std::string name(param.param);
                           std::erase(name, '.');
                           return name;
                         });

}  // namespace
}  // namespace diffvisor
