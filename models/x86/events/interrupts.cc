// SPDX-License-Identifier: Apache-2.0
// INT n, INT3, INTO, INT1: SDM 2 INT n/INTO/INT3/INT1, SDM 3B 20.3.3 for virtual-8086 mode.
#include "models/x86/events/delivery.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {

void int_n(Machine& m, const Instruction& i) {
  const auto vector = static_cast<u8>(i.immediate);
  if (m.virtual_8086()) {
    if (redirect_virtual_interrupt(m, vector)) return;
    if (m.iopl() != 3) return m.general_protection(Cause::VirtualMode);
  }
  deliver_interrupt(m, vector);
}

void int3(Machine& m, const Instruction&) { m.raise_software(insn::kBP); }

void into(Machine& m, const Instruction&) {
  if (m.flag(insn::rflags::OF)) m.raise_software(insn::kOF);
}

void int1(Machine& m, const Instruction&) { m.raise_software(insn::kDB); }

}  // namespace diffvisor::x86
