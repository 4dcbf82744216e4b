// SPDX-License-Identifier: Apache-2.0
#include "models/x86/events/promotion.h"

#include <gtest/gtest.h>

#include <string_view>

namespace diffvisor::x86 {
namespace {

// Rows: the first exception; columns: the second, vectors 0 to 31. '.' serial, 'D' double fault, 'T' triple fault.
// Contributory are 0, 10 to 13 and 21; page faults are 14 and 20 (#VE).
//                                    0123456789abcdef0123456789abcdef
constexpr std::string_view kBenign = "................................";
constexpr std::string_view kContri = "D.........DDDD.......D..........";
constexpr std::string_view kPageFa = "D.........DDDDD.....DD..........";
constexpr std::string_view kDouble = "T.........TTTTT.....TT..........";
constexpr std::string_view kMatrix[32] = {
    kContri, kBenign, kBenign, kBenign, kBenign, kBenign, kBenign, kBenign,  // #DE to #NM
    kDouble, kBenign, kContri, kContri, kContri, kContri, kPageFa, kBenign,  // #DF, #TS to #PF
    kBenign, kBenign, kBenign, kBenign, kPageFa, kContri, kBenign, kBenign,  // #VE, #CP
    kBenign, kBenign, kBenign, kBenign, kBenign, kBenign, kBenign, kBenign};

TEST(Promotion, FollowsTheTable) {
  for (unsigned first = 0; first < 32; ++first)
    for (unsigned second = 0; second < 32; ++second) {
      const char expected = kMatrix[first][second];
      const Promotion p = promote(first, second);
      EXPECT_EQ(p == Promotion::Serial        ? '.'
                : p == Promotion::DoubleFault ? 'D'
                                              : 'T',
                expected)
          << first << " then " << second;
    }
}

}  // namespace
}  // namespace diffvisor::x86
