// SPDX-License-Identifier: Apache-2.0
#include "harness/case/binary.h"

#include <gtest/gtest.h>

#include "harness/case/test_schemas.h"

namespace diffvisor {
namespace {

using samples::awkward_schema;

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> all;
  for (const unsigned v : values) all.push_back(static_cast<std::byte>(v));
  return all;
}

Case decoded(std::initializer_list<unsigned> values) { return decode_binary(bytes(values), awkward_schema()); }

// The layout is a promise to stored corpora: these bytes never change.
TEST(Binary, LayoutIsAsDocumented) {
  Case c = golden_case(awkward_schema(), 1);
  c.v[samples::kContext] = 0x83;
  reset_to_golden(c);
  c.v[samples::kList + 2] = 0x123;
  c.areas[1] = bytes({0xaa, 0xbb});
  c.operations.push_back({0, {0, 1, 0x1234, 0}});
  c.operations.push_back({7, {}});
  EXPECT_EQ(encode_binary(c), bytes({1,    1,                                            // version, profile
                                     0x00, 0x00, 0x01, 0x83,                             // CONTEXT
                                     0x09, 0xff, 0x00, 2,    0x23, 0x01,                 // LIST[2]
                                     0x40, 7,    0,    2,    0xaa, 0xbb,                 // area data
                                     0x84, 0,    0,    1,    1,    2,    0x34, 0x12, 0,  // op four
                                     0x80, 7}));                                         // op nop
}

TEST(Binary, GoldenIsTwoBytes) {
  for (const Schema* s : samples::test_schemas()) EXPECT_EQ(encode_binary(golden_case(*s)).size(), 2u);
}

TEST(Binary, RoundTripIsExact) {
  Rng rng(2);
  for (const Schema* s : samples::test_schemas())
    for (int i = 0; i < 3000; ++i) {
      const Case c = samples::random_case(rng, *s);
      ASSERT_TRUE(is_valid(c));
      const auto coded = encode_binary(c);
      ASSERT_LE(coded.size(), largest_binary(*s));
      ASSERT_EQ(decode_binary(coded, *s), c) << s->domain << " " << i;
    }
}

TEST(Binary, AnyBytesAreACase) {
  Rng rng(3);
  for (const Schema* s : samples::test_schemas()) {
    Case reused;
    for (int i = 0; i < 20000; ++i) {
      std::vector<std::byte> junk(static_cast<std::size_t>(rng.below(200)));
      for (std::byte& b : junk) b = static_cast<std::byte>(rng.one_in(2) ? rng.below(10) : rng.next());
      decode_binary(junk, *s, reused);
      ASSERT_TRUE(is_valid(reused));
      ASSERT_EQ(decode_binary(encode_binary(reused), *s), reused);
    }
  }
}

TEST(Binary, DamagedCasesStayCases) {
  Rng rng(4);
  for (const Schema* s : samples::test_schemas())
    for (int i = 0; i < 5000; ++i) {
      auto coded = encode_binary(samples::random_case(rng, *s));
      for (int hits = 0; hits < 4; ++hits)
        coded[static_cast<std::size_t>(rng.below(coded.size()))] = static_cast<std::byte>(rng.next());
      coded.resize(static_cast<std::size_t>(rng.below(coded.size() + 1)));
      const Case c = decode_binary(coded, *s);
      ASSERT_TRUE(is_valid(c));
      ASSERT_EQ(decode_binary(encode_binary(c), *s), c);
    }
}

TEST(Binary, HostileRecordsHaveDocumentedMeaning) {
  const Case golden = golden_case(awkward_schema());
  EXPECT_EQ(decoded({}), golden);
  EXPECT_EQ(decoded({99}), golden);                                                     // unknown version
  EXPECT_EQ(decoded({1, 3}).profile, 1);                                                // profiles wrap round
  EXPECT_EQ(decoded({1, 0, 0xc0, 0xff}), golden);                                       // padding
  EXPECT_EQ(decoded({1, 0, 0x00, 0x34, 0x12, 1}), golden);                              // unknown field
  EXPECT_EQ(decoded({1, 0, 0x01, 0x03, 0x00, 1}), golden);                              // truncated value
  EXPECT_EQ(decoded({1, 0, 0x00, 0x03, 0x00, 0xff})[samples::kBit], 1u);                // too wide: clipped
  EXPECT_EQ(decoded({1, 0, 0x08, 0xff, 0x00, 6, 9})[samples::kList + 1], 9u);           // element wraps round
  EXPECT_EQ(decoded({1, 0, 0x00, 3, 0, 1, 0x00, 3, 0, 0})[samples::kBit], 0u);          // the later record wins
  EXPECT_EQ(decoded({1, 0, 0x40, 7, 0, 5, 1, 2, 3, 4, 5}).areas[1], bytes({1, 2, 3}));  // too long: clipped
  EXPECT_EQ(decoded({1, 0, 0x40, 7, 0, 5, 1, 2}).areas[1], bytes({1, 2}));              // cut short
  EXPECT_EQ(decoded({1, 0, 0x80, 8}).operations.size(), 0u);                            // unknown operation
  EXPECT_EQ(decoded({1, 0, 0x82, 255, 1, 5, 1, 6}).operations,
            (std::vector<Operation>{{255, {5}}}));                                        // surplus argument
  EXPECT_EQ(decoded({1, 0, 0x80, 255}).operations, (std::vector<Operation>{{255, {}}}));  // missing argument
  EXPECT_EQ(decoded({1, 0, 0x80, 7, 0x80, 7, 0x80, 7, 0x80, 7, 0x80, 7, 0x80, 7, 0x80, 7}).operations.size(), 6u);
}

// Context may come after the fields that golden derives from it.
TEST(Binary, OrderOfRecordsDoesNotMatter) {
  const Case c = decoded({1, 0, 0x00, 0x02, 0x00, 5, 0x00, 0x01, 0x01, 1, 0x00, 0x00, 0x01, 2});
  EXPECT_EQ(c[samples::kWide], 5u);
  EXPECT_EQ(c[samples::kBit], 1u);
  EXPECT_EQ(c, decoded({1, 0, 0x00, 0x00, 0x01, 2, 0x00, 0x01, 0x01, 1, 0x00, 0x02, 0x00, 5}));
}

TEST(Binary, AShortBufferTakesWholeRecords) {
  Rng rng(5);
  for (const Schema* s : samples::test_schemas())
    for (int i = 0; i < 200; ++i) {
      const auto coded = encode_binary(samples::random_case(rng, *s));
      std::vector<std::byte> part(static_cast<std::size_t>(rng.below(coded.size() + 1)));
      const std::size_t n = encode_binary(decode_binary(coded, *s), std::span(part));
      ASSERT_LE(n, part.size());
      ASSERT_TRUE(std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n), coded.begin()));
      if (n >= 2) {
        const Case again = decode_binary(std::span(part).first(n), *s);
        ASSERT_EQ(encode_binary(again).size(), n);
      }
    }
}

}  // namespace
}  // namespace diffvisor
