// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/golden.h"

#include <algorithm>

#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/schema.h"

namespace diffvisor::svm {
namespace {

using namespace agent;

constexpr std::uint64_t kPowerOnPat = 0x0007040600070406;
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

void set_controls(std::uint64_t* v) {
  const bool interrupt = v[Probe] == kVirtualInterrupt;
  v[VmcbAddress] = kVmcb;
  v[InterceptExc] = 0xffffffff;
  v[InterceptMisc1] = bit(misc1::INTR) | bit(misc1::NMI) | bit(misc1::SMI) | bit(misc1::INIT) | bit(misc1::VINTR) |
                      bit(misc1::CPUID) | bit(misc1::INVD) | bit(misc1::HLT) | bit(misc1::INVLPG) |
                      bit(misc1::INVLPGA) | bit(misc1::IOIO_PROT) | bit(misc1::MSR_PROT) | bit(misc1::TASK_SWITCH) |
                      bit(misc1::SHUTDOWN);
  v[InterceptMisc2] = 0x3fff;  // every instruction that can be intercepted here
  v[Asid] = 1;
  v[MsrpmBase] = kMsrpm;
  v[IopmBase] = kIopm;
  v[NestedCtl] = v[CapSvmFeatures] >> svm_feature::NP & 1;
  v[Ncr3] = kGoldenNcr3;
  v[IntCtl] = interrupt ? bit(int_ctl::V_IRQ) | 0xf0000 : 0;  // priority 15
  v[IntVector] = interrupt ? 0x20 : 0;
}

void set_guest_registers(std::uint64_t* v) {
  v[Cr0] = 0x80010033;  // PE, MP, ET, NE, WP, PG
  v[Cr3] = kGuestCr3;
  v[Cr4] = 0x620 & v[CapCr4Mask];     // PAE, OSFXSR, OSXMMEXCPT
  v[Efer] = 0x1d01 & v[CapEferMask];  // SCE, LME, LMA, NXE, SVME
  v[Dr6] = 0xffff0ff0;
  v[Dr7] = 0x400;
  v[GPat] = kPowerOnPat;
  v[Rflags] = v[Probe] == kVirtualInterrupt ? 0x202 : 2;
  v[Rip] = kGuestCode;
  v[Rsp] = kGuestStackTop;
  v[SysenterCs] = 8;
}

void set_segments(std::uint64_t* v) {
  v[CsSelector] = 8;
  v[CsAttr] = 0xa9b;
  for (const Slot s : {SsSelector, DsSelector, EsSelector, FsSelector, GsSelector}) v[s] = 0x10;
  for (const Slot s : {SsAttr, DsAttr, EsAttr, FsAttr, GsAttr}) v[s] = 0xc93;
  for (const Slot s : {CsLimit, SsLimit, DsLimit, EsLimit, FsLimit, GsLimit}) v[s] = 0xffffffff;
  v[GdtrBase] = kGuestGdt;
  v[GdtrLimit] = 0x7f;
  v[IdtrBase] = kGuestIdt;
  v[IdtrLimit] = 0xfff;
  v[LdtrAttr] = 0x82;
  v[LdtrLimit] = 0xffff;
  v[TrSelector] = 0x18;
  v[TrAttr] = 0x8b;
  v[TrLimit] = 0x67;
  v[TrBase] = kGuestTss;
}

// The golden tables are those of long mode; nested paging confines the guest without them.
void leave_long_mode(std::uint64_t* v) {
  v[Cr0] &= ~bit(cr0::PG);
  v[CsAttr] = 0xc9b;
}

}  // namespace

void golden(std::uint64_t* v) {
  std::fill(v + VmcbAddress, v + kSlots, 0);
  set_controls(v);
  set_guest_registers(v);
  set_segments(v);
  if ((v[CapFeatures] >> feature::LONG_MODE & 1) == 0) leave_long_mode(v);
  v[Cr3Pdpte] = kGoldenPml4Entry;
}

}  // namespace diffvisor::svm
