// SPDX-License-Identifier: Apache-2.0
// A case in the ROM itself: the agent then runs it at once, says on the debug console what came of it and ends the
// emulator, so that nobody but the emulator is needed. Freestanding.
#pragma once

#include "harness/arch/agent/mailbox.h"

namespace diffvisor::agent {

inline constexpr std::size_t kRomCaseOffset = 0x10000;  // in the ROM, behind the agent's image
inline constexpr std::size_t kRomCaseEnd = 0x1f000;     // the reset stub
inline constexpr Gpa kRomCase = 0xfffe0000 + kRomCaseOffset;
inline constexpr std::uint64_t kRomCaseMagic = 0x65736163206d6f72;

// Behind it `checks` of these, then the command's input: a case that certainly enters, then the case.
struct RomCase {
  std::uint64_t magic;
  Command command;
  std::uint32_t input_bytes;
  std::uint64_t checks;
};

// A word of the result: what the manual says it is, and what was recorded.
struct RomCheck {
  char name[32];  // with a final 0
  std::uint64_t offset, mask, manual, recorded;
};

// Prefix of each line about it.
inline constexpr char kRomCaseSays[] = "case: ";

}  // namespace diffvisor::agent
