// SPDX-License-Identifier: Apache-2.0
// How an instruction decoded, in one word that fits a record.
#pragma once

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

struct Summary {
  u16 opcode = 0;  // map << 8 | opcode
  u8 modrm = 0;
  u8 prefixes = 0;  // 1 LOCK, 2 66h, 4 67h, 8 F2, 16 F3, 32 segment, 64 REX, 128 VEX
  u8 length = 0;
  // 0 if the instruction is undefined.
  u8 rex = 0, operand_bytes = 0, address_bytes = 0;
  bool operator==(const Summary&) const = default;
};
Summary summary_of(const Instruction& i, bool defined);

// Never 0, which stands for an instruction that was not fetched.
u64 pack(const Summary& s);
Summary unpack_summary(u64 word);

}  // namespace diffvisor::x86
