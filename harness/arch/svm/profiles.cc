// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/profiles.h"

#include <array>
#include <cstdint>

#include "harness/arch/svm/fields.h"
#include "harness/base/bits.h"

namespace diffvisor::svm {
namespace {

// One value for each Capability field, in the order of fields.def.
struct Machine {
  std::uint64_t maxphyaddr, linear_width;
  std::uint64_t cr4, efer;            // bits that may be 1
  std::uint64_t svm_features, nasid;  // CPUID Fn8000_000A EDX, EBX
  std::uint64_t features;
  std::uint64_t c_bit;  // the address bit that means encryption and is no part of the address, or 0
};

constexpr std::size_t kCapabilities = CapCBit + 1;

constexpr std::array<Capability, kCapabilities> list_of(const Machine& m) {
  return {{{CapMaxphyaddr, m.maxphyaddr},
           {CapLinearWidth, m.linear_width},
           {CapCr4Mask, m.cr4},
           {CapEferMask, m.efer},
           {CapSvmFeatures, m.svm_features},
           {CapNasid, m.nasid},
           {CapFeatures, m.features},
           {CapCBit, m.c_bit}}};
}

// Bochs 2.7 model ryzen, from its CPUID; QEMU 7.2 TCG -cpu EPYC has the same physical width, CR4 but for PCIDE, and
// EFER but for TCE, neither of which a CPU flag changes. Bits 10:0 of CR4, FSGSBASE, OSXSAVE, SMEP, SMAP; EFER: SCE,
// LME, LMA, NXE, SVME, FFXSR, TCE; nested paging, LBR virtualisation, lock, NRIPS, flush by ASID, pause filter.
constexpr Machine kRyzen = {
    .maxphyaddr = 40,
    .linear_width = 48,
    .cr4 = 0x3507ff,
    .efer = 0xdd01,
    .svm_features = 0x44f,
    .nasid = 0x8000,
    .features = bits_at({feature::LONG_MODE}),
    .c_bit = 0,
};

// What Linux 6.1's KVM offers a nested guest on a machine with every feature it can pass on.
constexpr Machine kKvm61 = {
    .maxphyaddr = 48,
    .linear_width = 57,
    .cr4 = 0x771fff,
    .efer = 0x7d01,
    .svm_features = 0x1001943b,
    .nasid = 8,
    .features = bits_at({feature::LONG_MODE}),
    .c_bit = 0,
};

// kKvm61 for a guest whose memory is encrypted: bit 47 of a physical address is no address bit.
constexpr Machine sev() {
  Machine m = kKvm61;
  m.maxphyaddr = 43;
  m.c_bit = std::uint64_t{1} << 47;
  return m;
}

// A processor without long mode.
constexpr Machine kLegacy = {
    .maxphyaddr = 36,
    .linear_width = 48,
    .cr4 = 0x7ff,
    .efer = 0x1801,
    .svm_features = 0x1,
    .nasid = 8,
    .features = 0,
    .c_bit = 0,
};

// Every bit and feature that the manual defines, so that every rule can be reached.
constexpr Machine kFull = {
    .maxphyaddr = 52,
    .linear_width = 57,
    .cr4 = 0xf71fff,
    .efer = 0x36fd01,
    .svm_features = 0x363fb4ff,
    .nasid = 0x8000,
    .features = bits_at({feature::LONG_MODE, feature::SHADOW_STACK}),
    .c_bit = 0,
};

constexpr auto kRyzenList = list_of(kRyzen);
constexpr auto kKvm61List = list_of(kKvm61);
constexpr auto kSevList = list_of(sev());
constexpr auto kLegacyList = list_of(kLegacy);
constexpr auto kFullList = list_of(kFull);

constexpr ProfileSpec kProfiles[] = {
    {"ryzen", "Bochs 2.7 model ryzen; QEMU 7.2 EPYC but for CR4.PCIDE and EFER.TCE", kRyzenList},
    {"kvm61", "Linux 6.1 KVM, nested, every feature offered; no second opinion but a transcription", kKvm61List},
    {"sev", "kvm61 in an encrypted guest: 43 address bits and C-bit 47; transcription only", kSevList},
    {"legacy", "no long mode; no second opinion: the agent needs long mode", kLegacyList},
    {"full", "every bit the manual defines; no second opinion exists", kFullList},
};

}  // namespace

std::span<const ProfileSpec> profiles() { return kProfiles; }

}  // namespace diffvisor::svm
