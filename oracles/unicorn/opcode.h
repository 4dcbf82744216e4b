// SPDX-License-Identifier: Apache-2.0
// As much of an instruction as deciding how to run it takes: prefixes, opcode, ModRM byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace diffvisor::unicorn {

struct Opcode {
  enum Map : std::uint8_t { kOneByte, k0f, k0f38, k0f3a, kVex };
  Map map = kOneByte;
  std::uint8_t byte = 0, modrm = 0;
  bool lock = false, rep = false, repne = false, operand_size = false, address_size = false;
  std::uint8_t rex = 0;
  std::uint8_t length = 0;    // up to the opcode byte; 0: there were not enough bytes
  std::uint8_t operands = 0;  // bytes of ModRM, SIB and displacement, if it is an opcode that has them

  bool is(Map m, unsigned b) const { return length != 0 && map == m && byte == b; }
  bool rex_w() const { return (rex & 8) != 0; }
  unsigned reg() const { return modrm >> 3 & 7; }
  unsigned rm_register() const { return (modrm & 7u) | (rex & 1u) << 3; }
  bool is_register() const { return modrm >= 0xc0; }
  bool is_string() const;  // REP applies
  bool loads_ss() const { return is(kOneByte, 0x17) || (is(kOneByte, 0x8e) && reg() == 2); }
};

enum class CodeSize : std::uint8_t { k16, k32, k64 };
Opcode scan_opcode(std::span<const std::uint8_t> bytes, CodeSize size);

}  // namespace diffvisor::unicorn
