// SPDX-License-Identifier: Apache-2.0
// XMM and MMX registers as operands.
#pragma once

#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {

struct Xmm {
  u64 low = 0, high = 0;
};

inline Xmm get_xmm(const Machine& m, unsigned n) { return {m.v[insn::Xmm + 2 * n], m.v[insn::Xmm + 2 * n + 1]}; }
inline void set_xmm(Machine& m, unsigned n, const Xmm& x) {
  m.v[insn::Xmm + 2 * n] = x.low;
  m.v[insn::Xmm + 2 * n + 1] = x.high;
}
Xmm read_xmm(Machine& m, const Instruction& i, unsigned alignment);
void write_xmm(Machine& m, const Instruction& i, const Xmm& x, unsigned alignment);

// Any MMX instruction but EMMS marks all registers as in use and makes register 0 the top (SDM 1 9.5.1).
void enter_mmx(Machine& m);
// Register numbers of MMX have three bits.
inline u64 get_mmx(const Machine& m, unsigned n) { return m.v[insn::Mm + (n & 7)]; }
void set_mmx(Machine& m, unsigned n, u64 value);

// An x87 exception waits that is not masked; with CR0.NE clear it would come from outside the CPU.
bool fpu_error_pending(Machine& m);
// FSW with ES and B as the exception flags and masks say (SDM 1 8.1.3.3).
u64 settled_status(u64 fsw, u64 fcw);

}  // namespace diffvisor::x86
