// SPDX-License-Identifier: Apache-2.0
// What is known of a case before it runs: its instruction, decoded here and not in the child, what it accesses, and why
// it may not run.
#pragma once

#include <Zydis/Zydis.h>

#include <array>
#include <cstdint>
#include <span>

#include "harness/case/case.h"
#include "oracles/native/limits.h"

namespace diffvisor::native {

// How the end of the instruction is noticed.
enum class Stop : std::uint8_t {
  Breakpoint,  // INT3 behind it, and at the target of a relative branch
  SingleStep,
};

struct Instruction {
  ZydisDecodedInstruction decoded;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
  bool known = false;  // the decoder takes it
  bool wide = false;   // 64-bit mode
  std::uint64_t next = 0;
  bool is_branch = false, has_target = false;
  std::uint64_t target = 0;
  bool is_repeated = false;  // a string instruction with REP
  Stop stop = Stop::SingleStep;
  std::array<std::uint64_t, 2> stop_at{};  // linear
  unsigned stops = 0;
  std::uint64_t pages = 0;  // see NativeCase

  std::span<const ZydisDecodedOperand> all_operands() const {
    return {operands.data(), known ? decoded.operand_count : std::size_t{0}};
  }
  bool is(ZydisMnemonic m) const { return known && decoded.mnemonic == m; }
  bool has_prefix(std::uint8_t byte) const;
};

// Linear addresses [first, last] of one memory operand, and more where its length is not known.
struct Extent {
  std::uint64_t first, last;
  unsigned bytes;  // of one access
};

// The case's state allows it to be loaded here.
Limit limit_of_state(const std::uint64_t* v);
// Decodes at CS:RIP and decides how to run it; a limit: it may not run.
Limit examine(const Case& c, Instruction& out);

// operands.cc: everything the operands say of memory. Fills `pages`, may turn `stop` into SingleStep.
Limit examine_memory(const std::uint64_t* v, Instruction& i);
// instruction_sets.cc: whether it is one that may run at all.
Limit limit_of_set(const std::uint64_t* v, const Instruction& i);

// A byte of the case's memory before it runs; `gpa` is in RAM.
std::uint8_t memory_byte(const Case& c, std::uint64_t gpa);

}  // namespace diffvisor::native
