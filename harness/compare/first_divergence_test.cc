// SPDX-License-Identifier: Apache-2.0
#include "harness/compare/first_divergence.h"

#include <functional>

#include <gtest/gtest.h>

#include "harness/compare/toy_domain.h"

namespace diffvisor::compare {
namespace {

// Like the toy domain's, with steps; the record names a field of the case.
enum Slots : std::uint16_t { Steps, Flags, kSlots };
constexpr BitName kFlagNames[] = {{0, 0, "cf"}, {6, 6, "zf"}};
constexpr Field kFields[] = {
    {1, "EXTRA_STEPS", 2, 1, Steps, Role::Context, "context", 0, {}, {}},
    {2, "FLAGS", 8, 1, Flags, Role::State, "values", 0, kFlagNames, {}},
};
constexpr ProfileSpec kProfiles[] = {{"plain", "no capabilities", {}}};
void golden(std::uint64_t* v) { v[Flags] = 0; }
constexpr Schema kSchema = {"stepping", 1, kFields, kSlots, {}, {}, 0, kProfiles, &golden};
constexpr RecordField kRecord[] = {{"flags", 8}, {"pc", 16}};

const Domain& stepping() {
  static const ObservationSchema o = [] {
    ObservationSchema x = *toy::behaviour_domain().observation;
    x.fields = kRecord;
    return x;
  }();
  static const Domain d = [] {
    Domain x = toy::behaviour_domain();
    x.schema = &kSchema;
    x.observation = &o;
    return x;
  }();
  return d;
}

class Stepper : public Executor {
 public:
  explicit Stepper(std::function<Observation(std::uint64_t further)> run) : run_(std::move(run)) {}
  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override {
    for (std::size_t i = 0; i < cases.size(); ++i) out[i] = run_(cases[i].v[Steps]);
  }
  Result<void> collect() override { return {}; }

 private:
  ExecutorInfo info_{"stepper", "1", Trust::Independent};
  std::function<Observation(std::uint64_t)> run_;
};

Observation at(std::uint64_t flags, std::uint64_t pc) {
  Observation o = toy::says(toy::kDone);
  set(o, 0, flags);
  set(o, 1, pc);
  return o;
}

Case of_steps(std::uint64_t n) {
  Case c = golden_case(kSchema);
  c.v[Steps] = n - 1;
  return c;
}

TEST(FirstDivergence, IsTheEarliestStepThatDiffersNotTheLast) {
  Stepper reference([](std::uint64_t n) { return at(0x40, n); });
  // The flag is wrong after the second step, and by the third the two are elsewhere.
  Stepper other([](std::uint64_t n) { return at(n == 1 ? 0x49 : 0x40, n == 2 ? 9 : n); });
  const auto d = first_divergence(stepping(), reference, other, of_steps(3));
  ASSERT_TRUE(d);
  EXPECT_EQ(d->step, 2u);
  EXPECT_EQ(d->steps, 3u);
  ASSERT_EQ(d->fields.size(), 1u);
  EXPECT_EQ(d->fields[0], (FieldView{"flags", "0x40", "0x49", "cf, 3"}));
  EXPECT_EQ(divergence_line(*d), "in step 2 of 3: flags 0x49, not 0x40 (cf, 3)");
  EXPECT_EQ(divergence_text(*d, "manual", "other"),
            "  first difference in step 2 of 3\n"
            "           manual  other\n"
            "    flags  0x40    0x49   cf, 3\n");
}

TEST(FirstDivergence, TheOutcomeComesFirstAndOneStepGoesWithoutSaying) {
  Stepper reference([](std::uint64_t) { return at(1, 2); });
  Stepper other([](std::uint64_t) {
    Observation o = at(1, 3);
    o.outcome = toy::kEarly;
    return o;
  });
  const auto d = first_divergence(stepping(), reference, other, of_steps(1));
  ASSERT_TRUE(d);
  ASSERT_EQ(d->fields.size(), 2u);
  EXPECT_EQ(d->fields[0], (FieldView{"outcome", "done", "early", ""}));
  EXPECT_EQ(d->fields[1], (FieldView{"pc", "0x2", "0x3", ""}));
  EXPECT_EQ(divergence_line(*d), "outcome early, not done");
  EXPECT_EQ(divergence_text(*d, "manual", "other").find("step"), std::string::npos);
}

TEST(FirstDivergence, StepsThatNobodyCanJudgeAreNoDifference) {
  Stepper reference([](std::uint64_t n) { return n == 0 ? incomparable("limit") : at(0, n); });
  Stepper other([](std::uint64_t n) { return at(n == 2 ? 1 : 0, n); });
  const auto d = first_divergence(stepping(), reference, other, of_steps(3));
  ASSERT_TRUE(d);
  EXPECT_EQ(d->step, 3u);
  Stepper same([](std::uint64_t n) { return at(0, n); });
  EXPECT_TRUE(first_divergence(stepping(), same, same, of_steps(3))->fields.empty());
}

TEST(FirstDivergence, BitsThatTheReferenceLeavesOpenAreNone) {
  Observation open = at(0x40, 1);
  open.loose[0] = {0, 0x01};
  EXPECT_TRUE(differing_fields(stepping(), open, at(0x41, 1)).empty());
  const auto both = differing_fields(stepping(), open, at(0x01, 1));
  ASSERT_EQ(both.size(), 1u);
  EXPECT_EQ(both[0].bits, "zf");
}

}  // namespace
}  // namespace diffvisor::compare
