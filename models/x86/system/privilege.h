// SPDX-License-Identifier: Apache-2.0
// Privilege checks that many system instructions begin with.
#pragma once

#include "models/x86/machine.h"

namespace diffvisor::x86 {

// #GP(0) unless CPL is 0; whether to go on.
inline bool require_cpl0(Machine& m) {
  if (m.cpl() != 0) m.general_protection(Cause::Privilege);
  return m.ok();
}

// CR4.UMIP: SGDT, SIDT, SLDT, STR, SMSW.
inline bool umip_allows(Machine& m) {
  if (m.cpl() != 0 && m.cr4(insn::cr4::UMIP)) m.general_protection(Cause::Umip);
  return m.ok();
}

}  // namespace diffvisor::x86
