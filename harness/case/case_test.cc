// SPDX-License-Identifier: Apache-2.0
#include "harness/case/case.h"

#include <gtest/gtest.h>

#include "harness/arch/counter/schema.h"
#include "harness/case/samples.h"
#include "harness/case/schema_check.h"
#include "harness/case/test_schemas.h"

namespace diffvisor {
namespace {

TEST(Schemas, AreSound) {
  for (const Schema* s : samples::test_schemas())
    EXPECT_EQ(schema_problems(*s), std::vector<std::string>{}) << s->domain;
}

TEST(SchemaCheck, NamesEveryMistake) {
  static constexpr BitName kBits[] = {{8, 0, "wide"}};
  static constexpr Field kFields[] = {
      {1, "A", 8, 1, 0, Role::State, "g", 0, kBits, {}},
      {1, "A", 65, 1, 2, Role::State, "g", 0, {}, {}},
      {3, "op", 8, 1, 3, Role::State, "g", 0, {}, {}},
  };
  static constexpr Capability kNotOne[] = {{0, 1}};
  static constexpr ProfileSpec kProfiles[] = {{"p", "", kNotOne}};
  const Schema bad = {"bad", 1, kFields, 3, {}, {}, 0, kProfiles, [](std::uint64_t*) {}};
  const std::vector<std::string> expected = {
      "A: bits of wide are out of range", "two fields 'A'",
      "two fields with id 0x1",           "field A is not at slot 1",
      "field A is 65 bits wide",          "field 'op' is a keyword of the text form",
      "field op is not at slot 2",        "profile p sets slot 0, which is no capability",
  };
  EXPECT_EQ(schema_problems(bad), expected);
}

TEST(SchemaCheck, SeesGoldenThatDependsOnState) {
  static constexpr Field kFields[] = {{1, "A", 8, 1, 0, Role::State, "g", 0, {}, {}}};
  static constexpr ProfileSpec kProfiles[] = {{"p", "", {}}};
  const Schema bad = {"bad", 1, kFields, 1, {}, {}, 0, kProfiles, [](std::uint64_t* v) { v[0] ^= 1; }};
  EXPECT_EQ(schema_problems(bad).size(), 1u);
}

TEST(Case, IsValidRefusesWhatLiesOutside) {
  const Case good = golden_case(samples::awkward_schema(), 1);
  ASSERT_TRUE(is_valid(good));
  const auto refuses = [&](auto spoil) {
    Case c = good;
    spoil(c);
    return !is_valid(c);
  };
  EXPECT_TRUE(refuses([](Case& c) { c.profile = 2; }));
  EXPECT_TRUE(refuses([](Case& c) { c.v[samples::kBit] = 2; }));
  EXPECT_TRUE(refuses([](Case& c) { c.v[samples::kSlots] = 1; }));
  EXPECT_TRUE(refuses([](Case& c) { c.areas.pop_back(); }));
  EXPECT_TRUE(refuses([](Case& c) { c.areas[1].resize(4); }));
  EXPECT_TRUE(refuses([](Case& c) { c.operations.resize(7); }));
  EXPECT_TRUE(refuses([](Case& c) { c.operations.push_back({8, {}}); }));
  EXPECT_TRUE(refuses([](Case& c) { c.operations.push_back({255, {0, 1}}); }));
}

TEST(Case, FollowGoldenKeepsWhatIsTheCasesOwn) {
  Case c = golden_case(samples::awkward_schema());
  c.v[samples::kList] = 5;
  const auto before = golden_values(c);
  c.v[samples::kContext] = 3;
  c.v[samples::kCapArray] = 9;
  follow_golden(c, before);
  EXPECT_EQ(c.v[samples::kWide], 3u);
  EXPECT_EQ(c.v[samples::kList], 5u);
  EXPECT_EQ(c.v[samples::kList + 3], 9u);
}

TEST(Case, BaselineIsNamedProfileAndOwnGolden) {
  Case c = golden_case(samples::awkward_schema(), 1);
  c.v[samples::kCap] = 2;
  c.v[samples::kContext] = 1;
  const auto base = baseline_values(c);
  EXPECT_EQ(base[samples::kCap], 0xff000000000001u);
  EXPECT_EQ(base[samples::kContext], 0u);
  EXPECT_EQ(base[samples::kWide], 0x201u);
}

TEST(Counter, FactsOnOneAddressAgreeAndSettlingIsIdempotent) {
  Case c = golden_case(counter::schema());
  c.v[counter::Alarm] = 1;
  c.v[counter::Alarm + 1] = 2;
  c.v[counter::AlarmAddr] = c.v[counter::AlarmAddr + 1];
  counter::settle_facts(c.v.data());
  EXPECT_EQ(c.v[counter::Alarm], 2u);
  c.v[counter::AlarmAddr + 1] = counter::kMemoryEnd;
  counter::settle_facts(c.v.data());
  EXPECT_EQ(c.v[counter::Alarm + 1], counter::kReadsAbove);
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) {
    Case r = samples::random_case(rng, counter::schema());
    counter::settle_facts(r.v.data());
    const Case once = r;
    counter::settle_facts(r.v.data());
    ASSERT_EQ(r, once);
    ASSERT_TRUE(is_valid(r));
  }
}

}  // namespace
}  // namespace diffvisor
