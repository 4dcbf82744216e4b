// SPDX-License-Identifier: Apache-2.0
// 64 bytes an instruction: what an interpreter's time depends on is how many instructions there are. Every machine with
// a profile of x86_insn has AVX-512. Freestanding; the compiler must not use these registers itself.
#pragma once

#include "oracles/agent/instructions.h"

namespace diffvisor::agent::step {

inline constexpr unsigned kLine = 64;

// A number of lines, to and from anywhere.
template <unsigned kLines>
[[gnu::always_inline]] inline void copy_lines(void* to, const void* from) {
#pragma GCC unroll 16
  for (unsigned i = 0; i < kLines; ++i)
    asm volatile("vmovdqu64 (%0), %%zmm0; vmovdqu64 %%zmm0, (%1)" ::"r"(static_cast<const u8*>(from) + kLine * i),
                 "r"(static_cast<u8*>(to) + kLine * i)
                 : "memory");
}

// Whether 16 lines differ. Not by VPTERNLOG, which Bochs 2.7 computes bit by bit.
[[gnu::always_inline]] inline bool lines_differ(u64 a, u64 b) {
  bool same;
  asm volatile(
      "vpxorq %%zmm0, %%zmm0, %%zmm0; .set line, 0;"
      ".rept 16; vmovdqa64 line(%1), %%zmm1; vpxorq line(%2), %%zmm1, %%zmm1; vporq %%zmm1, %%zmm0, %%zmm0;"
      ".set line, line + 64; .endr;"
      "vptestmq %%zmm0, %%zmm0, %%k1; kortestw %%k1, %%k1"
      : "=@ccz"(same)
      : "r"(a), "r"(b)
      : "memory");
  return !same;
}

// Bit i: qword i of the line is not 0.
[[gnu::always_inline]] inline u32 qwords_in_use(const void* line) {
  u32 mask;
  asm volatile("vmovdqu64 (%1), %%zmm0; vptestmq %%zmm0, %%zmm0, %%k1; kmovw %%k1, %0"
               : "=r"(mask)
               : "r"(line)
               : "memory");
  return mask;
}

// Bit i: qword i of the line differs.
[[gnu::always_inline]] inline u32 differing_qwords(u64 a, u64 b) {
  u32 mask;
  asm volatile("vmovdqa64 (%1), %%zmm0; vpcmpneqq (%2), %%zmm0, %%k1; kmovw %%k1, %0"
               : "=r"(mask)
               : "r"(a), "r"(b)
               : "memory");
  return mask;
}

// Bit i: qword i of the line has a bit of `bits`.
[[gnu::always_inline]] inline u32 qwords_with(u64 a, u64 bits) {
  u32 mask;
  asm volatile("vpbroadcastq %2, %%zmm0; vptestmq (%1), %%zmm0, %%k1; kmovw %%k1, %0"
               : "=r"(mask)
               : "r"(a), "r"(bits)
               : "memory");
  return mask;
}

}  // namespace diffvisor::agent::step
