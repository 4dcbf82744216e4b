// SPDX-License-Identifier: Apache-2.0
// The x86_insn domain's vocabulary as a schema, and what makes a case one that every executor can load.
#pragma once

#include <algorithm>
#include <cstdint>

#include "harness/arch/insn/fields.h"
#include "harness/arch/schema.h"
#include "harness/base/bits.h"

namespace diffvisor::insn {

inline constexpr unsigned kCodeArea = 0;  // index in Case::areas

const Schema& schema();

// State and memory of the baseline of v[ModeOf] and the profile: a NOP at kCode, flat segments, paging on where the
// mode has it, CPL 3 in virtual-8086 mode and 0 elsewhere.
void golden(std::uint64_t* v);

// Makes the state loadable by a VM entry (SDM 3C 27.3) while changing as little as it can: the bits that MODE stands
// for, reserved bits, segment attributes and limits that contradict each other, addresses that are not canonical.
// CPL is SS.DPL, 3 in virtual-8086 mode, 0 in real mode. Idempotent.
void settle(std::uint64_t* v);

// Bits that CR4 and EFER of this profile may have.
std::uint64_t cr4_mask(const std::uint64_t* v);
std::uint64_t efer_mask(const std::uint64_t* v);
constexpr bool has(const std::uint64_t* v, unsigned feature) { return v[CapFeatures] >> feature & 1; }
// Physical-address bits of the profile; at most 52 (SDM 3A 4.1.4), also of a profile that hostile bytes made.
constexpr std::uint64_t physical_mask(const std::uint64_t* v) {
  return ones(static_cast<unsigned>(std::min<std::uint64_t>(v[CapMaxphyaddr], 52)));
}

constexpr unsigned cpl_of(const std::uint64_t* v) {
  if (v[ModeOf] == kReal16) return 0;
  return v[ModeOf] == kVirtual8086 ? 3 : dpl_of(v[SsAttr]);
}

}  // namespace diffvisor::insn
