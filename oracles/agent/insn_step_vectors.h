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

// Whether 16 lines differ. Not by VPTERNLOG, which Bochs 2.7 computes bit by bit, nor into a mask register, which it
// does qword by qword.
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

// Whether any of 16 lines is not 0.
[[gnu::always_inline]] inline bool lines_in_use(u64 a) {
  bool empty;
  asm volatile(
      "vmovdqa64 (%1), %%zmm0; .set line, 64;"
      ".rept 15; vporq line(%1), %%zmm0, %%zmm0; .set line, line + 64; .endr;"
      "vptestmq %%zmm0, %%zmm0, %%k1; kortestw %%k1, %%k1"
      : "=@ccz"(empty)
      : "r"(a)
      : "memory");
  return !empty;
}

// Lines of a page table's background that are not 0, unless it is full: at its ends and in its middle.
inline constexpr u64 kSparseLines = u64{1} | u64{1} << 32 | u64{1} << 63;

// Whether two pages differ, if the other lines of `b` are 0.
[[gnu::always_inline]] inline bool sparse_pages_differ(u64 a, u64 b) {
  bool same;
  asm volatile(
      "vpxorq %%zmm0, %%zmm0, %%zmm0; .set line, 0;"
      ".rept 64; .if line == 0 || line == 32 || line == 63;"
      "vmovdqa64 64 * line(%1), %%zmm1; vpxorq 64 * line(%2), %%zmm1, %%zmm1; vporq %%zmm1, %%zmm0, %%zmm0;"
      ".else; vporq 64 * line(%1), %%zmm0, %%zmm0; .endif; .set line, line + 1; .endr;"
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
[[gnu::always_inline]] inline u32 differing_qwords(const void* a, const void* b) {
  u32 mask;
  asm volatile("vmovdqu64 (%1), %%zmm0; vpcmpneqq (%2), %%zmm0, %%k1; kmovw %%k1, %0"
               : "=r"(mask)
               : "r"(a), "r"(b)
               : "memory");
  return mask;
}

// Bit i: qword i of the 64 at `a` has a bit of `bits`.
[[gnu::always_inline]] inline u64 qwords_with(u64 a, u64 bits) {
  u64 mask;
  asm volatile(
      "vpbroadcastq %2, %%zmm0;"
      "vptestmq (%1), %%zmm0, %%k0; vptestmq 64(%1), %%zmm0, %%k1; kunpckbw %%k0, %%k1, %%k0;"
      "vptestmq 128(%1), %%zmm0, %%k1; vptestmq 192(%1), %%zmm0, %%k2; kunpckbw %%k1, %%k2, %%k1;"
      "kunpckwd %%k0, %%k1, %%k0;"
      "vptestmq 256(%1), %%zmm0, %%k1; vptestmq 320(%1), %%zmm0, %%k2; kunpckbw %%k1, %%k2, %%k1;"
      "vptestmq 384(%1), %%zmm0, %%k2; vptestmq 448(%1), %%zmm0, %%k3; kunpckbw %%k2, %%k3, %%k2;"
      "kunpckwd %%k1, %%k2, %%k1; kunpckdq %%k0, %%k1, %%k0; kmovq %%k0, %0"
      : "=r"(mask)
      : "r"(a), "r"(bits)
      : "memory");
  return mask;
}

// Takes all but `bits` out of each qword of a line.
[[gnu::always_inline]] inline void mask_line(void* line, u64 bits) {
  asm volatile("vpbroadcastq %1, %%zmm0; vpandq (%0), %%zmm0, %%zmm0; vmovdqu64 %%zmm0, (%0)" ::"r"(line), "r"(bits)
               : "memory");
}

// ~0 in each qword of a line.
[[gnu::always_inline]] inline void fill_line(void* line) {
  asm volatile("vpbroadcastq %1, %%zmm0; vmovdqu64 %%zmm0, (%0)" ::"r"(line), "r"(~u64{0}) : "memory");
}

// The x87 registers of an image of FXSAVE, in the order of the stack from the physical register `top` on, are 8 pairs
// of qwords; as a state has them they are 8 mantissas in physical order.
struct StackOrders {
  alignas(kLine) u64 pairs[8][16];     // of which mantissa, or 8 for a sign and exponent
  alignas(kLine) u64 mantissas[8][8];  // of which qword
};
inline constexpr StackOrders kStackOrders = [] {
  StackOrders o{};
  for (unsigned top = 0; top < 8; ++top)
    for (unsigned i = 0; i < 8; ++i) {
      o.pairs[top][2 * i] = (top + i) & 7;
      o.pairs[top][2 * i + 1] = 8;
      o.mantissas[top][(top + i) & 7] = 2 * i;
    }
  return o;
}();

[[gnu::always_inline]] inline void mantissas_to_pairs(u64* pairs, const u64* mantissas, unsigned top, u64 exponent) {
  asm volatile(
      "vmovdqu64 (%1), %%zmm0; vpbroadcastq %3, %%zmm1;"
      "vmovdqa64 (%2), %%zmm2; vpermi2q %%zmm1, %%zmm0, %%zmm2; vmovdqu64 %%zmm2, (%0);"
      "vmovdqa64 64(%2), %%zmm2; vpermi2q %%zmm1, %%zmm0, %%zmm2; vmovdqu64 %%zmm2, 64(%0)" ::"r"(pairs),
      "r"(mantissas), "r"(kStackOrders.pairs[top]), "r"(exponent)
      : "memory");
}

[[gnu::always_inline]] inline void pairs_to_mantissas(u64* mantissas, const u64* pairs, unsigned top) {
  asm volatile(
      "vmovdqu64 (%1), %%zmm0; vmovdqa64 (%2), %%zmm1; vpermi2q 64(%1), %%zmm0, %%zmm1; vmovdqu64 %%zmm1, (%0)" ::"r"(
          mantissas),
      "r"(pairs), "r"(kStackOrders.mantissas[top])
      : "memory");
}

}  // namespace diffvisor::agent::step
