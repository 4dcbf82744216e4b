// SPDX-License-Identifier: Apache-2.0
// SYSCALL, SYSRET, SYSENTER, SYSEXIT: SDM 2 and APM 3 under these names.
#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace fl = insn::rflags;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr u64 kCode64 = 0xa09b, kCode32 = 0xc09b, kData = 0xc093;
constexpr u64 user(u64 attributes) { return attributes | 0x60; }

// Flat segments without a look at any descriptor.
void set_flat(Machine& m, insn::Segment s, u64 selector, u64 attributes) {
  m.v[insn::selector_of(s)] = selector & 0xffff;
  m.v[insn::base_of(s)] = 0;
  m.v[insn::limit_of(s)] = 0xffffffff;
  m.v[insn::attr_of(s)] = attributes;
}

bool amd(const Machine& m) { return m.v[insn::CapVendor] == insn::kAmd; }

// AMD's SYSCALL outside long mode: the target is in STAR.
void syscall_legacy(Machine& m) {
  m.v[insn::Rcx] = m.next_rip & 0xffffffff;
  m.next_rip = m.v[insn::Star] & 0xffffffff;
  m.v[insn::Rflags] &= ~(bit(fl::VM) | bit(fl::IF) | bit(fl::RF));
  set_flat(m, insn::kCs, m.v[insn::Star] >> 32 & 0xfffc, kCode32);
  set_flat(m, insn::kSs, (m.v[insn::Star] >> 32 & 0xffff) + 8, kData);
}

bool sysret_undefined(const Machine& m) {
  if (m.quirk(Quirk::UnicornSysret)) return !m.real_mode() && !m.efer(insn::efer::SCE);
  if (!m.efer(insn::efer::SCE)) return true;
  return amd(m) ? !m.protected_mode() : !m.code64();
}

void sysret_segments(Machine& m, bool wide) {
  const u64 base = m.v[insn::Star] >> 48 & 0xffff;
  set_flat(m, insn::kCs, (wide ? base + 16 : base) | 3, user(wide ? kCode64 : kCode32));
  m.v[insn::SsSelector] = ((base + 8) & 0xffff) | 3;
  if (amd(m)) {
    // Base, limit and type of SS stay.
    set_cpl(m, 3);
  } else if (m.quirk(Quirk::BochsSysretSs)) {
    constexpr u64 kKept = bit(insn::attr::AVL) | bit(insn::attr::L) | bit(insn::attr::DB) | bit(insn::attr::G);
    m.v[insn::SsAttr] = (m.v[insn::SsAttr] & kKept) | user(kData & 0xff);
  } else {
    set_flat(m, insn::kSs, (base + 8) | 3, user(kData));
  }
}

}  // namespace

void syscall(Machine& m, const Instruction&) {
  const bool legacy = amd(m) && !m.long_mode();
  if (!m.efer(insn::efer::SCE) || (!amd(m) && !m.code64()) || m.real_mode())
    return m.undefined_opcode(Cause::ModeOfOpcode);
  if (legacy) return syscall_legacy(m);
  m.v[insn::Rcx] = m.next_rip;
  m.v[insn::R11] = m.v[insn::Rflags] & ~(amd(m) ? bit(fl::RF) : 0);
  // Intel does not say whether RF is saved as it was.
  if (!amd(m)) m.undefined_register = {insn::R11, bit(fl::RF)};
  m.next_rip = m.v[m.code64() ? insn::Lstar : insn::Cstar];
  m.v[insn::Rflags] = (m.v[insn::Rflags] & ~m.v[insn::Fmask]) | 2;
  set_flat(m, insn::kCs, m.v[insn::Star] >> 32 & 0xfffc, kCode64);
  const u64 ss = (m.v[insn::Star] >> 32 & 0xffff) + 8;
  set_flat(m, insn::kSs, m.quirk(Quirk::BochsSyscall) ? ss & 0xfffc : ss, kData);
}

void sysret(Machine& m, const Instruction& i) {
  if (sysret_undefined(m)) return m.undefined_opcode(Cause::ModeOfOpcode);
  if (m.cpl() != 0 || m.real_mode()) return m.general_protection(Cause::Privilege);
  const bool wide = m.code64() && i.operand_bytes == 8;
  if (wide && !amd(m) && !m.is_canonical(m.v[insn::Rcx])) return m.general_protection(Cause::BranchTarget);
  m.next_rip = wide ? m.v[insn::Rcx] : m.v[insn::Rcx] & 0xffffffff;
  if (m.long_mode()) {
    m.v[insn::Rflags] = (m.v[insn::R11] & (m.quirk(Quirk::BochsSysret) ? 0x3d7fd7 : 0x3c7fd7)) | 2;
  } else {
    m.set_flag(fl::IF, true);
  }
  sysret_segments(m, wide);
}

void sysenter(Machine& m, const Instruction&) {
  if (amd(m) && m.long_mode()) return m.undefined_opcode(Cause::ModeOfOpcode);
  if (m.real_mode() || is_null(m.v[insn::SysenterCs])) return m.general_protection(Cause::SelectorNull);
  const u64 mask = m.long_mode() ? ~u64{0} : 0xffffffff;
  m.v[insn::Rflags] &= ~(bit(fl::VM) | bit(fl::IF));
  m.v[insn::Rsp] = m.v[insn::SysenterEsp] & mask;
  m.next_rip = m.v[insn::SysenterEip] & mask;
  const u64 cs = m.v[insn::SysenterCs] & 0xfffc;
  set_flat(m, insn::kCs, cs, m.long_mode() ? kCode64 : kCode32);
  set_flat(m, insn::kSs, cs + 8, kData);
}

void sysexit(Machine& m, const Instruction& i) {
  if (amd(m) && m.long_mode()) return m.undefined_opcode(Cause::ModeOfOpcode);
  if (m.real_mode() || m.cpl() != 0) return m.general_protection(Cause::Privilege);
  if (is_null(m.v[insn::SysenterCs])) return m.general_protection(Cause::SelectorNull);
  const bool wide = m.code64() && i.operand_bytes == 8;
  if (wide && !(m.is_canonical(m.v[insn::Rcx]) && m.is_canonical(m.v[insn::Rdx])))
    return m.general_protection(Cause::BranchTarget);
  const bool whole = m.quirk(Quirk::UnicornSysexit);
  const u64 mask = wide || whole ? ~u64{0} : 0xffffffff;
  m.v[insn::Rsp] = m.v[insn::Rcx] & mask;
  m.next_rip = m.v[insn::Rdx] & mask;
  const u64 cs = (m.v[insn::SysenterCs] & 0xfffc) + (wide ? 32 : 16);
  set_flat(m, insn::kCs, cs | 3, user(wide ? kCode64 : kCode32) | (wide && whole ? bit(insn::attr::DB) : 0));
  set_flat(m, insn::kSs, (cs + 8) | 3, user(kData));
}

}  // namespace diffvisor::x86
