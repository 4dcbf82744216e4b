// SPDX-License-Identifier: Apache-2.0
#include "harness/base/digest.h"

#include <set>

#include <gtest/gtest.h>

namespace diffvisor {
namespace {

TEST(Digest, OfNothingIsXxh3sAndHexIsItsValue) {
  EXPECT_EQ(Digest().hex(), "2d06800538d394c2");  // XXH3_64bits of no bytes
  EXPECT_EQ(Digest().value(), 0x2d06800538d394c2u);
}

TEST(Digest, SameCallsGiveTheSame) {
  EXPECT_EQ(Digest().add("abc").add(std::uint64_t{7}).hex(), Digest().add("abc").add(std::uint64_t{7}).hex());
  Digest d;
  d.add("abc");
  const std::uint64_t early = d.value();
  EXPECT_EQ(d.value(), early) << "asking changes nothing";
  EXPECT_NE(d.add("").value(), early) << "an empty text is a call too";
}

TEST(Digest, DifferentSequencesOfCallsDiffer) {
  std::set<std::uint64_t> seen;
  seen.insert(Digest().value());
  seen.insert(Digest().add("").value());
  seen.insert(Digest().add("ab").add("c").value());
  seen.insert(Digest().add("a").add("bc").value());
  seen.insert(Digest().add("abc").value());
  seen.insert(Digest().add("c").add("ab").value());
  seen.insert(Digest().add(std::uint64_t{1}).add(std::uint64_t{2}).value());
  seen.insert(Digest().add(std::uint64_t{2}).add(std::uint64_t{1}).value());
  seen.insert(Digest().add(std::uint64_t{1} << 56).value());
  EXPECT_EQ(seen.size(), 9u);
}

TEST(Digest, MovesKeepTheState) {
  Digest a;
  a.add("x");
  const std::uint64_t value = a.value();
  Digest b = std::move(a);
  EXPECT_EQ(b.value(), value);
}

}  // namespace
}  // namespace diffvisor
