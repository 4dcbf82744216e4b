// SPDX-License-Identifier: Apache-2.0
// IN, OUT, INS, OUTS up to the port: SDM 2 under these names, SDM 1 19.5 for permissions.
#include "models/x86/emulator/operands.h"
#include "models/x86/paging/walk.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kInputPort = u64{1} << 24, kStringPort = u64{1} << 25;

u64 task_word(Machine& m, u64 offset, unsigned bytes) {
  const u64 address = m.v[insn::TrBase] + offset;
  return m.read_system(m.long_mode() ? address : address & 0xffffffff, bytes);
}

bool bitmap_allows(Machine& m, u64 port, unsigned bytes) {
  const u64 limit = m.v[insn::TrLimit];
  if ((m.v[insn::TrAttr] & 8) == 0 || limit < 103) return false;
  const u64 byte = task_word(m, 102, 2) + port / 8;
  const bool one_byte = m.quirk(Quirk::KvmPortMap) || m.quirk(Quirk::TssIobitmapEnd);
  // Both bytes are read even if the port's bits lie in the first.
  if (byte + (one_byte ? 0 : 1) > limit) return false;
  const u64 map = task_word(m, byte, m.quirk(Quirk::TssIobitmapEnd) ? 1 : 2);
  return (map >> (port & 7) & ((u64{1} << bytes) - 1)) == 0;
}

bool permitted(Machine& m, u64 port, unsigned bytes) {
  const bool free = (!m.virtual_8086() && m.cpl() <= m.iopl()) || m.quirk(Quirk::UnicornPorts);
  if (!free && !bitmap_allows(m, port, bytes)) m.general_protection(Cause::IoBitmap);
  return m.ok();
}

unsigned port_bytes(const Instruction& i) { return (i.opcode & 1) == 0 ? 1 : i.operand_bytes == 2 ? 2 : 4; }
u64 port_number(const Machine& m, const Instruction& i) {
  return i.opcode < 0xe8 && i.opcode >= 0xe4 ? i.immediate & 0xff : m.v[insn::Rdx] & 0xffff;
}

void access(Machine& m, u64 port, unsigned bytes, u64 kind, u64 value) {
  if (!m.ok()) return;
  m.port = port | u64{bytes} << 16 | kind;
  m.port_value = value;
  m.end(insn::OutcomeKind::PortAccess);
}

// A fault that only looking found: the access itself raises it again, and marks a first page that it could use.
bool forget_fault(Machine& m) {
  const bool raised = m.fault.raised;
  if (raised) m.fault = {};
  return raised;
}

}  // namespace

void in(Machine& m, const Instruction& i) {
  const unsigned bytes = port_bytes(i);
  if (permitted(m, port_number(m, i), bytes)) access(m, port_number(m, i), bytes, kInputPort, 0);
}

void out(Machine& m, const Instruction& i) {
  const unsigned bytes = port_bytes(i);
  if (permitted(m, port_number(m, i), bytes)) access(m, port_number(m, i), bytes, 0, m.v[insn::Rax] & mask_of(bytes));
}

void check_port(Machine& m, const Instruction& i) {
  if (i.row->handler == &ins || i.row->handler == &outs) permitted(m, m.v[insn::Rdx] & 0xffff, port_bytes(i));
}

// Nothing changes before the port is touched, accessed and dirty bits included.
void ins(Machine& m, const Instruction& i) {
  const unsigned bytes = port_bytes(i);
  const u64 port = m.v[insn::Rdx] & 0xffff;
  if (!permitted(m, port, bytes)) return;
  peek(m, insn::kEs, m.v[insn::Rdi] & mask_of(i.address_bytes), bytes, Access::Write);
  if (forget_fault(m)) m.write(insn::kEs, m.v[insn::Rdi] & mask_of(i.address_bytes), bytes, 0);
  access(m, port, bytes, kInputPort | kStringPort, 0);
}

void outs(Machine& m, const Instruction& i) {
  const unsigned bytes = port_bytes(i);
  const u64 port = m.v[insn::Rdx] & 0xffff;
  if (!permitted(m, port, bytes)) return;
  const u64 value = peek(m, i.segment, m.v[insn::Rsi] & mask_of(i.address_bytes), bytes, Access::Read);
  if (forget_fault(m)) m.read(i.segment, m.v[insn::Rsi] & mask_of(i.address_bytes), bytes);
  access(m, port, bytes, kStringPort, value);
}

}  // namespace diffvisor::x86
