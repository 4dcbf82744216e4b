// SPDX-License-Identifier: Apache-2.0
// The predicates that KVM's nested checks are built from and the manual's are not (arch/x86/kvm/svm/nested.c, x86.c).
#pragma once

#include "models/svm/terms.h"

namespace diffvisor::svm::kvm {

using namespace arch;

// The last page frame that has memory.
inline constexpr std::uint64_t kLastPage = (agent::kRamEnd >> 12) - 1;

// EFER.LMA as the VMCB has it decides, not LME; KVM has by then cleared it where paging is off.
constexpr Expr loads_pdptes() {
  return clear(NestedCtl, nested_ctl::NP) && paging() && bit(Cr4, cr4::PAE) && clear(Efer, efer::LMA);
}

}  // namespace diffvisor::svm::kvm
