// SPDX-License-Identifier: Apache-2.0
// The state of a case as Unicorn's context, and back as a record.
#pragma once

#include <cstdint>

#include "oracles/unicorn/context.h"
#include "oracles/unicorn/guest_ram.h"
#include "oracles/unicorn/opcode.h"

namespace diffvisor::unicorn {

// Overwrites everything a case or an instruction can change; the rest of `to` stays.
void load_state(const std::uint64_t* v, Context& to);

// The features and vendor of the profile; `to` reaches to at::kFeaturesEnd.
void load_features(const std::uint64_t* v, Context& to);

// kStateWords words of `record`, in the order of the fields. `v` is the state before.
void read_state(const Context& from, const std::uint64_t* v, std::uint64_t* record);

inline bool is_code64(const Context& c) { return c.get<std::uint32_t>(at::kHflags) >> hflag::CS64 & 1; }
inline CodeSize code_size(const Context& c) {
  if (is_code64(c)) return CodeSize::k64;
  return c.get<std::uint32_t>(at::kHflags) >> hflag::CS32 & 1 ? CodeSize::k32 : CodeSize::k16;
}
inline std::uint64_t cs_base(const Context& c) { return c.get<SegmentCache>(at::kSegs + sizeof(SegmentCache)).base; }
inline Paging paging_of(const Context& c) {
  return {c.get<std::uint64_t>(at::kCr), c.get<std::uint64_t>(at::kCr + 24), c.get<std::uint64_t>(at::kCr + 32),
          c.get<std::uint64_t>(at::kEfer)};
}
// Where the next instruction is fetched from.
inline std::uint64_t linear_pc(const Context& c) {
  const std::uint64_t pc = cs_base(c) + c.get<std::uint64_t>(at::kEip);
  return is_code64(c) ? pc : pc & 0xffffffff;
}

}  // namespace diffvisor::unicorn
