// SPDX-License-Identifier: Apache-2.0
// Which capability values go together. A case whose capabilities break one of these describes no processor, and what a
// VMRUN does then means nothing.
#pragma once

#include <array>

#include "harness/arch/svm/fields.h"
#include "harness/rules/rule.h"

namespace diffvisor::svm {

namespace profile {
using namespace rules;

constexpr Rule row(const char* id, const char* section, const Expr& when, const Expr& must) {
  return {.id = id, .section = section, .when = when, .must = must};
}
constexpr Expr long_mode() { return bit(CapFeatures, feature::LONG_MODE); }
}  // namespace profile

// clang-format off
inline constexpr auto kProfileRules = [] {
  using namespace profile;
  return std::array{
  row("svm.profile.maxphyaddr",   "vol 3 E.4.7", always(),     le(bits(CapMaxphyaddr, 7, 0), 52) && !le(bits(CapMaxphyaddr, 7, 0), 35)),
  row("svm.profile.linear_width", "vol 3 E.4.7", always(),     eq(all(CapLinearWidth), 48) || eq(all(CapLinearWidth), 57)),
  row("svm.profile.la57",         "5.3",         bit(CapCr4Mask, cr4::LA57), eq(all(CapLinearWidth), 57)),
  row("svm.profile.cr4",          "3.1.3",       always(),     bit(CapCr4Mask, cr4::PAE) && bit(CapCr4Mask, cr4::OSFXSR) && bit(CapCr4Mask, cr4::OSXMMEXCPT) && zero(CapCr4Mask, 63, 32)),
  row("svm.profile.efer",         "3.1.7",       always(),     bit(CapEferMask, efer::SVME) && bit(CapEferMask, efer::SCE) && bit(CapEferMask, efer::NXE)),
  row("svm.profile.efer.long",    "3.1.7",       long_mode(),  bit(CapEferMask, efer::LME) && bit(CapEferMask, efer::LMA)),
  row("svm.profile.efer.legacy",  "3.1.7",       !long_mode(), clear(CapEferMask, efer::LME) && clear(CapEferMask, efer::LMA)),
  row("svm.profile.cet",          "18",          bit(CapCr4Mask, cr4::CET), bit(CapFeatures, feature::SHADOW_STACK)),
  // One of the bits above the address width at which processors have it.
  row("svm.profile.c_bit",        "15.34",       always(),     eq(all(CapCBit), 0) || ((eq(all(CapCBit), std::uint64_t{1} << 47) || eq(all(CapCBit), std::uint64_t{1} << 51)) && le(bits(CapMaxphyaddr, 7, 0), 47))),
  };
}();
// clang-format on

}  // namespace diffvisor::svm
