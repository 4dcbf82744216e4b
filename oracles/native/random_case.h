// SPDX-License-Identifier: Apache-2.0
// User-mode cases for tests and measurements: any opcode, registers that mostly point into the case's memory.
#pragma once

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::native {

inline Case user_case(unsigned mode, std::initializer_list<unsigned> code) {
  using namespace insn;
  Case c = golden_case(schema());
  c[ModeOf] = mode;
  reset_to_golden(c);
  std::uint64_t* v = c.v.data();
  v[CsSelector] = (mode == kLong64 ? kSelUserCode64 : kSelUserCode32) | 3u;
  v[SsAttr] |= 0x60;
  for (const unsigned s : {kSs, kDs, kEs, kFs, kGs}) {
    v[selector_of(s)] = kSelUserData | 3u;
    v[attr_of(s)] |= 0x60;
  }
  for (const unsigned byte : code) c.areas[kCodeArea].push_back(static_cast<std::byte>(byte));
  settle(v);
  return c;
}

// Prefixes, then an opcode of any map, then anything.
inline void random_code(Rng& rng, std::vector<std::byte>& code) {
  constexpr unsigned kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x48, 0x41, 0x2e};
  const auto push = [&code](std::uint64_t byte) { code.push_back(static_cast<std::byte>(byte & 0xff)); };
  code.clear();
  while (rng.one_in(3) && code.size() < 3) push(kPrefixes[rng.below(8)]);
  if (!rng.one_in(3)) push(0x0f);
  if (rng.one_in(8)) push(rng.one_in(2) ? 0x38 : 0x3a);
  while (code.size() < 16) push(rng.next());
}

inline Case random_case(std::uint64_t seed) {
  using namespace insn;
  Rng rng(seed);
  Case c = user_case(rng.one_in(2) ? kLong64 : kCompatibility32, {});
  std::uint64_t* v = c.v.data();
  random_code(rng, c.areas[kCodeArea]);
  for (unsigned r = Rax; r <= R15; ++r) v[r] = rng.one_in(8) ? rng.next() : kCode + rng.below(window(kWindows));
  for (unsigned s = Mm; s <= XmmLast; ++s) v[s] = rng.next();
  v[Rcx] = rng.below(100);
  v[Rflags] = rng.next() & (rflags::kStatus | 1u << rflags::DF | 1u << rflags::IF);
  if (rng.one_in(20)) v[Rflags] |= 1u << rflags::TF;
  v[RepOne] = rng.one_in(10);
  v[Rip] = v[CodeAddress] = kCode + rng.below(0x8000);
  settle(v);
  return c;
}

}  // namespace diffvisor::native
