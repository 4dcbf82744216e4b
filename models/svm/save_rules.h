// SPDX-License-Identifier: Apache-2.0
// APM 2 15.5.1, 15.25: consistency of the save area. Failure: VMEXIT_INVALID.
#pragma once

#include <array>

#include "models/svm/terms.h"

namespace diffvisor::svm::arch {

// Loaded only without nested paging; an entry that is not present is not looked at.
constexpr Rule pdpte(unsigned i) {
  const Slot s = static_cast<Slot>(Cr3Pdpte + i);
  return {"svm.save.pdpte",
          "15.5.1 / 15.25",
          Kind::Check,
          kPdptePhase,
          static_cast<std::uint8_t>(i + 1),
          kInvalid,
          no_nested_paging() && pae_paging() && bit(s, 0),
          zero(s, 2, 1) && zero(s, 8, 5) && legal_address(s)};
}

// clang-format off
inline constexpr auto kSaveRules = std::to_array<Rule>({
  check("svm.save.efer.svme",     "15.5.1",  always(),                           bit(Efer, efer::SVME)),
  check("svm.save.cr0.cdnw",      "15.5.1",  always(),                           bit(Cr0, cr0::CD) || clear(Cr0, cr0::NW)),
  check("svm.save.cr0.hi",        "15.5.1",  always(),                           zero(Cr0, 63, 32)),
  check("svm.save.cr3.long",      "15.5.1",  long_mode(),                        legal_address(Cr3)),
  check("svm.save.cr3.allmodes",  "15.5.1",  not_long_mode(),                    legal_address(Cr3)),
  check("svm.save.cr4.mbz",       "15.5.1",  always(),                           subset(all(Cr4), all(CapCr4Mask))),
  check("svm.save.dr6",           "15.5.1",  always(),                           zero(Dr6, 63, 32)),
  check("svm.save.dr7",           "15.5.1",  always(),                           zero(Dr7, 63, 32)),
  check("svm.save.efer.mbz",      "15.5.1",  always(),                           subset(all(Efer), all(CapEferMask))),
  check("svm.save.efer.lm_cap",   "15.5.1",  clear(CapFeatures, feature::LONG_MODE), clear(Efer, efer::LME) && clear(Efer, efer::LMA)),
  check("svm.save.long.pae",      "15.5.1",  long_mode(),                        bit(Cr4, cr4::PAE)),
  check("svm.save.long.pe",       "15.5.1",  long_mode(),                        bit(Cr0, cr0::PE)),
  check("svm.save.long.cs_ld",    "15.5.1",  long_mode() && bit(Cr4, cr4::PAE),  clear(CsAttr, attr::L) || clear(CsAttr, attr::DB)),
  check("svm.save.scet",          "15.5.1",  shadow_stacks(),                    zero(SCet, 63, 2)),
  check("svm.save.cet_wp",        "15.5.1",  bit(Cr4, cr4::CET),                 bit(Cr0, cr0::WP)),
  check("svm.save.cet_vm",        "15.5.1",  bit(Cr4, cr4::CET) && bit(UCet, cet::SH_STK_EN), clear(Rflags, rflags::VM)),
  check("svm.save.gpat",          "15.25.4", nested_paging(),                    pat(GPat)),
});
inline constexpr auto kPdpteRules = std::to_array<Rule>({pdpte(0), pdpte(1), pdpte(2), pdpte(3)});
// clang-format on

}  // namespace diffvisor::svm::arch
