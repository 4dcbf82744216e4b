// SPDX-License-Identifier: Apache-2.0
// What an exception becomes that is raised while another is being delivered: SDM 3A 6.15 table 6-5 (7-5 in later
// editions).
#pragma once

#include <cstdint>

namespace diffvisor::x86 {

enum class Promotion : std::uint8_t {
  Serial,       // the second is delivered, the first forgotten
  DoubleFault,  // #DF with error code 0 takes the place of both
  Shutdown      // triple fault
};

Promotion promote(unsigned first, unsigned second);

}  // namespace diffvisor::x86
