// SPDX-License-Identifier: Apache-2.0
#include "harness/base/bytes.h"

#include <gtest/gtest.h>

#include "harness/base/rng.h"

namespace diffvisor {
namespace {

TEST(Reader, ReadsLittleEndian) {
  Reader r(as_byte_span("\x01\x02\x03\x04\x05\x06\x07\x88\xff"));
  EXPECT_EQ(r.little(8), 0x8807060504030201u);
  EXPECT_EQ(r.little(1), 0xffu);
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.left(), 0u);
}

TEST(Reader, PastTheEndItGivesZeroAndSaysSoForGood) {
  Reader r(as_byte_span("abc"));
  EXPECT_EQ(r.little(4), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.left(), 0u) << "what could not be read is not read later";
  EXPECT_EQ(r.little(1), 0u);
  EXPECT_TRUE(r.take(5).empty());
  EXPECT_FALSE(r.ok());
}

TEST(Reader, TakeGivesWhatThereIs) {
  Reader r(as_byte_span("abcde"));
  EXPECT_EQ(r.take(0).size(), 0u);
  EXPECT_EQ(r.take(2).size(), 2u);
  EXPECT_EQ(r.take(~std::size_t{0}).size(), 3u);
  EXPECT_TRUE(r.ok()) << "fewer bytes are no error";
  Reader empty({});
  EXPECT_EQ(empty.take(1).size(), 0u);
  EXPECT_EQ(empty.little(1), 0u);
  EXPECT_FALSE(empty.ok());
}

TEST(Reader, IsTotalOverRandomBytesAndRequests) {
  Rng rng(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::byte> bytes(rng.below(20));
    Reader r(bytes);
    std::size_t before = r.left();
    for (int i = 0; i < 12; ++i) {
      if (rng.one_in(2))
        r.take(rng.below(6));
      else
        r.little(1 + rng.below(8));
      ASSERT_LE(r.left(), before);
      before = r.left();
    }
  }
}

TEST(Writer, IsTheReadersInverse) {
  Writer w;
  w.little(0x1122334455667788, 8);
  w.little(0xabcdef, 2);
  w.append(as_byte_span("xyz"));
  const auto bytes = w.take();
  ASSERT_EQ(bytes.size(), 13u);
  Reader r(bytes);
  EXPECT_EQ(r.little(8), 0x1122334455667788u);
  EXPECT_EQ(r.little(2), 0xcdefu);
  EXPECT_EQ(std::to_integer<char>(r.take(3)[2]), 'z');
}

}  // namespace
}  // namespace diffvisor
