// SPDX-License-Identifier: Apache-2.0
// The opcode maps as data (SDM 2D appendix A): one row per opcode, group member and mandatory prefix.
#pragma once

#include <cstdint>
#include <span>

#include "models/x86/decoder/instruction.h"

namespace diffvisor::x86 {

// Maps, as the high byte of an opcode number: 0 one byte, 1 0F, 2 0F 38, 3 0F 3A; with VEX 4 more.
inline constexpr std::uint16_t kVexMap = 0x400;

enum class Operand : std::uint8_t {
  None,
  E,      // ModRM.rm: register or memory
  G,      // ModRM.reg: general register
  Z,      // general register in the opcode's low three bits
  Acc,    // AL, AX, EAX, RAX
  Imm,    // the immediate
  One,    // the constant 1
  Cl,     // CL
  Moffs,  // memory at the address the instruction holds
};

enum class Immediate : std::uint8_t {
  None,
  Byte,          // sign-extended
  UnsignedByte,  // zero-extended
  Word,          // zero-extended
  Full,          // operand size, at most 4 bytes, sign-extended
  Widest,        // operand size, 8 bytes too
  FarPointer,    // offset of operand size, then selector
  Enter,         // word, then byte
  Address,       // address size
};

enum Attribute : std::uint32_t {
  kNone = 0,
  kModRm = 1 << 0,
  kByte = 1 << 1,          // operands are bytes
  kLock = 1 << 2,          // LOCK is allowed with a memory destination
  kNo64 = 1 << 3,          // #UD in 64-bit mode
  kOnly64 = 1 << 4,        // exists in 64-bit mode alone
  kProtected = 1 << 5,     // #UD in real and virtual-8086 mode
  kDefault64 = 1 << 6,     // operand size 64 in 64-bit mode, or 16 with the prefix
  kNearBranch = 1 << 7,    // operand size 64 in 64-bit mode; AMD honours the prefix
  kForce64 = 1 << 8,       // operand size 64 in 64-bit mode, else 32; ModRM.mod is ignored
  kOp3264 = 1 << 9,        // operand size 64 with REX.W, else 32: 66 is part of the opcode
  kString = 1 << 10,       // REP repeats it
  kReadsFlags = 1 << 11,   // its result depends on status flags
  kSetsFlags = 1 << 12,    // writes all six status flags, or leaves them undefined
  kStopsOnZf = 1 << 13,    // REPE and REPNE end by ZF
  kSse = 1 << 14,          // #UD by CR0.EM and CR4.OSFXSR, #NM by CR0.TS
  kMmx = 1 << 15,          // #UD by CR0.EM, #NM by CR0.TS, #MF
  kVexRegister = 1 << 16,  // VEX.vvvv names a register; without it must be 1111b
  kKvm = 1 << 17,          // KVM 6.1's emulator decodes it
  kNotModelled = 1 << 18,  // the handler ends in a limit
  kUndefined = 1 << 19,    // decodes and then is #UD
  kAvx = 1 << 20,          // #UD by CR4.OSXSAVE and XCR0
  kMov = 1 << 21,          // the destination is not read first
  kPrivileged = 1 << 22,   // x86.kvm tests CPL before it reads operands
};

// Which encodings of an opcode a row is for.
struct Select {
  std::uint8_t prefixes = 15;  // bit 0: none, 1: 66, 2: F3, 3: F2
  std::int8_t reg = -1;        // ModRM.reg
  std::int8_t rm = -1;         // ModRM.rm, of register forms
  std::uint8_t mods = 3;       // bit 0: memory, 1: register
  std::uint8_t w = 3, l = 3;   // VEX.W, VEX.L (REX.W): bit 0: 0, bit 1: 1
};
constexpr Select operator&(Select a, const Select& b) {
  a.prefixes &= b.prefixes;
  a.mods &= b.mods;
  a.w &= b.w;
  a.l &= b.l;
  if (b.reg >= 0) a.reg = b.reg;
  if (b.rm >= 0) a.rm = b.rm;
  return a;
}

inline constexpr std::uint8_t kNoFeature = 0xff;

// An opcode number, or several in a row that share one.
struct Opcodes {
  std::uint16_t first;
  std::uint8_t count;
  constexpr Opcodes(int opcode, int n = 1)  // NOLINT(google-explicit-constructor): rows name single opcodes
      : first(static_cast<std::uint16_t>(opcode)), count(static_cast<std::uint8_t>(n)) {}
};

struct OpcodeRow {
  Opcodes opcodes;
  Select select;
  const char* mnemonic;
  Handler handler;
  Operand dst, src;
  Immediate immediate;
  std::uint32_t attributes;
  std::uint8_t feature = kNoFeature;

  constexpr bool has(std::uint32_t attribute) const { return (attributes & attribute) != 0; }
};

std::span<const OpcodeRow> integer_rows();  // opcode_table.cc
std::span<const OpcodeRow> simd_rows();     // simd_table.cc

// What one opcode number leads to, in either table.
struct OpcodeEntry {
  std::uint16_t first = 0;       // integer rows first .. first + count - 1
  std::uint16_t simd_first = 0;  // the same of the simd rows
  std::uint8_t count = 0, simd_count = 0;
  bool mod_rm = false;
  bool in_64 = false, outside_64 = false;  // some row exists there
};
const OpcodeEntry& opcode_entry(std::uint16_t opcode);

}  // namespace diffvisor::x86
