// SPDX-License-Identifier: Apache-2.0
// XGETBV, XSETBV, RDPKRU, WRPKRU: SDM 2 under these names, SDM 1 13.3.
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace cr4 = insn::cr4;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 kX87 = bit(0), kSse = bit(1), kAvx = bit(2), kBounds = bit(3) | bit(4);
// AVX-512, protection keys, shadow stacks, tiles: on some CPUs.
constexpr u64 kNotModelled = bit(5) | bit(6) | bit(7) | bit(9) | bit(11) | bit(12) | bit(17) | bit(18);
constexpr u64 kAvx512 = bit(5) | bit(6) | bit(7);

bool enabled(Machine& m, unsigned control) {
  if (!m.cr4(control)) m.undefined_opcode(Cause::SystemFlags);
  return m.ok();
}

u64 low(u64 value) { return value & 0xffffffff; }

bool xcr0_allowed(const Machine& m, u64 value) {
  const u64 bounds = m.quirk(Quirk::Xcr0Bnd) && (value & kBounds) != kBounds ? kBounds : 0;
  const u64 exists = kX87 | kSse | (m.has(insn::feature::AVX) ? kAvx : 0) | kNotModelled | bounds;
  if ((value & ~exists) != 0 || (value & kX87) == 0) return false;
  if ((value & kAvx) != 0 && (value & kSse) == 0) return false;
  return (value & kAvx512) == 0 || ((value & kAvx512) == kAvx512 && (value & kAvx) != 0);
}

}  // namespace

void xgetbv(Machine& m, const Instruction&) {
  if (!enabled(m, cr4::OSXSAVE)) return;
  if (low(m.v[insn::Rcx]) == 1) return m.cannot_judge("xinuse_not_modelled");
  if (low(m.v[insn::Rcx]) != 0) return m.general_protection(Cause::RegisterNumber);
  m.v[insn::Rax] = low(m.v[insn::Xcr0]);
  m.v[insn::Rdx] = m.v[insn::Xcr0] >> 32;
}

void xsetbv(Machine& m, const Instruction&) {
  if (!enabled(m, cr4::OSXSAVE) || !require_cpl0(m)) return;
  if (low(m.v[insn::Rcx]) != 0) return m.general_protection(Cause::RegisterNumber);
  const u64 value = low(m.v[insn::Rdx]) << 32 | low(m.v[insn::Rax]);
  if (!xcr0_allowed(m, value)) return m.general_protection(Cause::ReservedBits);
  if ((value & kNotModelled) != 0) return m.cannot_judge("xcr0_bit_not_modelled");
  m.v[insn::Xcr0] = value;
}

void rdpkru(Machine& m, const Instruction&) {
  if (!enabled(m, cr4::PKE)) return;
  if (low(m.v[insn::Rcx]) != 0) return m.general_protection(Cause::RegisterNumber);
  m.v[insn::Rax] = m.v[insn::Pkru];
  m.v[insn::Rdx] = 0;
}

void wrpkru(Machine& m, const Instruction&) {
  if (!enabled(m, cr4::PKE)) return;
  if (low(m.v[insn::Rcx]) != 0 || low(m.v[insn::Rdx]) != 0) return m.general_protection(Cause::RegisterNumber);
  m.v[insn::Pkru] = low(m.v[insn::Rax]);
}

}  // namespace diffvisor::x86
