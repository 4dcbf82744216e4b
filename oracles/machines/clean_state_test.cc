// SPDX-License-Identifier: Apache-2.0
// No case leaves anything for the next one: registers, MSRs and memory are what they were, and observations do not
// depend on neighbours. For each domain on each machine.
#include "oracles/machines/clean_state.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "oracles/emulator_process/run_directory.h"

namespace diffvisor {

// By name in the list of tests; GoogleTest looks for it in the type's namespace.
static void PrintTo(const CleanStateSubject& s, std::ostream* os) { *os << s.name; }

namespace {

MachineOptions options_of(const CleanStateSubject& s) {
  MachineOptions options;
  options.profile = s.profile;
  return options;
}

bool same(const Observation& a, const Observation& b) {
  return a.status == b.status && a.reason == b.reason && a.outcome == b.outcome && a.defined == b.defined &&
         a.record == b.record;
}

class CleanState : public ::testing::TestWithParam<CleanStateSubject> {
 protected:
  void SetUp() override {
    if (std::system(fmt::format("command -v {} >/dev/null", GetParam().binary).c_str()) != 0)
      GTEST_SKIP() << GetParam().binary << " is not installed";
  }
  const RandomDomain& domain() const { return *find_random_domain(GetParam().domain); }
  std::string text_of(const Observation& o) const {
    return o.status == Status::Ran ? domain().outcome_text(o.outcome) : std::string(o.reason);
  }
};

// An emulator driven by hand, so that its state can be looked at between cases.
class ByHand : public CleanState {
 protected:
  void SetUp() override {
    CleanState::SetUp();
    if (IsSkipped()) return;
    for (const MachineEntry& entry : machines()) {
      if (entry.executor != GetParam().machine) continue;
      auto machine = entry.make(options_of(GetParam()));
      ASSERT_TRUE(machine) << machine.error().text();
      spec = machine->emulator;
    }
    directory.emplace(*emulator::RunDirectory::make());
    auto started = emulator::EmulatorProcess::start(spec, directory->path());
    ASSERT_TRUE(started) << started.error().text();
    process = std::move(*started);
  }

  Observation run(const Case& c) {
    const agent::DomainCodec& codec = domain().codec;
    std::vector<std::byte> batch(2 * codec.case_bytes), result(codec.result_bytes);
    codec.encode(golden_case(*c.schema, c.profile), batch.data());
    codec.encode(c, &batch[codec.case_bytes]);
    const auto answer = process->call(codec.command, 0, batch, result);
    EXPECT_TRUE(answer) << answer.error().text();
    return codec.decode(result.data());
  }

  // Registers and MSRs, then memory.
  std::vector<std::uint64_t> state() {
    agent::Capabilities registers{};
    EXPECT_TRUE(process->call(agent::Command::Capabilities, 0, {}, std::as_writable_bytes(std::span(&registers, 1))));
    for (agent::MsrReading& msr : registers.msrs)
      for (const std::uint32_t loaded : GetParam().loaded_msrs)
        if (msr.index == loaded) msr.value = 0;
    std::vector<std::uint64_t> all(sizeof registers / 8);
    std::memcpy(all.data(), &registers, sizeof registers);
    for (const auto& [begin, end] : GetParam().memory) {
      const std::size_t at = all.size();
      all.resize(at + (end - begin) / 8);
      EXPECT_TRUE(process->memory().read(begin, std::as_writable_bytes(std::span(all).subspan(at))));
    }
    return all;
  }
  // Where two states differ first.
  static std::string difference(const std::vector<std::uint64_t>& was, const std::vector<std::uint64_t>& is) {
    constexpr std::size_t kRegisters = sizeof(agent::Capabilities) / 8;
    for (std::size_t i = 0; i < was.size(); ++i) {
      if (was[i] == is[i]) continue;
      const std::string place =
          i < kRegisters ? fmt::format("register word {}", i) : fmt::format("memory {:#x}", address_of(i - kRegisters));
      return fmt::format("{}: {:#x}, was {:#x}", place, is[i], was[i]);
    }
    return {};
  }
  static std::uint64_t address_of(std::size_t word) {
    for (const auto& [begin, end] : GetParam().memory) {
      if (word < (end - begin) / 8) return begin + word * 8;
      word -= (end - begin) / 8;
    }
    return 0;
  }

