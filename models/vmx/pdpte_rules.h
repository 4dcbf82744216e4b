// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.3.1.6: page-directory-pointer-table entries of a guest that uses PAE paging. Failure: exit 33,
// qualification 2.
#pragma once

#include <array>

#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr unsigned kPdpteQualification = 2;

constexpr Expr pdpte_is_legal(Slot s) { return zero(s, 2, 1) && zero(s, 8, 5) && width(s); }
constexpr Rule pdpte(std::string_view id, const Expr& when, Slot s) {
  return guest(id, "29.3.1.6", when && bit(s, 0), pdpte_is_legal(s), kPdpteQualification);
}
constexpr Expr loads_from_memory() { return pae_paging() && !ept(); }
constexpr Expr loads_from_vmcs() { return pae_paging() && ept(); }

// clang-format off
inline constexpr auto kPdpteRules = std::to_array<Rule>({
  pdpte("vmx.pdpte.cr3.0",  loads_from_memory(), Cr3Pdpte),
  pdpte("vmx.pdpte.cr3.1",  loads_from_memory(), Cr3Pdpte + 1),
  pdpte("vmx.pdpte.cr3.2",  loads_from_memory(), Cr3Pdpte + 2),
  pdpte("vmx.pdpte.cr3.3",  loads_from_memory(), Cr3Pdpte + 3),
  pdpte("vmx.pdpte.vmcs.0", loads_from_vmcs(),   GuestPdpte0),
  pdpte("vmx.pdpte.vmcs.1", loads_from_vmcs(),   GuestPdpte1),
  pdpte("vmx.pdpte.vmcs.2", loads_from_vmcs(),   GuestPdpte2),
  pdpte("vmx.pdpte.vmcs.3", loads_from_vmcs(),   GuestPdpte3),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
