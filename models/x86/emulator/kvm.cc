// SPDX-License-Identifier: Apache-2.0
#include "models/x86/emulator/kvm.h"

#include "models/x86/decoder/opcode_table.h"
#include "models/x86/emulator/checks.h"
#include "models/x86/emulator/instructions.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

namespace f = insn::feature;

void give_up(Machine& m) { m.end(insn::OutcomeKind::Unhandleable); }

// Members of groups 5 and 11 that decode in order to be #UD, and far pointers in registers.
bool decodes_as_undefined(const Instruction& i) {
  if (i.vex || !i.has_modrm) return false;
  if (i.map == 1) return !i.is_memory() && (i.opcode == 0xb2 || i.opcode == 0xb4 || i.opcode == 0xb5);
  if (i.map != 0) return false;
  if (i.opcode == 0xc6 || i.opcode == 0xc7) return true;
  return i.opcode == 0xff && (i.group() == 7 || i.group() == 3 || i.group() == 5);
}

// LES and LDS have no rows in 64-bit mode, where their bytes are VEX.
bool is_known_outside_64(const Instruction& i) {
  const OpcodeEntry& e = opcode_entry(static_cast<u16>(i.map << 8 | i.opcode));
  if (i.vex || i.opcode == 0xc4 || i.opcode == 0xc5) return false;
  const auto rows = integer_rows().subspan(e.first, e.count);
  for (const OpcodeRow& row : rows)
    if (row.has(kKvm) && row.has(kNo64)) return true;
  return false;
}

// Opcodes that a prefix tells apart do not take REP and 66 together.
bool mixes_prefixes(const Instruction& i) {
  return i.operand_prefix && i.rep != Rep::None && i.row->select.prefixes != 15;
}

bool is_covered(const Instruction& i) {
  if (!i.row->has(kKvm) || mixes_prefixes(i)) return false;
  // MOVBE has no form with 66, and none between registers.
  return i.row->handler != &movbe || !i.operand_prefix;
}

// Intercepted when nested, and otherwise without an execution function.
bool only_decodes(const Instruction& i) {
  const Handler h = i.row->handler;
  return h == &int1 || h == &rdtscp || h == &monitor || h == &mwait;
}

bool is_svm(const Instruction& i) { return i.row->feature == f::SVM && i.row->has(kPrivileged); }

// VMRUN, VMLOAD and VMSAVE look at RAX first; EFER.SVME is clear here.
void check_svm(Machine& m, const Instruction& i) {
  const bool takes_address = i.modrm == 0xd8 || i.modrm == 0xda || i.modrm == 0xdb;
  if (takes_address && m.reg(0) >> 48 != 0) return m.general_protection(Cause::ReservedBits);
  m.undefined_opcode(Cause::SystemFlags);
}

void check_tsd(Machine& m) {
  if (m.cr4(insn::cr4::TSD) && m.cpl() != 0) m.general_protection(Cause::Tsd);
}

bool cpuid_is_asked(u8 feature) { return feature == f::MOVBE || feature == f::RDPID || feature == f::FXSR; }

// INT n and its like run in real mode alone; INTO does nothing elsewhere when OF is clear.
bool is_interrupt(const Machine& m, const Instruction& i) {
  const Handler h = i.row->handler;
  if (m.real_mode()) return false;
  return h == &int_n || h == &int3 || h == &iret || (h == &into && m.flag(insn::rflags::OF));
}

bool gives_up_on(const Machine& m, const Instruction& i) {
  const Handler h = i.row->handler;
  if (h == &enter) return (i.immediate2 & 31) != 0 && !m.quirk(Quirk::EnterLevel);
  if (h == &sysenter) return m.code64();
  return is_interrupt(m, i);
}

}  // namespace

void kvm_refuse(Machine& m, DecodeStatus status, const Instruction& i) {
  const bool undefined = status == DecodeStatus::Undefined && decodes_as_undefined(i);
  if (undefined || (status == DecodeStatus::WrongWidth && is_known_outside_64(i)))
    return m.undefined_opcode(Cause::Opcode);
  give_up(m);
}

void kvm_check(Machine& m, const Instruction& i) {
  const OpcodeRow& row = *i.row;
  const bool movbe_of_register = row.handler == &movbe && !i.is_memory() && !m.quirk(Quirk::MovbeReg);
  if (!is_covered(i) || movbe_of_register) return give_up(m);
  if (lock_is_wrong(m, i)) return m.undefined_opcode(Cause::LockPrefix);
  check_vector_state(m, row.attributes);
  if (row.has(kProtected) && !m.protected_mode()) return m.undefined_opcode(Cause::ModeOfOpcode);
  if (row.has(kPrivileged) && m.cpl() != 0) return m.general_protection(Cause::Privilege);
  if (cpuid_is_asked(row.feature) && !m.has(row.feature)) return m.undefined_opcode(Cause::Feature);
  if (is_svm(i)) return check_svm(m, i);
  if (row.handler == &rdtscp) check_tsd(m);
  if (only_decodes(i) || gives_up_on(m, i)) give_up(m);
}

}  // namespace diffvisor::x86
