// SPDX-License-Identifier: Apache-2.0
// The usual loop over Unicorn's API, to compare with: one engine, code and every user register written, one run, every
// register read, each by a call of its own. User-state arithmetic in 64-bit mode only, which is all it can do.
#pragma once

namespace diffvisor::unicorn {

// Where the run ends decides how much is translated for nothing: with count = 1 what lies behind the instruction is
// translated too, up to the next branch.
enum class UsualLoop {
  Zeros,      // count = 1, memory as it comes
  OtherCode,  // count = 1, random bytes behind
  Halts,      // count = 1, HLT behind
  Until,      // the address behind the instruction, where it is known to get there
};

// Processor seconds of one run; 0 without the library.
double usual_loop_seconds(UsualLoop kind);

}  // namespace diffvisor::unicorn
