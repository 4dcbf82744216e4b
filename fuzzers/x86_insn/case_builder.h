// SPDX-License-Identifier: Apache-2.0
// A case of x86_insn while it is being made: the choices so far, and the memory it will have.
#pragma once

#include <Zydis/Zydis.h>

#include <array>
#include <cstdint>

#include "harness/arch/insn/fields.h"
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::x86_insn {

using u8 = std::uint8_t;
using u64 = std::uint64_t;
using insn::Segment;

inline constexpr u64 kNowhere = ~u64{0};

constexpr u64 bit(unsigned n) { return u64{1} << n; }
inline bool chance(Rng& rng, unsigned percent) { return rng.below(100) < percent; }
// One of the values.
template <class T, std::size_t N>
const T& pick(Rng& rng, const T (&from)[N]) {
  return from[rng.below(N)];
}
// Values where arithmetic, shifts, addresses and sign extension have their edges.
u64 edge_value(Rng& rng);

// The instruction under test as bytes and as the decoder sees them.
struct Code {
  std::array<u8, insn::kMostCode> bytes{};
  unsigned length = 0;  // of the first instruction
  unsigned total = 0;
  bool valid = false;  // the decoder takes it
  ZydisDecodedInstruction decoded;
  ZydisDecoderContext context;

  unsigned map() const { return static_cast<unsigned>(decoded.opcode_map); }
  u8 opcode() const { return decoded.opcode; }
  bool is(unsigned opcode_map, unsigned op) const { return map() == opcode_map && decoded.opcode == op; }
  bool is_vex() const { return decoded.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX; }
  bool has_modrm() const { return decoded.raw.modrm.offset != 0; }
  bool is_memory() const { return has_modrm() && decoded.raw.modrm.mod != 3; }
  unsigned group() const { return decoded.raw.modrm.reg; }
  unsigned reg() const { return decoded.raw.modrm.reg + 8u * context.vector_unified.R; }
  unsigned rm() const { return decoded.raw.modrm.rm + 8u * context.vector_unified.B; }
  unsigned operand_bytes() const { return decoded.operand_width / 8u; }
  unsigned address_bytes() const { return decoded.address_width / 8u; }
};

struct Builder {
  Builder(Rng& generator, Case& out);

  Rng& rng;
  Case& c;
  u64* v;
  u64 mode;
  bool paging = false;  // and wide entries: PAE or long mode
  bool wide = false;
  unsigned cpl = 0;
  unsigned patches = 0;
  u64 code_linear = 0;  // where the instruction is fetched
  u64 operand_linear = kNowhere;
  unsigned operand_size = 0;
  u64 onward = 0;  // the selector by which a far transfer goes on right behind itself; 0: it may go anywhere
  Code code;

  bool chance(unsigned percent) { return x86_insn::chance(rng, percent); }
  // A register's value without the slot arithmetic.
  u64& reg(unsigned number) { return v[insn::Rax + number]; }
  // Replaces the low `bytes` of a register as an address of that size; above them nothing counts.
  void set_low(unsigned number, unsigned bytes, u64 value);

  // ---- memory: the background, this case's patches on top
  u64 qword(u64 gpa) const;
  bool patch(u64 gpa, u64 value);  // false: no patch is left, or not in RAM
  bool poke(u64 gpa, unsigned bytes, u64 value);
  u64 peek(u64 gpa, unsigned bytes) const;
  // The same through the background's page tables; kNowhere: not RAM.
  u64 gpa_of(u64 linear) const;
  bool poke_linear(u64 linear, unsigned bytes, u64 value);

  // ---- addresses
  u64 segment_base(unsigned s) const;  // as 64-bit mode sees it
  u64 stack_linear(u64 plus) const;    // SS:RSP + plus
  unsigned stack_bytes() const;        // of RSP that count
  // Address of the paging entry of `linear`, level 1 being the page's own; kNowhere: the walk ends above.
  u64 paging_entry(u64 linear, unsigned level) const;
};

// The RAM before any case.
const std::array<u8, insn::kRamEnd>& background();

}  // namespace diffvisor::x86_insn
