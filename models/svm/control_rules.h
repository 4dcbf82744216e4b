// SPDX-License-Identifier: Apache-2.0
// APM 2 15.5.1, 15.20: consistency of the control area and of the event to be injected. Failure: VMEXIT_INVALID.
#pragma once

#include <array>

#include "models/svm/terms.h"

namespace diffvisor::svm::arch {

enum Vector : unsigned { kNmiVector = 2, kBoundVector = 5, kLastException = 31 };

constexpr Expr avic() { return bit(IntCtl, int_ctl::AVIC_ENABLE) && svm_has(svm_feature::AVIC); }

// clang-format off
inline constexpr auto kControlRules = std::to_array<Rule>({
  check("svm.ctl.vmrun_icpt", "15.5.1",         always(),        bit(InterceptMisc2, misc2::VMRUN)),
  check("svm.ctl.asid",       "15.16.1",        always(),        nonzero(all(Asid))),
  check("svm.ctl.msrpm",      "15.5.1 / 15.11", always(),        legal_table(MsrpmBase, kLegalMsrpm)),
  check("svm.ctl.iopm",       "15.5.1 / 15.10", always(),        legal_table(IopmBase, kLegalIopm)),
  check("svm.ctl.ncr3",       "15.25.3",        nested_paging(), legal_address(Ncr3)),
  check("svm.ctl.avic_np",    "15.29",          avic(),          nested_paging() && legal_address(AvicBackingPage) && legal_address(AvicLogicalTable) && legal_address(AvicPhysicalTable)),
  check("svm.ctl.vnmi",       "15.21.10",       bit(IntCtl, int_ctl::V_NMI_ENABLE) && svm_has(svm_feature::VNMI), bit(InterceptMisc1, misc1::NMI)),
});
inline constexpr auto kInjectionRules = std::to_array<Rule>({
  check("svm.inj.type",       "15.20", injecting(),                                 in(event_type(), {eventinj::kInterrupt, eventinj::kNmi, eventinj::kException, eventinj::kSoftwareInterrupt})),
  check("svm.inj.exc_nmi",    "15.20", injecting(eventinj::kException),             !eq(event_vector(), kNmiVector)),
  check("svm.inj.exc_vec",    "15.20", injecting(eventinj::kException),             le(event_vector(), kLastException)),
  // BOUND does not exist in 64-bit mode: the manual's own example of an impossible event.
  check("svm.inj.exc_mode",   "15.20", injecting(eventinj::kException) && long_mode() && bit(CsAttr, attr::L), !eq(event_vector(), kBoundVector)),
});
// clang-format on

}  // namespace diffvisor::svm::arch
