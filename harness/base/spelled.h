// SPDX-License-Identifier: Apache-2.0
// Numbers in words, for names that may not contain digits.
#pragma once

#include <cstdint>
#include <string>

namespace diffvisor {

// Digit by digit: 52 is "five_two"; with base 16, 0x4a is "four_ten".
inline std::string spelled(std::uint32_t number, unsigned base = 10) {
  constexpr const char* kDigits[] = {"zero",  "one",  "two", "three",  "four",   "five",     "six",      "seven",
                                     "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"};
  std::string words = kDigits[number % base];
  while ((number /= base) != 0) words = std::string(kDigits[number % base]) + '_' + words;
  return words;
}

}  // namespace diffvisor
