// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <new>

#include "harness/case/binary.h"
#include "harness/case/diff.h"
#include "harness/case/test_schemas.h"
#include "harness/mutate/bytes.h"
#include "harness/mutate/standard.h"

namespace {
std::atomic<std::size_t> g_allocations{0};
}

// Counts every allocation of this test program. Not inlined, or g++ takes malloc and delete for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t n) {
  ++g_allocations;
  if (void* p = std::malloc(n)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace diffvisor::mutate {
namespace {

using samples::awkward_schema;

// A schema without areas and operations, as vmx_entry is.
Schema plain_schema() {
  Schema s = awkward_schema();
  s.areas = {};
  s.operations = {};
  s.most_operations = 0;
  return s;
}

Options everything() {
  Options o;
  o.profiles = true;
  o.capabilities = true;
  return o;
}

std::vector<std::pair<std::string, Mutator>> all_mutators(const Schema& s) {
  const Targets t = targets(s, {Role::State, Role::Fact, Role::Context, Role::Capability});
  return {{"flip_bit", flip_bit(t)},
          {"flip_named_bit", flip_named_bit(t)},
          {"set_boundary", set_boundary(t)},
          {"set_interesting", set_interesting(t)},
          {"set_random", set_random(t)},
          {"add_small", add_small(t)},
          {"copy_within", copy_within(t)},
          {"to_golden", to_golden(t)},
          {"copy_field", copy_field(t)},
          {"copy_group", copy_group(t)},
          {"cross_fields", cross_fields(t)},
          {"take_profile", take_profile()},
          {"random_profile", random_profile()},
          {"copy_area", copy_area()},
          {"splice_area", splice_area()},
          {"splice_operations", splice_operations()},
          {"flip_area_bit", flip_area_bit()},
          {"set_area_byte", set_area_byte()},
          {"insert_area_bytes", insert_area_bytes()},
          {"erase_area_bytes", erase_area_bytes()},
          {"insert_operation", insert_operation()},
          {"erase_operation", erase_operation()},
          {"duplicate_operation", duplicate_operation()},
          {"swap_operations", swap_operations()},
          {"change_argument", change_argument()},
          {"standard_mutator", standard_mutator(s, everything())},
          {"standard_crossover", standard_crossover(s, everything())}};
}

TEST(Mutators, KeepCasesValidAndDoSomething) {
  for (const Schema* s : {&awkward_schema(), &counter::schema()})
    for (const auto& [name, m] : all_mutators(*s)) {
      Rng rng(1);
      int changed = 0;
      for (int i = 0; i < 2000; ++i) {
        const Case before = samples::random_case(rng, *s);
        const Case other = samples::random_case(rng, *s);
        Case c = before;
        m(rng, c, other);
        ASSERT_TRUE(is_valid(c)) << name;
        changed += c != before;
        m(rng, c, c);  // borrowing from itself is allowed
        ASSERT_TRUE(is_valid(c)) << name;
      }
      EXPECT_GT(changed, name == "flip_named_bit" ? 1999 : 100) << s->domain << " " << name;
    }
}

TEST(Mutators, AreHarmlessWhereThereIsNothingToDo) {
  const Schema s = plain_schema();
  Rng rng(2);
  const Case other = golden_case(s);
  for (const auto& [name, m] : all_mutators(s))
    for (int i = 0; i < 200; ++i) {
      Case c = golden_case(s);
      m(rng, c, other);
      ASSERT_TRUE(is_valid(c)) << name;
    }
  Case c = golden_case(s);
  flip_bit({})(rng, c, other);
  EXPECT_EQ(c, other);
}

TEST(Mutators, FlipBitReachesEveryBitAndNothingElse) {
  const Schema& s = awkward_schema();
  const Targets t = targets(s, {Role::State});
  const Mutator m = flip_bit(t);
  std::map<std::pair<Slot, std::uint64_t>, int> seen;
  Rng rng(3);
  const Case golden = golden_case(s);
  for (int i = 0; i < 20000; ++i) {
    Case c = golden;
    m(rng, c, golden);
    const auto d = difference(golden, c).fields;
    ASSERT_EQ(d.size(), 1u);
    ASSERT_EQ(std::popcount(d[0].before ^ d[0].after), 1);
    ++seen[{static_cast<Slot>(d[0].field->slot + d[0].index), d[0].before ^ d[0].after}];
  }
  EXPECT_EQ(seen.size(), 1u + 64 + 17 + 5 * 13);
}

TEST(Mutators, CapabilitiesAndProfileStayUnlessAsked) {
  const Schema& s = counter::schema();
  Rng rng(4);
  for (const Mutator& m : {standard_mutator(s), standard_crossover(s)})
    for (int i = 0; i < 5000; ++i) {
      const Case before = samples::random_case(rng, s);
      const Case other = samples::random_case(rng, s);
      Case c = before;
      m(rng, c, other);
      ASSERT_EQ(c.profile, before.profile);
      ASSERT_EQ(c[counter::MaxWidth], before[counter::MaxWidth]);
      ASSERT_EQ(c[counter::Features], before[counter::Features]);
    }
}

TEST(Mutators, GoldenIsFollowedWhenContextChanges) {
  const Schema& s = counter::schema();
  const Mutator m = following_golden(flip_bit(targets(s, {Role::Context})));
  Rng rng(5);
  for (int i = 0; i < 50; ++i) {
    Case c = golden_case(s);
    m(rng, c, c);
    ASSERT_EQ(difference_from_golden(c).fields.size(), 1u);
  }
}

TEST(Mutators, ChooseKeepsWeights) {
  std::array<int, 3> hits{};
  const auto count = [&](std::size_t i) { return [&hits, i](Rng&, Case&, const Case&) { ++hits[i]; }; };
  const Mutator m = choose({{1, count(0)}, {0, count(1)}, {3, count(2)}});
  Rng rng(6);
  Case c = golden_case(awkward_schema());
  for (int i = 0; i < 4000; ++i) m(rng, c, c);
  EXPECT_NEAR(hits[0], 1000, 100);
  EXPECT_EQ(hits[1], 0);
  EXPECT_EQ(hits[0] + hits[2], 4000);
}

TEST(Mutators, RuleDrivenOnesJoinTheMix) {
  int called = 0;
  Options o;
  o.extra.push_back({100, [&](Rng&, Case&, const Case&) { ++called; }});
  const Schema s = plain_schema();
  const Mutator m = standard_mutator(s, o);
  Rng rng(7);
  Case c = golden_case(s);
  for (int i = 0; i < 1000; ++i) m(rng, c, c);
  EXPECT_GT(called, 700);
}

// The sequence is part of the determinism contract: a changed number means that campaigns find other cases.
TEST(Mutators, SequenceIsTheSameEverywhere) {
  const Schema& s = awkward_schema();
  const Mutator m = standard_mutator(s, everything());
  const Mutator x = standard_crossover(s, everything());
  Rng rng(8);
  Case c = golden_case(s);
  Case other = golden_case(s, 1);
  std::uint64_t digest = 0;
  for (int i = 0; i < 3000; ++i) {
    m(rng, c, other);
    if (i % 7 == 0) x(rng, other, c);
    for (const std::byte b : encode_binary(c)) digest = mix64(digest ^ std::to_integer<std::uint64_t>(b));
  }
  EXPECT_EQ(digest, 14921367654064415060u);
}

TEST(BytesMutator, IsTotalAndRespectsTheBuffer) {
  Rng rng(9);
  for (const Schema* s : samples::test_schemas()) {
    BytesMutator m(*s, standard_mutator(*s, everything()), standard_crossover(*s, everything()));
    for (int i = 0; i < 5000; ++i) {
      std::vector<std::byte> buffer(static_cast<std::size_t>(1 + rng.below(300)));
      for (std::byte& b : buffer) b = static_cast<std::byte>(rng.next());
      const auto size = static_cast<std::size_t>(rng.below(buffer.size() + 1));
      const std::vector<std::byte> other = encode_binary(samples::random_case(rng, *s));
      std::vector<std::byte> out(buffer.size());
      ASSERT_LE(m.cross(rng, buffer, other, out), out.size());
      ASSERT_LE(m.mutate(rng, buffer, size, other), buffer.size());
    }
  }
}

TEST(BytesMutator, CaseDrivenResultsDecodeToTheMutatedCase) {
  const Schema& s = counter::schema();
  const Mutator one = standard_mutator(s);
  BytesMutator m(s, one, one);
  Rng rng(10);
  for (int i = 0; i < 2000; ++i) {
    Case c = samples::random_case(rng, s);
    std::vector<std::byte> buffer = encode_binary(c);
    const std::size_t size = buffer.size();
    buffer.resize(largest_binary(s), std::byte{0x80});  // rests of operations, were they read
    for (std::size_t k = size + 1; k < buffer.size(); k += 2) buffer[k] = std::byte{3};
    Rng a(11, static_cast<std::uint64_t>(i));
    Rng b = a;
    buffer.resize(m.mutate(a, buffer, size));
    one(b, c, golden_case(s));
    ASSERT_EQ(decode_binary(buffer, s), c);
  }
}

// An engine that minimises asks for less than it gives: a field may go, not whatever is encoded last.
TEST(BytesMutator, ShrinksWithoutCuttingOff) {
  for (const Schema* s : samples::test_schemas()) {
    const auto differs = [](const Case& c, Slot slot) {
      return is_baseline_role(field_of_slot(*c.schema, slot).role) && c[slot] != golden_values(c)[slot];
    };
    const Mutator one = [&](Rng& rng, Case& c, const Case&) {
      const auto first = static_cast<Slot>(rng.below(c.schema->slots));
      for (Slot slot = first; slot < c.schema->slots; ++slot)
        if (differs(c, slot)) return static_cast<void>(c[slot] = golden_values(c)[slot]);
    };
    BytesMutator m(*s, one, one);
    Rng rng(13);
    for (int i = 0; i < 500; ++i) {
      const Case c = samples::random_case(rng, *s);
      unsigned fields = 0;
      for (Slot slot = 0; slot < s->slots; ++slot) fields += differs(c, slot);
      if (fields == 0) continue;
      std::vector<std::byte> buffer = encode_binary(c);
      const std::size_t before = buffer.size(), size = m.shrink(rng, buffer, before, before - 1);
      ASSERT_LT(size, before);
      const Case after = decode_binary(std::span(buffer).first(size), *s);
      EXPECT_EQ(after.areas, c.areas);
      EXPECT_EQ(after.operations, c.operations);
    }
  }
}

TEST(BytesMutator, DoesNotAllocateWithoutListsToGrow) {
  std::vector<Schema> schemas = {plain_schema()};
  for (const Schema* s : samples::test_schemas())
    if (s->areas.empty() && s->operations.empty()) schemas.push_back(*s);
  for (const Schema& s : schemas) {
    BytesMutator m(s, standard_mutator(s, everything()), standard_crossover(s, everything()));
    std::vector<std::byte> buffer(largest_binary(s));
    std::vector<std::byte> out(buffer.size());
    std::size_t size = 0;
    Rng rng(12);
    const std::size_t before = g_allocations;
    for (int i = 0; i < 20000; ++i) {
      size = i % 50 == 0 ? 0 : m.mutate(rng, buffer, size);
      m.cross(rng, std::span(buffer).first(size), {}, out);
    }
    EXPECT_EQ(g_allocations, before) << s.domain;
  }
}

}  // namespace
}  // namespace diffvisor::mutate
