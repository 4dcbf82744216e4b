// SPDX-License-Identifier: Apache-2.0
// What the last step of a case came to, in one word that fits a record: it names what a difference is about.
#pragma once

#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86 {

struct LastStep {
  u16 opcode = 0;  // map << 8 | opcode of the last instruction that was fetched, of an earlier step perhaps
  const OpcodeRow* row = nullptr;  // of the instruction that began in the step; null if none did
  u8 reg = 0;                      // its ModRM.reg, with REX.R
  bool repeated = false;           // by a REP prefix
  // Of the fault that was delivered, and of the first that came of delivering it; kNoVector if there was none.
  u8 delivered = kNoVector, second = kNoVector;
  bool operator==(const LastStep&) const = default;
};

u64 pack(const LastStep& s);
LastStep unpack_last_step(u64 word);

}  // namespace diffvisor::x86