  std::optional<emulator::RunDirectory> directory;
  emulator::EmulatorSpec spec;
  std::unique_ptr<emulator::EmulatorProcess> process;
};

TEST_P(ByHand, RegistersAndMemoryArePutBack) {
  const auto disturbances = GetParam().disturbances();
  run(disturbances[0].c);
  const auto clean = state();
  for (const Disturbance& d : disturbances) {
    EXPECT_EQ(text_of(run(d.c)), domain().outcome_text(d.outcome)) << d.what;
    EXPECT_EQ(difference(clean, state()), "") << "after a case that " << d.what;
  }
}

// Each after each other: every disturbance is also a case that could be disturbed.
TEST_P(ByHand, NoCaseDependsOnTheOneBefore) {
  const auto disturbances = GetParam().disturbances();
  for (const Disturbance& first : disturbances) {
    for (const Disturbance& second : disturbances) {
      run(first.c);
      EXPECT_EQ(text_of(run(second.c)), domain().outcome_text(second.outcome))
          << second.what << ", after a case that " << first.what;
    }
  }
}

std::string changes(const Case& c) {
  const auto from = golden_values(c);
  std::string text;
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (const Slot s = static_cast<Slot>(f.slot + i); c[s] != from[s]) text += fmt::format(" {}={:#x}", f.name, c[s]);
  return text;
}

class AtRandom : public CleanState {
 protected:
  // Disturbances with a few random bits changed besides.
  std::vector<Case> random_cases(Rng& rng, std::size_t count) const {
    const auto disturbances = GetParam().disturbances();
    std::vector<Case> cases;
    while (cases.size() < count)
      cases.push_back(flipped(rng, domain(), rng.pick(std::span<const Disturbance>(disturbances)).c,
                              static_cast<unsigned>(rng.below(4))));
    return cases;
  }
  // What a fresh executor makes of the cases in that order; observations are in the order of `cases`.
  std::vector<Observation> observe(const std::vector<Case>& cases, const std::vector<std::size_t>& order) const {
    std::vector<Observation> seen(cases.size()), out(cases.size());
    auto executor = make_oracle(GetParam().machine, domain().codec, options_of(GetParam()));
    EXPECT_TRUE(executor) << executor.error().text();
    if (!executor) return out;
    std::vector<Case> ordered;
    for (const std::size_t i : order) ordered.push_back(cases[i]);
    (*executor)->submit(ordered, seen);
    const auto done = (*executor)->collect();
    EXPECT_TRUE(done) << done.error().text();
    for (std::size_t k = 0; k < order.size(); ++k) out[order[k]] = seen[k];
    return out;
  }
};

// Thousands of random cases in two orders, the second in fresh emulators.
TEST_P(AtRandom, TheOrderDoesNotMatter) {
  Rng rng(20240117);
  const std::vector<Case> cases = random_cases(rng, 4000);
  std::vector<std::size_t> order(cases.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto first = observe(cases, order);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  const auto second = observe(cases, order);
  std::size_t entries = 0, different = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    entries += first[i].status == Status::Ran && domain().entered(first[i].outcome);
    if (!same(first[i], second[i]) && ++different <= 10)
      ADD_FAILURE() << text_of(first[i]) << ", then " << text_of(second[i]) << ":" << changes(cases[i]);
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(entries, cases.size() / 4);
}

std::vector<CleanStateSubject> subjects() { return {kVmxOnBochs, kSvmOnBochs, kSvmOnQemu, kInsnOnBochs}; }

std::string name_of(const ::testing::TestParamInfo<CleanStateSubject>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Subjects, ByHand, ::testing::ValuesIn(subjects()), name_of);
INSTANTIATE_TEST_SUITE_P(Subjects, AtRandom, ::testing::ValuesIn(subjects()), name_of);

}  // namespace
}  // namespace diffvisor
