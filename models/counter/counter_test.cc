// SPDX-License-Identifier: Apache-2.0
// The whole way of a stateful domain: random operation lists, two models, a difference, the smallest list that shows
// it.
#include <gtest/gtest.h>

#include "harness/arch/counter/schema.h"
#include "harness/case/diff.h"
#include "harness/case/samples.h"
#include "harness/case/text.h"
#include "harness/minimise/minimise.h"
#include "harness/mutate/standard.h"
#include "models/counter/domain.h"
#include "models/counter/executors.h"

namespace diffvisor::counter {
namespace {

Operation op(Opcode opcode, std::uint64_t arg = 0) { return {static_cast<std::uint8_t>(opcode), {arg}}; }

Observation observed(Executor& e, const Case& c) {
  Observation o;
  e.submit({&c, 1}, {&o, 1});
  EXPECT_TRUE(e.collect());
  return o;
}

bool same(const Observation& a, const Observation& b) {
  return a.status == b.status && a.outcome == b.outcome && a.defined == b.defined && a.record == b.record;
}

bool differ(Executor& a, Executor& b, const Case& c) { return !same(observed(a, c), observed(b, c)); }

// Expected records are worked out by hand; both models must give them.
void expect_record(const Case& c, std::uint64_t value, std::uint64_t flags, std::uint64_t reads) {
  const auto a = make_counter_a();
  const auto b = make_counter_b(Defect::None);
  for (Executor* e : {a.get(), b.get()}) {
    const Observation o = observed(*e, c);
    EXPECT_EQ(outcome_text(o.outcome), "finished") << e->info().name;
    EXPECT_EQ(o.record[kValue], value) << e->info().name;
    EXPECT_EQ(o.record[kFlags], flags) << e->info().name;
    EXPECT_EQ(o.record[kReads], reads) << e->info().name;
  }
}

TEST(Counter, WrapsSaturatesLatchesAndRaisesAlarms) {
  Case c = golden_case(schema());
  c.v[Width] = 8;
  c.v[Step] = 3;
  c.v[Alarm + 1] = 6;
  c.operations = {op(Opcode::Add, 2), op(Opcode::Read), op(Opcode::Sub, 3), op(Opcode::Latch), op(Opcode::Read)};
  expect_record(c, 253, 1 | 4, 2);
  c.v[Mode] = 1 << kSaturate;
  expect_record(c, 0, 1 | 4, 2);
  c.operations.push_back(op(Opcode::Reset));
  expect_record(c, 0, 0, 2);
}

TEST(Counter, LoadClearsTheLiveFlagAndTapeEnds) {
  Case c = golden_case(schema());
  c.areas[kTape] = {std::byte{200}, std::byte{100}};
  c.v[Width] = 8;
  c.operations = {op(Opcode::Sub, 1), op(Opcode::Load, 0x105), op(Opcode::Latch), op(Opcode::Play), op(Opcode::Play)};
  expect_record(c, 49, 0, 0);
  c.operations.push_back(op(Opcode::Play));
  c.operations.push_back(op(Opcode::Latch));
  expect_record(c, 49, 1, 0);
}

TEST(Counter, RefusesWhatTheMachineDoesNotOffer) {
  const auto a = make_counter_a();
  const auto b = make_counter_b();
  const auto outcome = [&](auto spoil) {
    Case c = golden_case(schema(), *find_profile(schema(), "classic"));
    spoil(c);
    EXPECT_FALSE(differ(*a, *b, c));
    return outcome_text(observed(*a, c).outcome);
  };
  EXPECT_EQ(outcome([](Case&) {}), "finished");
  EXPECT_EQ(outcome([](Case& c) { c.v[Width] = 17; }), "refused(width)");
  EXPECT_EQ(outcome([](Case& c) { c.v[Width] = 0; }), "refused(width)");
  EXPECT_EQ(outcome([](Case& c) { c.v[Mode] = 1; }), "refused(mode)");
  EXPECT_EQ(outcome([](Case& c) { c.v[Mode] = 2; }), "refused(mode)");
  EXPECT_EQ(outcome([](Case& c) { c.v[Initial] = 0x10000; }), "refused(initial)");
  EXPECT_EQ(outcome([](Case& c) { c.areas[kTape].resize(1); }), "refused(tape)");
}

TEST(Counter, WithoutTheDefectTheModelsAgree) {
  const auto a = make_counter_a();
  const auto b = make_counter_b(Defect::None);
  Rng rng(1);
  int finished = 0;
  for (int i = 0; i < 20000; ++i) {
    Case c = samples::random_case(rng, schema());
    if (i % 2 == 0) c.v[Initial] &= 1;
    settle_facts(c.v.data());
    ASSERT_FALSE(differ(*a, *b, c)) << encode_text(StoredCase{"", c, {}, false});
    finished += observed(*a, c).outcome == 0;
  }
  EXPECT_GT(finished, 3000);
}

TEST(Counter, MarkedObservationsAreKept) {
  const auto a = make_counter_a();
  const Case c = golden_case(schema());
  Observation o = incomparable("filtered");
  a->submit({&c, 1}, {&o, 1});
  EXPECT_EQ(o.reason, "filtered");
}

struct Hunt {
  int tries = 0;
  Case found;
};

Hunt hunt(std::uint64_t seed, int most) {
  const auto a = make_counter_a();
  const auto b = make_counter_b();
  const mutate::Mutator m = mutate::standard_mutator(schema());
  const Case golden = golden_case(schema());
  Rng rng(seed);
  Case c = golden;
  for (int i = 1; i <= most; ++i) {
    if (i % 64 == 0) c = golden;
    m(rng, c, golden);
    settle_facts(c.v.data());
    if (differ(*a, *b, c)) return {i, c};
  }
  return {};
}

TEST(Counter, MutationFindsThePlantedDefectAndMinimisingShowsItsThreeOperations) {
  const auto a = make_counter_a();
  const auto b = make_counter_b();
  minimise::Options options;
  options.normalise = settle_facts;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Hunt h = hunt(seed, 50000);
    ASSERT_GT(h.tries, 0) << "seed " << seed;
    EXPECT_EQ(hunt(seed, 50000).tries, h.tries);
    const auto m = minimise::minimise(
        h.found, [&](const Case& c) { return differ(*a, *b, c); }, options);
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->is_minimal);
    // The case that README.md shows.
    const std::vector<Operation> expected = {op(Opcode::Load, 0), op(Opcode::Sub, 1), op(Opcode::Latch)};
    EXPECT_EQ(m->best.operations, expected) << encode_text(StoredCase{"", m->best, {}, false});
    EXPECT_TRUE(difference_from_golden(m->best).fields.empty()) << golden_difference_text(m->best);
    RecordProperty("tries_" + std::to_string(seed), h.tries);
  }
}

TEST(Counter, DomainIsComplete) {
  const Domain& d = domain();
  EXPECT_EQ(d.name, d.schema->domain);
  EXPECT_EQ(d.observation->fields.size(), kRecordSlots);
  EXPECT_EQ(d.observation->outcome_word(static_cast<std::uint32_t>(Outcome::BadMode)), "refused_mode");
  for (rules::Outcome o = 0; o < kOutcomes; ++o) {
    rules::Outcome back = ~o;
    EXPECT_TRUE(d.observation->outcome_of(d.observation->outcome_text(o), back));
    EXPECT_EQ(back, o);
  }
  rules::Outcome none = 0;
  EXPECT_FALSE(d.observation->outcome_of("unknown", none));
  EXPECT_EQ(d.reference, make_counter_a()->info().name);
}

}  // namespace
}  // namespace diffvisor::counter
