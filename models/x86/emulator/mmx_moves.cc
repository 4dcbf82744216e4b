// SPDX-License-Identifier: Apache-2.0
// MMX moves and what they do to the x87 state: SDM 1 9.4.1, 9.5.
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/vector_operands.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kTop = 0x3800;

}  // namespace

void enter_mmx(Machine& m) {
  m.v[insn::Fsw] &= ~kTop;
  m.v[insn::Ftw] = 0xff;
}

void set_mmx(Machine& m, unsigned n, u64 value) {
  m.v[insn::Mm + (n & 7)] = value;
  m.st_exponent[n & 7] = 0xffff;
}

void movd_to_mmx(Machine& m, const Instruction& i) {
  set_mmx(m, i.reg(), source(m, i));
  enter_mmx(m);
}
void movd_from_mmx(Machine& m, const Instruction& i) {
  set_destination(m, i, get_mmx(m, i.reg()));
  enter_mmx(m);
}
void movq_to_mmx(Machine& m, const Instruction& i) {
  set_mmx(m, i.reg(), i.is_memory() ? m.read(i.segment, effective_offset(m, i), 8) : get_mmx(m, i.rm()));
  enter_mmx(m);
}
void movq_from_mmx(Machine& m, const Instruction& i) {
  const u64 value = get_mmx(m, i.reg());
  if (i.is_memory()) {
    m.write(i.segment, effective_offset(m, i), 8, value);
  } else {
    set_mmx(m, i.rm(), value);
  }
  enter_mmx(m);
}
void movq2dq(Machine& m, const Instruction& i) {
  set_xmm(m, i.reg(), {get_mmx(m, i.rm()), 0});
  enter_mmx(m);
}
void movdq2q(Machine& m, const Instruction& i) {
  set_mmx(m, i.reg(), get_xmm(m, i.rm()).low);
  enter_mmx(m);
}
void pmovmskb_mmx(Machine& m, const Instruction& i) {
  u64 mask = 0;
  for (unsigned k = 0; k < 8; ++k) mask |= (get_mmx(m, i.rm()) >> (8 * k + 7) & 1) << k;
  set_register(m, i, i.reg(), 4, mask);
  enter_mmx(m);
}

void emms(Machine& m, const Instruction&) {
  if (!m.quirk(Quirk::UnicornMmx)) m.v[insn::Fsw] &= ~kTop;
  m.v[insn::Ftw] = 0;
}

}  // namespace diffvisor::x86
