// SPDX-License-Identifier: Apache-2.0
// Names of the bits in control_bits.h as schemas spell them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "harness/arch/schema.h"
#include "harness/arch/x86/control_bits.h"

namespace diffvisor::x86 {

constexpr BitName named(unsigned hi, unsigned lo, std::string_view name) {
  return {static_cast<std::uint8_t>(hi), static_cast<std::uint8_t>(lo), name};
}
constexpr BitName named(unsigned bit, std::string_view name) { return named(bit, bit, name); }

// clang-format off
inline constexpr auto kCr0Names = std::to_array<BitName>({named(cr0::PE, "pe"), named(cr0::MP, "mp"),
  named(cr0::EM, "em"), named(cr0::TS, "ts"), named(cr0::ET, "et"), named(cr0::NE, "ne"), named(cr0::WP, "wp"),
  named(cr0::AM, "am"), named(cr0::NW, "nw"), named(cr0::CD, "cd"), named(cr0::PG, "pg")});
inline constexpr auto kCr4Names = std::to_array<BitName>({named(cr4::VME, "vme"), named(cr4::PVI, "pvi"),
  named(cr4::TSD, "tsd"), named(cr4::DE, "de"), named(cr4::PSE, "pse"), named(cr4::PAE, "pae"), named(cr4::MCE, "mce"),
  named(cr4::PGE, "pge"), named(cr4::PCE, "pce"), named(cr4::OSFXSR, "osfxsr"), named(cr4::OSXMMEXCPT, "osxmmexcpt"),
  named(cr4::UMIP, "umip"), named(cr4::LA57, "la57"), named(cr4::VMXE, "vmxe"), named(cr4::SMXE, "smxe"),
  named(cr4::FSGSBASE, "fsgsbase"), named(cr4::PCIDE, "pcide"), named(cr4::OSXSAVE, "osxsave"), named(cr4::KL, "kl"),
  named(cr4::SMEP, "smep"), named(cr4::SMAP, "smap"), named(cr4::PKE, "pke"), named(cr4::CET, "cet"),
  named(cr4::PKS, "pks"), named(cr4::UINTR, "uintr"), named(cr4::LAMSUP, "lamsup"), named(cr4::FRED, "fred")});
inline constexpr auto kRflagsNames = std::to_array<BitName>({named(0, "cf"), named(1, "one"), named(2, "pf"),
  named(4, "af"), named(6, "zf"), named(7, "sf"), named(rflags::TF, "tf"), named(rflags::IF, "if"), named(10, "df"),
  named(11, "of"), named(13, 12, "iopl"), named(14, "nt"), named(16, "rf"), named(rflags::VM, "vm"), named(18, "ac"),
  named(19, "vif"), named(20, "vip"), named(21, "id")});
inline constexpr auto kSelectorNames = std::to_array<BitName>({named(1, 0, "rpl"), named(2, "ti"), named(15, 3, "index")});
inline constexpr auto kPdpteNames = std::to_array<BitName>({named(0, "p"), named(3, "pwt"), named(4, "pcd")});
// clang-format on

}  // namespace diffvisor::x86
