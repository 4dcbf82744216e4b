// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/profiles.h"

#include <array>
#include <cstdint>

#include "harness/arch/vmx/fields.h"
#include "harness/base/bits.h"

namespace diffvisor::vmx {
namespace {

// One value for each Capability field, in the order of fields.def.
struct Machine {
  std::uint64_t basic, pin, proc, proc2, proc3, exit, exit2, entry, misc;
  std::uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1, ept_vpid, vmfunc;
  std::uint64_t maxphyaddr;  // without the TME key bits: what 29.2 compares addresses with
  std::uint64_t linear_width, efer, debugctl, perf_global_ctrl, rtit_ctl, lbr_ctl, spec_ctrl, features, tme_keyid_bits;
};

constexpr std::size_t kCapabilities = CapTmeKeyidBits + 1;

constexpr std::array<Capability, kCapabilities> list_of(const Machine& m) {
  return {{{CapVmxBasic, m.basic},
           {CapPinCtls, m.pin},
           {CapProcCtls, m.proc},
           {CapProc2Ctls, m.proc2},
           {CapProc3Ctls, m.proc3},
           {CapExitCtls, m.exit},
           {CapExit2Ctls, m.exit2},
           {CapEntryCtls, m.entry},
           {CapVmxMisc, m.misc},
           {CapCr0Fixed0, m.cr0_fixed0},
           {CapCr0Fixed1, m.cr0_fixed1},
           {CapCr4Fixed0, m.cr4_fixed0},
           {CapCr4Fixed1, m.cr4_fixed1},
           {CapEptVpidCap, m.ept_vpid},
           {CapVmfuncCtls, m.vmfunc},
           {CapMaxphyaddr, m.maxphyaddr},
           {CapLinearWidth, m.linear_width},
           {CapEferMask, m.efer},
           {CapDebugctlMask, m.debugctl},
           {CapPerfGlobalCtrlMask, m.perf_global_ctrl},
           {CapRtitCtlMask, m.rtit_ctl},
           {CapLbrCtlMask, m.lbr_ctl},
           {CapSpecCtrlMask, m.spec_ctrl},
           {CapFeatures, m.features},
           {CapTmeKeyidBits, m.tme_keyid_bits}}};
}

// Bochs 2.7: the VMX MSRs are those the emulated model reports. It has no MSR that enumerates the masks below VMFUNC,
// so they are the real processor's:
// - EFER: SCE, LME, LMA, NXE.
// - DEBUGCTL: LBR, BTF, TR, BTS, BTINT, BTS_OFF_*, FREEZE_*, UNCORE_PMI, FREEZE_WHILE_SMM; no bus-lock trap and no RTM
//   because the model's CPUID.7 has neither.
// - PERF_GLOBAL_CTRL: 8 general and 4 fixed counters and PERF_METRICS (Ice Lake and later), 4 and 3 (Skylake with
//   hyper-threading).
// - SPEC_CTRL: IBRS, STIBP, SSBD where CPUID.7.EDX says so.
// - RTIT and LBR: the controls that load them are not offered.
constexpr std::uint64_t kDebugctl = 0x7fc3;

constexpr Machine kTigerlake = {
    .basic = 0x01d8100000000004,
    .pin = 0x0000007f00000016,
    .proc = 0xfff9fffe04006172,
    .proc2 = 0x02977fff00000000,
    .proc3 = 0,
    .exit = 0x107fffff00036dfb,
    .exit2 = 0,
    .entry = 0x0010ffff000011fb,
    .misc = 0x600401e0,
    .cr0_fixed0 = 0x80000021,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = 0x2000,
    .cr4_fixed1 = 0xf72fff,
    .ept_vpid = 0x00000f0106b34141,
    .vmfunc = 1,
    .maxphyaddr = 40,
    .linear_width = 48,
    .efer = 0xd01,
    .debugctl = kDebugctl,
    .perf_global_ctrl = 0x0001000f000000ff,
    .rtit_ctl = 0,
    .lbr_ctl = 0,
    .spec_ctrl = 7,
    .features = bits_at({feature::X2APIC, feature::CET}),
    .tme_keyid_bits = 0,
};

constexpr Machine ice_lake() {
  Machine m = kTigerlake;
  m.basic = 0x00d8100000000004;
  m.exit = 0x007fffff00036dfb;
  m.entry = 0x0000ffff000011fb;
  m.cr4_fixed1 = 0x772fff;
  m.ept_vpid = 0x00000f0106334141;
  m.features = bits_at({feature::X2APIC});
  return m;
}

constexpr Machine skylake() {
  Machine m = ice_lake();
  m.basic = 0x00d810000000002b;
  m.proc = 0xf7f9fffe04006172;
  m.proc2 = 0x02177fff00000000;
  m.cr4_fixed1 = 0x3727ff;
  m.ept_vpid = 0x00000f0106334141;
  m.perf_global_ctrl = 0x000000070000000f;
  m.spec_ctrl = 0;
  return m;
}

// KVM 6.1's nested defaults on a machine with every feature it can pass on, for a guest with every CPUID bit it knows.
constexpr Machine kKvm61 = {
    .basic = 0x00d8100011e57ed0,
    .pin = 0x000000ff00000016,
    .proc = 0xfff9fffe04006172,
    .proc2 = 0x0613fbff00000000,
    .proc3 = 0,
    .exit = 0x007fffff00036dfb,
    .exit2 = 0,
    .entry = 0x0000f3ff000011fb,
    .misc = 0x20000165,
    .cr0_fixed0 = 0x80000021,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = 0x2000,
    .cr4_fixed1 = 0x773fff,
    .ept_vpid = 0x00000f01063340c1,
    .vmfunc = 1,
    .maxphyaddr = 46,
    .linear_width = 57,  // CR4.LA57 is offered
    .efer = 0xd01,
    .debugctl = 0x8807,               // LBR, BTF, and bus-lock, guest LBR, RTM for this guest
    .perf_global_ctrl = 0x7000000ff,  // 8 general and 3 fixed counters: the most that 6.1's virtual PMU has
    .rtit_ctl = 0,
    .lbr_ctl = 0,
    .spec_ctrl = 7,
    .features = bits_at({feature::SGX, feature::RTM, feature::BUSLOCK, feature::X2APIC}),
    .tme_keyid_bits = 0,
};

// Every control, bit and feature that the manual defines, so that every rule can be reached. VMX_BASIC[56] stays 0: 1
// would switch two rules off, as on tigerlake. CPUID's physical width is 52, of which 6 bits are TME keys.
constexpr Machine kFull = {
    .basic = 0x04da100000000004,
    .pin = 0x000000ff00000016,
    .proc = 0xfffbfffe04006172,
    .proc2 = 0xdfffffff00000000,
    .proc3 = 0x13ff,
    .exit = 0xffffffff00036dfb,
    .exit2 = 0xf,
    .entry = 0x03ffffff000011fb,
    .misc = 0x7004c1e0,
    .cr0_fixed0 = 0x80000021,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = 0x2000,
    .cr4_fixed1 = 0x113ff7fff,
    .ept_vpid = 0x00000f0106f341c1,
    .vmfunc = 1,
    .maxphyaddr = 46,
    .linear_width = 57,
    .efer = 0xd01,
    .debugctl = 0xffc7,
    .perf_global_ctrl = 0x0001000f000000ff,
    .rtit_ctl = 0x0180ffff8f7bffff,
    .lbr_ctl = 0x7f000f,
    .spec_ctrl = 0x5ff,
    .features = bits_at({feature::SGX, feature::RTM, feature::BUSLOCK, feature::LAM, feature::FRED, feature::X2APIC,
                         feature::CET, feature::TME, feature::SMM_DUAL}),
    .tme_keyid_bits = 6,
};

constexpr auto kTigerlakeList = list_of(kTigerlake);
constexpr auto kIceLakeList = list_of(ice_lake());
constexpr auto kSkylakeList = list_of(skylake());
constexpr auto kKvm61List = list_of(kKvm61);
constexpr auto kFullList = list_of(kFull);

constexpr ProfileSpec kProfiles[] = {
    {"tigerlake", "Bochs 2.7 model tigerlake", kTigerlakeList},
    {"icelake_u", "Bochs 2.7 model corei7_icelake_u: tigerlake without CET", kIceLakeList},
    {"skylake_x", "Bochs 2.7 model corei7_skylake_x: also without MTF and SPP", kSkylakeList},
    {"kvm61", "Linux 6.1 KVM, nested, every feature offered; second opinion: the vmx.kvm transcription only",
     kKvm61List},
    {"full", "every bit the manual defines; transcription only: no second opinion exists", kFullList},
};

}  // namespace

std::span<const ProfileSpec> profiles() { return kProfiles; }

}  // namespace diffvisor::vmx
