// SPDX-License-Identifier: Apache-2.0
// Instructions as bytes of the opcode maps (SDM 2A 2.1, 2D A), with the prefixes an assembler would never write.
#pragma once

#include <cstdint>
#include <span>

#include "fuzzers/x86_insn/case_builder.h"

namespace diffvisor::x86_insn {

enum class Form : u8 { Any, Memory, Register };

// What to encode; what is left open is drawn.
struct Pattern {
  u8 map = 0;  // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
  u8 opcode = 0;
  std::int8_t group = -1;  // ModRM.reg
  Form form = Form::Any;
  u8 prefix = 0;  // mandatory: 66, F2, F3
  bool vex = false;
  std::int8_t rm = -1;  // ModRM.rm of a register form
};

enum class Rep : u8 { Rarely, Often };

// Any instruction of the integer and system set, seldom one of the others.
Pattern any_pattern(Rng& rng, u64 mode);
// Encodes and decodes; after a few tries it settles for bytes that the decoder refuses.
void encode(Builder& b, const Pattern& p, Rep rep = Rep::Rarely);
// One of the patterns, another one when the mode does not know it.
void encode_one_of(Builder& b, std::span<const Pattern> patterns, Rep rep = Rep::Rarely);
void encode_raw(Builder& b);       // no pattern at all
void encode_too_long(Builder& b);  // prefixes beyond 15 bytes, or just up to them
void set_code(Builder& b, std::span<const u8> bytes);
// Appends a short instruction behind what is there.
void append(Builder& b, std::span<const u8> bytes);
// Looks at the bytes again.
void decode(Builder& b);
const ZydisDecoder& decoder_of(u64 mode);

// Offsets of immediate `n` in the bytes and its size; size 0: there is none.
struct Immediate {
  unsigned offset, bytes;
};
Immediate immediate_of(const Code& code, unsigned n);
void set_immediate(Builder& b, unsigned n, u64 value);

}  // namespace diffvisor::x86_insn
