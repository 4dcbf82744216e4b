// SPDX-License-Identifier: Apache-2.0
// Random vmx_entry cases that no emulator dies of, for this folder's tests and benchmark.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/arch/vmx/schema.h"
#include "harness/base/rng.h"
#include "harness/case/case.h"

namespace diffvisor::bochs {

// Where a change can lose the agent or hang the guest by architecture.
inline bool is_hazard(const Field& f) {
  switch (f.slot) {
    case vmx::HostCr3:
    case vmx::HostRip:  // the way home
    case vmx::ExitMsrLoadCount:
    case vmx::ExitMsrLoadAddr:  // a bad list is a VMX abort
    case vmx::ExitMsrStoreCount:
    case vmx::ExitMsrStoreAddr:
    case vmx::ActivityState:
    case vmx::PreemptionTimer:
    case vmx::Pin:  // a guest that sleeps for ever
      return true;
    default:
      return f.role != Role::State;
  }
}

inline std::uint64_t width_mask(const Field& f) { return ~std::uint64_t{0} >> (64 - f.width); }

// `golden` with `flips` random bits changed.
inline Case flipped(Rng& rng, const Case& golden, unsigned flips) {
  Case c = golden;
  while (flips > 0) {
    const Field& f = rng.pick(c.schema->fields);
    if (is_hazard(f)) continue;
    c[f.slot] ^= std::uint64_t{1} << rng.below(f.width);
    --flips;
  }
  vmx::settle_facts(c.v.data());
  return c;
}

}  // namespace diffvisor::bochs
