// SPDX-License-Identifier: Apache-2.0
// From bytes to an Instruction: SDM 2A chapter 2.
#pragma once

#include <cstdint>
#include <span>

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

inline constexpr std::size_t kLongestInstruction = 15;

// What decoding depends on beside the bytes.
struct DecodeMode {
  std::uint8_t width = 8;  // bytes: 8 in 64-bit code, else the default operand size
  bool vex = true;         // protected mode: VEX prefixes exist
  bool amd = false;        // 66 counts for near branches in 64-bit mode
  bool i286 = false;       // no 80386 prefixes or opcodes, at most 10 bytes
  bool kvm = false;        // an unknown opcode ends it
  Quirks quirks;
};
DecodeMode decode_mode(const Machine& m);

enum class DecodeStatus : std::uint8_t {
  Ok,
  NeedsMore,   // the bytes end inside the instruction
  TooLong,     // more than kLongestInstruction
  Undefined,   // no such opcode or form
  WrongWidth,  // exists, but not in this mode
};

// `out` is meaningful for Ok alone, but its length tells how many bytes were looked at.
DecodeStatus decode(const DecodeMode& mode, std::span<const std::uint8_t> bytes, Instruction& out);

}  // namespace diffvisor::x86
