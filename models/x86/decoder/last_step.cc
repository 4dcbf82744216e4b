// SPDX-License-Identifier: Apache-2.0
#include "models/x86/decoder/last_step.h"

namespace diffvisor::x86 {
namespace {

// A row by its place in both tables, from 1; 0 for none.
u64 number_of(const OpcodeRow* row) {
  u64 before = 1;
  for (const auto rows : {integer_rows(), simd_rows()}) {
    if (row >= rows.data() && row < rows.data() + rows.size()) return before + static_cast<u64>(row - rows.data());
    before += rows.size();
  }
  return 0;
}

const OpcodeRow* row_of(u64 number) {
  if (number == 0) return nullptr;
  --number;
  for (const auto rows : {integer_rows(), simd_rows()}) {
    if (number < rows.size()) return &rows[number];
    number -= rows.size();
  }
  return nullptr;
}

}  // namespace

u64 pack(const LastStep& s) {
  return s.opcode | number_of(s.row) << 16 | u64{s.repeated} << 32 | u64{s.reg} << 36 | u64{s.delivered} << 40 |
         u64{s.second} << 48;
}

LastStep unpack_last_step(u64 word) {
  const auto byte = [word](unsigned at) { return static_cast<u8>(word >> at); };
  return {static_cast<u16>(word),
          row_of(word >> 16 & 0xffff),
          static_cast<u8>(word >> 36 & 15),
          (word >> 32 & 1) != 0,
          byte(40),
          byte(48)};
}

}  // namespace diffvisor::x86
