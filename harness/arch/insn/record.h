// SPDX-License-Identifier: Apache-2.0
// The one way to write down a CPU state: what nobody can see of it is 0. Freestanding.
#pragma once

#include <cstdint>

#include "harness/arch/insn/fields.h"

namespace diffvisor::insn {

// `state` is kStateWords from kFirstState on. Outside 64-bit mode registers have 32 bits and there is no R8 to R15. An
// unusable segment has no base, limit or type (SDM 3C 25.4.1), but SS keeps its DPL and FS and GS their bases where
// 64-bit code can use them.
inline void hide_unseen(std::uint64_t* state) {
  const auto at = [state](unsigned slot) -> std::uint64_t& { return state[slot - kFirstState]; };
  const bool long_mode = (at(Efer) >> efer::LMA & 1) != 0;
  const bool code64 = long_mode && (at(CsAttr) >> attr::L & 1) != 0;
  if (!code64) {
    for (unsigned r = Rax; r <= Rdi; ++r) at(r) &= 0xffffffff;
    for (unsigned r = R8; r <= R15; ++r) at(r) = 0;
    at(Rip) &= 0xffffffff;
  }
  for (const unsigned s : {kEs, kSs, kDs, kFs, kGs, kLdtr}) {
    std::uint64_t& a = at(attr_of(s));
    if ((a >> attr::UNUSABLE & 1) == 0) continue;
    a = std::uint64_t{1} << attr::UNUSABLE | (s == kSs ? a & 0x60 : 0);
    at(limit_of(s)) = 0;
    if (!long_mode || (s != kFs && s != kGs)) at(base_of(s)) = 0;
  }
}

}  // namespace diffvisor::insn
