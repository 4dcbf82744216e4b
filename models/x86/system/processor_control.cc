// SPDX-License-Identifier: Apache-2.0
// What needs privilege and changes nothing that a case can see, or what nobody can predict: caches, TLB, time stamps,
// waiting, CPUID, virtualisation (SDM 2 under these names).
#include "models/x86/emulator/operands.h"
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace cr4 = insn::cr4;

// CR4.TSD and CR4.PCE speak of CPL above 0.
bool time_stamp_allowed(Machine& m) {
  if (m.cr4(cr4::TSD) && m.cpl() != 0) m.general_protection(Cause::Tsd);
  return m.ok();
}

bool pcid_forbids(const Machine& m, u64 type, u64 pcid, u64 address) {
  if (pcid >> 12 != 0 || type > 3) return true;
  if (type == 0 && !m.is_canonical(address)) return true;
  return type < 2 && pcid != 0 && !m.cr4(cr4::PCIDE);
}

bool waiting_allowed(Machine& m) {
  if (m.cpl() != 0) m.undefined_opcode(Cause::Privilege);
  return m.ok();
}

}  // namespace

void invlpg(Machine& m, const Instruction&) { require_cpl0(m); }
void invd(Machine& m, const Instruction&) { require_cpl0(m); }
void wbinvd(Machine& m, const Instruction&) { require_cpl0(m); }

void invpcid(Machine& m, const Instruction& i) {
  if (!require_cpl0(m)) return;
  const bool wide = m.code64() && (i.rex_w() || !m.quirk(Quirk::BochsInvpcid));
  std::array<u8, 16> descriptor{};
  m.read_block(i.segment, effective_offset(m, i), descriptor);
  if (!m.ok()) return;
  u64 pcid = 0, address = 0;
  for (unsigned n = 0; n < 8; ++n) {
    pcid |= u64{descriptor[n]} << 8 * n;
    address |= u64{descriptor[8 + n]} << 8 * n;
  }
  if (pcid_forbids(m, m.reg(i.reg()) & mask_of(wide ? 8 : 4), pcid, address)) m.general_protection(Cause::ReservedBits);
}

void hlt(Machine& m, const Instruction&) {
  if (require_cpl0(m)) m.end(insn::OutcomeKind::Halt);
}

void monitor(Machine& m, const Instruction& i) {
  if (!waiting_allowed(m)) return;
  if ((m.v[insn::Rcx] & 0xffffffff) != 0) m.general_protection(Cause::ReservedBits);
  m.read(i.segment, m.v[insn::Rax] & mask_of(i.address_bytes), 1);
  m.cannot_judge("insn_monitor");
}

void mwait(Machine& m, const Instruction&) {
  if (waiting_allowed(m)) m.cannot_judge("insn_mwait");
}

void rdtsc(Machine& m, const Instruction&) {
  if (time_stamp_allowed(m)) m.cannot_judge("insn_rdtsc");
}

void rdtscp(Machine& m, const Instruction&) {
  if (time_stamp_allowed(m)) m.cannot_judge("insn_rdtscp");
}

void rdpmc(Machine& m, const Instruction&) {
  if (!m.cr4(cr4::PCE) && m.cpl() != 0) m.general_protection(Cause::Tsd);
  m.cannot_judge("insn_rdpmc");
}

void rdpid(Machine& m, const Instruction& i) { m.reg(i.rm()) = m.v[insn::TscAux]; }

void cpuid(Machine& m, const Instruction&) { m.cannot_judge("insn_cpuid"); }

void virtualisation(Machine& m, const Instruction&) { m.cannot_judge("insn_virtualisation"); }

}  // namespace diffvisor::x86
