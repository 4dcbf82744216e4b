// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/golden.h"

#include <algorithm>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/schema.h"

namespace diffvisor::vmx {
namespace {

constexpr std::uint64_t kPowerOnPat = 0x0007040600070406;
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// `wanted` as far as the capability allows, and whatever it demands.
std::uint64_t controls(std::uint64_t capability, std::uint64_t wanted) {
  return (wanted | (capability & 0xffffffff)) & capability >> 32;
}

void set_controls(std::uint64_t* v) {
  const bool timer = v[Probe] == kTimerZero;
  v[Pin] = controls(v[CapPinCtls], bit(pin::EXTINT) | bit(pin::NMI) | bit(pin::VNMI) | (timer ? bit(pin::PREEMPT) : 0));
  v[Proc] = controls(v[CapProcCtls], 0);
  v[Proc2] = v[CapProc2Ctls] & 0xffffffff;
  v[Exit] = controls(v[CapExitCtls], bit(exit_ctl::HOST64) | bit(exit_ctl::LDPAT) | bit(exit_ctl::LDEFER));
  v[Entry] = controls(v[CapEntryCtls], bit(entry_ctl::IA32E) | bit(entry_ctl::LDEFER));
  v[Vpid] = 1;
  v[ExceptionBitmap] = 0xffffffff;
  // Not looked at until a control or a count says so; then they are pages a case may use.
  v[VirtualApicAddr] = kScratch;
  v[EntryMsrLoadAddr] = kEntryMsrList;
  v[ExitMsrLoadAddr] = kExitMsrLoadList;
  v[ExitMsrStoreAddr] = kExitMsrStoreList;
}

void set_host(std::uint64_t* v) {
  v[HostCr0] = (0x80010033 | v[CapCr0Fixed0]) & v[CapCr0Fixed1];  // PE, MP, ET, NE, WP, PG
  v[HostCr3] = kHostCr3;
  v[HostCr4] = (0x2620 | v[CapCr4Fixed0]) & v[CapCr4Fixed1];  // PAE, OSFXSR, OSXMMEXCPT, VMXE
  v[HostIa32Efer] = 0xd01 & v[CapEferMask];
  v[HostIa32Pat] = kPowerOnPat;
  v[HostIa32SysenterCs] = 8;
  v[HostCsSelector] = 8;
  for (const Slot s : {HostSsSelector, HostDsSelector, HostEsSelector, HostFsSelector, HostGsSelector}) v[s] = 0x10;
  v[HostTrSelector] = 0x18;
  v[HostTrBase] = kHostTss;
  v[HostGdtrBase] = kHostGdt;
  v[HostIdtrBase] = kHostIdt;
  v[HostRsp] = kHostStackTop;
  v[HostRip] = kVmExitEntry;
}

void set_guest_registers(std::uint64_t* v) {
  v[GuestCr0] = v[HostCr0];
  v[GuestCr3] = kGuestCr3;
  v[GuestCr4] = v[HostCr4];
  v[GuestIa32Efer] = v[HostIa32Efer];
  v[GuestSysenterCs] = 8;
  v[GuestRflags] = 2;
  v[GuestRip] = kGuestCode;
  v[GuestRsp] = kGuestStackTop;
  v[VmcsLinkPointer] = ~std::uint64_t{0};
  v[GuestGdtrBase] = kGuestGdt;
  v[GuestGdtrLimit] = 0x7f;
  v[GuestIdtrBase] = kGuestIdt;
  v[GuestIdtrLimit] = 0xfff;
}

void set_segments(std::uint64_t* v) {
  v[GuestCsSelector] = 8;
  v[GuestCsAr] = 0xa09b;
  v[GuestCsLimit] = 0xffffffff;
  for (const Slot s : {GuestSsSelector, GuestDsSelector, GuestEsSelector, GuestFsSelector, GuestGsSelector})
    v[s] = 0x10;
  for (const Slot s : {GuestSsAr, GuestDsAr, GuestEsAr, GuestFsAr, GuestGsAr}) v[s] = 0xc093;
  for (const Slot s : {GuestSsLimit, GuestDsLimit, GuestEsLimit, GuestFsLimit, GuestGsLimit}) v[s] = 0xffffffff;
  v[GuestLdtrAr] = 0x82;
  v[GuestLdtrLimit] = 0xffff;
  v[GuestTrSelector] = 0x18;
  v[GuestTrAr] = 0x8b;
  v[GuestTrLimit] = 0x67;
  v[GuestTrBase] = kGuestTss;
}

void set_facts(std::uint64_t* v) {
  v[Cr3Pdpte] = kGoldenPml4Entry;
  for (unsigned i = 0; i < kEntryMsrFacts; ++i) v[EntryMsrIndex + i] = kFillerMsr;
}

}  // namespace

void golden(std::uint64_t* v) {
  std::fill(v + Pin, v + kSlots, 0);
  set_controls(v);
  set_host(v);
  set_guest_registers(v);
  set_segments(v);
  set_facts(v);
  settle_facts(v);
}

}  // namespace diffvisor::vmx
