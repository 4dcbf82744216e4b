// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.2.2 to 29.2.4: checks on the host-state area. The agent always runs in IA-32e mode. Failure:
// VMfailValid(8).
#pragma once

#include <array>

#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr std::string_view kHostRegisters = "29.2.2", kHostSegments = "29.2.3", kAddressSpace = "29.2.4";

// CR0.NW and CR0.CD are never checked, whatever the fixed-bit MSRs say.
inline constexpr std::uint64_t kCacheBits = std::uint64_t{1} << cr0::NW | std::uint64_t{1} << cr0::CD;

constexpr Expr host_loads_cet() { return bit(Exit, exit_ctl::LDCET); }
// LAM's bits 62:61 are part of CR3 where LAM is enumerated.
constexpr Expr lam_bits(Slot cr3) { return clear(cr3, 63) && (zero(cr3, 62, 61) || feature_bit(feature::LAM)); }

// clang-format off
inline constexpr auto kHostRules = std::to_array<Rule>({
  host("vmx.host.cr0.must1",        kHostRegisters, always(),                      covers(all(HostCr0), all(CapCr0Fixed0), kCacheBits)),
  host("vmx.host.cr0.may1",         kHostRegisters, always(),                      subset(all(HostCr0), all(CapCr0Fixed1), kCacheBits)),
  host("vmx.host.cr4.must1",        kHostRegisters, always(),                      covers(all(HostCr4), all(CapCr4Fixed0))),
  host("vmx.host.cr4.may1",         kHostRegisters, always(),                      subset(all(HostCr4), all(CapCr4Fixed1))),
  host("vmx.host.cr4_cet_wp",       kHostRegisters, bit(HostCr4, cr4::CET),        bit(HostCr0, cr0::WP)),
  host("vmx.host.cr3",              kHostRegisters, always(),                      fits(bits(HostCr3, 60, 0), CapMaxphyaddr) && lam_bits(HostCr3)),
  host("vmx.host.sysenter_esp",     kHostRegisters, always(),                      linear(HostIa32SysenterEsp)),
  host("vmx.host.sysenter_eip",     kHostRegisters, always(),                      linear(HostIa32SysenterEip)),
  host("vmx.host.pgc",              kHostRegisters, bit(Exit, exit_ctl::LDPGC),    subset(all(HostIa32PerfGlobalCtrl), all(CapPerfGlobalCtrlMask))),
  host("vmx.host.pat",              kHostRegisters, bit(Exit, exit_ctl::LDPAT),    pat(HostIa32Pat)),
  host("vmx.host.efer.rsvd",        kHostRegisters, bit(Exit, exit_ctl::LDEFER),   subset(all(HostIa32Efer), all(CapEferMask))),
  host("vmx.host.efer.lma",         kHostRegisters, bit(Exit, exit_ctl::LDEFER),   same(bits(HostIa32Efer, efer::LMA, efer::LMA), bits(Exit, exit_ctl::HOST64, exit_ctl::HOST64))),
  host("vmx.host.efer.lme",         kHostRegisters, bit(Exit, exit_ctl::LDEFER),   same(bits(HostIa32Efer, efer::LME, efer::LME), bits(Exit, exit_ctl::HOST64, exit_ctl::HOST64))),
  host("vmx.host.scet.rsvd",        kHostRegisters, host_loads_cet(),              zero(HostIa32SCet, 9, 6)),
  host("vmx.host.scet.suptrk",      kHostRegisters, host_loads_cet(),              !eq(bits(HostIa32SCet, 11, 10), 3)),
  host("vmx.host.ssp.align",        kHostRegisters, host_loads_cet(),              zero(HostSsp, 1, 0)),
  host("vmx.host.isst",             kHostRegisters, host_loads_cet(),              linear(HostIntrSspTableAddr)),
  host("vmx.host.pkrs",             kHostRegisters, bit(Exit, exit_ctl::LDPKRS),   zero(HostIa32Pkrs, 63, 32)),
  host("vmx.host.sel.es.rplti",     kHostSegments,  always(),                      zero(HostEsSelector, 2, 0)),
  host("vmx.host.sel.cs.rplti",     kHostSegments,  always(),                      zero(HostCsSelector, 2, 0)),
  host("vmx.host.sel.ss.rplti",     kHostSegments,  always(),                      zero(HostSsSelector, 2, 0)),
  host("vmx.host.sel.ds.rplti",     kHostSegments,  always(),                      zero(HostDsSelector, 2, 0)),
  host("vmx.host.sel.fs.rplti",     kHostSegments,  always(),                      zero(HostFsSelector, 2, 0)),
  host("vmx.host.sel.gs.rplti",     kHostSegments,  always(),                      zero(HostGsSelector, 2, 0)),
  host("vmx.host.sel.tr.rplti",     kHostSegments,  always(),                      zero(HostTrSelector, 2, 0)),
  host("vmx.host.sel.cs.null",      kHostSegments,  always(),                      nonzero(all(HostCsSelector))),
  host("vmx.host.sel.tr.null",      kHostSegments,  always(),                      nonzero(all(HostTrSelector))),
  host("vmx.host.sel.ss.null",      kHostSegments,  host32(),                      nonzero(all(HostSsSelector))),
  host("vmx.host.base.fs",          kHostSegments,  always(),                      linear(HostFsBase)),
  host("vmx.host.base.gs",          kHostSegments,  always(),                      linear(HostGsBase)),
  host("vmx.host.base.tr",          kHostSegments,  always(),                      linear(HostTrBase)),
  host("vmx.host.base.gdtr",        kHostSegments,  always(),                      linear(HostGdtrBase)),
  host("vmx.host.base.idtr",        kHostSegments,  always(),                      linear(HostIdtrBase)),
  host("vmx.host.as.lma_host64",    kAddressSpace,  always(),                      host64()),
  host("vmx.host.as.h32_guest64",   kAddressSpace,  host32(),                      not_ia32e()),
  host("vmx.host.as.h32_pcide",     kAddressSpace,  host32(),                      clear(HostCr4, cr4::PCIDE)),
  host("vmx.host.as.h32_rip",       kAddressSpace,  host32(),                      zero(HostRip, 63, 32)),
  host("vmx.host.as.h64_pae",       kAddressSpace,  host64(),                      bit(HostCr4, cr4::PAE)),
  host("vmx.host.as.h64_rip",       kAddressSpace,  host64(),                      linear(HostRip)),
  host("vmx.host.as.h32_scet",      kAddressSpace,  host_loads_cet() && host32(),  zero(HostIa32SCet, 63, 32) && zero(HostSsp, 63, 32)),
  host("vmx.host.as.h64_scet",      kAddressSpace,  host_loads_cet() && host64(),  linear(HostIa32SCet) && linear(HostSsp)),
  host("vmx.host.nohost64.fred",    kAddressSpace,  host32(),                      clear(HostCr4, cr4::FRED)),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
