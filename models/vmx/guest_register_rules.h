// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.3.1.1: checks on guest control registers, debug registers and MSRs. Failure: exit 33, qualification 0.
#pragma once

#include <array>

#include "models/vmx/conditions.h"
#include "models/vmx/host_rules.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr std::string_view kGuestRegisters = "29.3.1.1";

inline constexpr std::uint64_t kProtectionBits = std::uint64_t{1} << cr0::PE | std::uint64_t{1} << cr0::PG;

constexpr Expr loads(unsigned entry_control) { return bit(Entry, entry_control); }
constexpr Expr lme_equals_lma() {
  return same(bits(GuestIa32Efer, efer::LME, efer::LME), bits(GuestIa32Efer, efer::LMA, efer::LMA));
}

// clang-format off
inline constexpr auto kGuestRegisterRules = std::to_array<Rule>({
  guest("vmx.guest.cr0.must1",      kGuestRegisters, always(),                    covers(all(GuestCr0), all(CapCr0Fixed0), kCacheBits | kProtectionBits) &&
                                                                                  (covers(all(GuestCr0), all(CapCr0Fixed0), ~kProtectionBits) || unrestricted())),
  guest("vmx.guest.cr0.may1",       kGuestRegisters, always(),                    subset(all(GuestCr0), all(CapCr0Fixed1), kCacheBits)),
  guest("vmx.guest.cr0.pg_pe",      kGuestRegisters, paging(),                    bit(GuestCr0, cr0::PE)),
  guest("vmx.guest.cr4.must1",      kGuestRegisters, always(),                    covers(all(GuestCr4), all(CapCr4Fixed0))),
  guest("vmx.guest.cr4.may1",       kGuestRegisters, always(),                    subset(all(GuestCr4), all(CapCr4Fixed1))),
  guest("vmx.guest.cr4_cet_wp",     kGuestRegisters, bit(GuestCr4, cr4::CET),     bit(GuestCr0, cr0::WP)),
  guest("vmx.guest.debugctl",       kGuestRegisters, loads(entry_ctl::LDDBG),     subset(all(GuestIa32Debugctl), all(CapDebugctlMask))),
  guest("vmx.guest.ia32e.pg",       kGuestRegisters, ia32e(),                     paging()),
  guest("vmx.guest.ia32e.pae",      kGuestRegisters, ia32e(),                     bit(GuestCr4, cr4::PAE)),
  guest("vmx.guest.noia32e.pcide",  kGuestRegisters, not_ia32e(),                 clear(GuestCr4, cr4::PCIDE)),
  guest("vmx.guest.noia32e.fred",   kGuestRegisters, not_ia32e(),                 clear(GuestCr4, cr4::FRED)),
  // Without EPT the guest's physical addresses are the processor's, and TME's key bits are not part of them.
  guest("vmx.guest.cr3",            kGuestRegisters, always(),                    (fits(bits(GuestCr3, 60, 0), CapMaxphyaddr) ||
                                                                                   (condition(kCr3WithKeys, all(GuestCr3), all(CapTmeKeyidBits)) && ept())) && lam_bits(GuestCr3)),
  guest("vmx.guest.dr7",            kGuestRegisters, loads(entry_ctl::LDDBG),     zero(GuestDr7, 63, 32)),
  guest("vmx.guest.sysenter_esp",   kGuestRegisters, always(),                    linear(GuestSysenterEsp)),
  guest("vmx.guest.sysenter_eip",   kGuestRegisters, always(),                    linear(GuestSysenterEip)),
  guest("vmx.guest.scet.canon",     kGuestRegisters, loads(entry_ctl::LDCET),     linear(GuestSCet)),
  guest("vmx.guest.isst",           kGuestRegisters, loads(entry_ctl::LDCET),     linear(GuestIntrSspTableAddr)),
  guest("vmx.guest.pgc",            kGuestRegisters, loads(entry_ctl::LDPGC),     subset(all(GuestIa32PerfGlobalCtrl), all(CapPerfGlobalCtrlMask))),
  guest("vmx.guest.pat",            kGuestRegisters, loads(entry_ctl::LDPAT),     pat(GuestIa32Pat)),
  guest("vmx.guest.efer.rsvd",      kGuestRegisters, loads(entry_ctl::LDEFER),    subset(all(GuestIa32Efer), all(CapEferMask))),
  guest("vmx.guest.efer.lma",       kGuestRegisters, loads(entry_ctl::LDEFER),    same(bits(GuestIa32Efer, efer::LMA, efer::LMA), bits(Entry, entry_ctl::IA32E, entry_ctl::IA32E))),
  guest("vmx.guest.efer.lme",       kGuestRegisters, loads(entry_ctl::LDEFER) && paging(), lme_equals_lma()),
  guest("vmx.guest.bndcfgs.rsvd",   kGuestRegisters, loads(entry_ctl::LDBND),     zero(GuestBndcfgs, 11, 2)),
  guest("vmx.guest.bndcfgs.canon",  kGuestRegisters, loads(entry_ctl::LDBND),     linear(GuestBndcfgs)),
  guest("vmx.guest.rtit",           kGuestRegisters, loads(entry_ctl::LDRTIT),    subset(all(GuestIa32RtitCtl), all(CapRtitCtlMask))),
  guest("vmx.guest.scet.rsvd",      kGuestRegisters, loads(entry_ctl::LDCET),     zero(GuestSCet, 9, 6)),
  guest("vmx.guest.scet.suptrk",    kGuestRegisters, loads(entry_ctl::LDCET),     !eq(bits(GuestSCet, 11, 10), 3)),
  guest("vmx.guest.lbrctl",         kGuestRegisters, loads(entry_ctl::LDLBR),     subset(all(GuestIa32LbrCtl), all(CapLbrCtlMask))),
  guest("vmx.guest.pkrs",           kGuestRegisters, loads(entry_ctl::LDPKRS),    zero(GuestIa32Pkrs, 63, 32)),
  guest("vmx.guest.uinv",           kGuestRegisters, loads(entry_ctl::LDUINV),    zero(GuestUinv, 15, 8)),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
