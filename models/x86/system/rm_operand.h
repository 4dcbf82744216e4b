// SPDX-License-Identifier: Apache-2.0
// The ModRM operand of system instructions, whose size is seldom the operand size.
#pragma once

#include "models/x86/emulator/operands.h"

namespace diffvisor::x86 {

inline u64 read_rm(Machine& m, const Instruction& i, unsigned bytes) { return load(m, i, Operand::E, bytes); }
inline u64 read_rm_for_write(Machine& m, const Instruction& i, unsigned bytes) {
  return load_to_modify(m, i, Operand::E, bytes);
}
inline void write_rm(Machine& m, const Instruction& i, unsigned bytes, u64 value) {
  store(m, i, Operand::E, bytes, value);
}
inline void write_reg(Machine& m, const Instruction& i, unsigned number, unsigned bytes, u64 value) {
  set_register(m, i, number, bytes, value);
}
inline u64 read_reg(const Machine& m, const Instruction& i, unsigned number, unsigned bytes) {
  return get_register(m, i, number, bytes);
}

struct FarPointer {
  u64 offset = 0;
  u16 selector = 0;
};
inline FarPointer read_far_pointer(Machine& m, const Instruction& i, unsigned bytes) {
  FarPointer p;
  const auto selector = [&] { return static_cast<u16>(m.read(i.segment, offset_behind(m, i, bytes), 2)); };
  const bool selector_first = m.quirk(Quirk::BochsSelector);
  if (selector_first) p.selector = selector();
  p.offset = m.read(i.segment, effective_offset(m, i), bytes);
  if (!selector_first) p.selector = selector();
  return p;
}

}  // namespace diffvisor::x86
