// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/set_msr.h"

#include "harness/arch/vmx/fields.h"
#include "harness/base/bits.h"
#include "harness/rules/leaf.h"

namespace diffvisor::vmx {
namespace {

constexpr std::uint64_t kEferKnown = 0xd01;       // SCE, LME, LMA, NXE
constexpr std::uint64_t kDebugctlKnown = 0x8804;  // bus lock, freeze LBR, RTM: each only where enumerated
constexpr std::uint64_t kDebugctlDropped = 3;     // LBR, BTF: accepted with a warning, never loaded

MsrVerdict refuses_unless(bool legal) { return legal ? MsrVerdict::Accepts : MsrVerdict::Refuses; }

// The width follows L2's CR4.LA57: guest control registers are loaded before the list.
MsrVerdict canonical(const std::uint64_t* v, std::uint64_t value) {
  const bool wide = v[GuestCr4] >> cr4::LA57 & 1;
  return refuses_unless(is_canonical(value, wide ? 57 : 48));
}

MsrVerdict set_efer(const std::uint64_t* v, std::uint64_t value) {
  const bool paging = v[GuestCr0] >> cr0::PG & 1;
  const bool switches = (value >> efer::LME ^ v[Entry] >> entry_ctl::IA32E) & 1;
  return refuses_unless((value & ~(kEferKnown & v[CapEferMask])) == 0 && !(paging && switches));
}

// Bits that KVM does not know are refused; if the profile offers them to L1, KVM could not have made that profile.
MsrVerdict set_debugctl(const std::uint64_t* v, std::uint64_t value) {
  const std::uint64_t foreign = value & ~(kDebugctlDropped | (kDebugctlKnown & v[CapDebugctlMask]));
  if (foreign == 0) return MsrVerdict::Accepts;
  return (foreign & ~v[CapDebugctlMask]) == 0 ? MsrVerdict::Unknown : MsrVerdict::Refuses;
}

MsrVerdict set_perf_global_ctrl(const std::uint64_t* v, std::uint64_t value) {
  const std::uint64_t counters = v[CapPerfGlobalCtrlMask];
  return refuses_unless(counters != 0 && (value & ~counters) == 0);
}

}  // namespace

MsrVerdict kvm_set_msr(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  switch (index) {
    case 0x10:   // IA32_TIME_STAMP_COUNTER
    case 0x174:  // IA32_SYSENTER_CS
    case 0x175:  // IA32_SYSENTER_ESP, EIP: made canonical, never refused
    case 0x176:
    case 0xc0000081:  // IA32_STAR
      return MsrVerdict::Accepts;
    case 0x277:
      return refuses_unless(rules::pat_is_legal(value));
    case 0x1d9:
      return set_debugctl(v, value);
    case 0x38f:
      return set_perf_global_ctrl(v, value);
    case 0xc0000080:
      return set_efer(v, value);
    case 0xc0000082:  // IA32_LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE
    case 0xc0000083:
    case 0xc0000100:
    case 0xc0000101:
    case 0xc0000102:
      return canonical(v, value);
    case 0xc0000084:  // IA32_FMASK: the high half is tested only while the register is loaded in hardware
      return value >> 32 == 0 ? MsrVerdict::Accepts : MsrVerdict::Unknown;
    case 0xc0000103:  // IA32_TSC_AUX needs RDTSCP or RDPID in L1's CPUID
      return value >> 32 == 0 ? MsrVerdict::Unknown : MsrVerdict::Refuses;
    case 0x0:  // no machine-check address registers
    case 0x1:
    case 0x3a:  // IA32_FEATURE_CONTROL: L1 has locked it
    case 0xfe:  // read-only: MTRRCAP, MCG_CAP, ARCH_CAPABILITIES
    case 0x10a:
    case 0x179:
      return MsrVerdict::Refuses;
    default:
      break;
  }
  // Registers that 6.1 does not know are refused; with a profile that enumerates them nobody can say.
  const bool cet = index >= 0x6a0 && index <= 0x6a8, pks = index == 0x6e1;
  if (cet) return v[CapFeatures] >> feature::CET & 1 ? MsrVerdict::Unknown : MsrVerdict::Refuses;
  if (pks) return v[CapCr4Fixed1] >> cr4::PKS & 1 ? MsrVerdict::Unknown : MsrVerdict::Refuses;
  const bool vmx_capability = index >= 0x480 && index <= 0x493;
  const bool apic = index >> 8 == 8;
  return vmx_capability || apic ? MsrVerdict::Refuses : MsrVerdict::Unknown;
}

}  // namespace diffvisor::vmx
