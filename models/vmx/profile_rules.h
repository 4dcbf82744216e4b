// SPDX-License-Identifier: Apache-2.0
// SDM 3C appendix A: which capability values go together. A case whose capabilities break one of these describes no
// processor, and what an entry does then means nothing.
#pragma once

#include <array>

#include "harness/arch/vmx/fields.h"
#include "harness/rules/rule.h"

namespace diffvisor::vmx {

namespace profile {
using namespace rules;

constexpr Rule row(const char* id, const char* section, const Expr& must) {
  return {.id = id, .section = section, .when = {}, .must = must};
}
// Every bit that must be 1 may be 1.
constexpr Expr must_within_may(Slot controls) { return subset(bits(controls, 31, 0), bits(controls, 63, 32)); }
}  // namespace profile

// clang-format off
inline constexpr auto kProfileRules = [] {
  using namespace profile;
  return std::array{
  row("vmx.profile.basic.width",          "A.1",   clear(CapVmxBasic, 48)),
  row("vmx.profile.basic.revision",       "A.1",   clear(CapVmxBasic, 31)),
  row("vmx.profile.pin",                  "A.3.1", must_within_may(CapPinCtls)  && eq(bits(CapPinCtls, 31, 0), 0x16)),
  row("vmx.profile.proc",                 "A.3.2", must_within_may(CapProcCtls) && eq(bits(CapProcCtls, 31, 0), 0x04006172)),
  row("vmx.profile.proc2",                "A.3.3", eq(bits(CapProc2Ctls, 31, 0), 0)),
  row("vmx.profile.exit",                 "A.4",   must_within_may(CapExitCtls)  && eq(bits(CapExitCtls, 31, 0), 0x36dfb) && bit(CapExitCtls, 32 + exit_ctl::HOST64)),
  row("vmx.profile.entry",                "A.5",   must_within_may(CapEntryCtls) && eq(bits(CapEntryCtls, 31, 0), 0x11fb) && bit(CapEntryCtls, 32 + entry_ctl::IA32E)),
  row("vmx.profile.cr0_fixed0",           "A.7",   eq(all(CapCr0Fixed0), 0x80000021)),
  row("vmx.profile.cr0_fixed1",           "A.7",   eq(all(CapCr0Fixed1), 0xffffffff)),
  row("vmx.profile.cr4_fixed0",           "A.8",   eq(all(CapCr4Fixed0), 0x2000)),
  row("vmx.profile.cr4_fixed1",           "A.8",   covers(all(CapCr4Fixed1), all(CapCr4Fixed0)) && bit(CapCr4Fixed1, cr4::PAE) && bit(CapCr4Fixed1, cr4::OSFXSR) && bit(CapCr4Fixed1, cr4::OSXMMEXCPT)),
  row("vmx.profile.maxphyaddr",           "vol 4", le(bits(CapMaxphyaddr, 7, 0), 52) && !le(bits(CapMaxphyaddr, 7, 0), 35)),
  row("vmx.profile.linear_width",         "vol 3A 4.1", eq(all(CapLinearWidth), 48) || eq(all(CapLinearWidth), 57)),
  row("vmx.profile.tme_key_bits",         "vol 3A", le(bits(CapTmeKeyidBits, 7, 0), 4)),
  row("vmx.profile.efer",                 "vol 3A 2.2.1", bit(CapEferMask, efer::LME) && bit(CapEferMask, efer::LMA)),
  };
}();
// clang-format on

}  // namespace diffvisor::vmx
