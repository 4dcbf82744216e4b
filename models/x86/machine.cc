// SPDX-License-Identifier: Apache-2.0
#include "models/x86/machine.h"

namespace diffvisor::x86 {

unsigned Machine::cpl() const {
  if (real_mode()) return 0;
  return virtual_8086() ? 3 : insn::dpl_of(v[insn::SsAttr]);
}

unsigned Machine::stack_address_bytes() const {
  if (code64() && !narrow_stack) return 8;
  return (v[insn::SsAttr] >> insn::attr::DB & 1) != 0 ? 4 : 2;
}

void Machine::raise(unsigned vector, Cause cause) {
  if (!ok()) return;
  fault = {};
  fault.raised = true;
  fault.vector = static_cast<u8>(vector);
  fault.cause = cause;
}

void Machine::raise(unsigned vector, u32 error_code, Cause cause) {
  if (!ok()) return;
  raise(vector, cause);
  fault.error_code = error_code | external;
}

void Machine::raise_page_fault(u64 address, u32 error_code, Cause cause) {
  if (!ok()) return;
  raise(insn::kPF, cause);
  fault.error_code = error_code;
  fault.payload = address;
}

void Machine::raise_debug(u64 dr6_bits, Cause cause, bool trap) {
  if (!ok()) return;
  raise(insn::kDB, cause);
  fault.payload = dr6_bits;
  fault.trap = trap;
}

void Machine::raise_software(unsigned vector) {
  if (!ok()) return;
  raise(vector, Cause::Software);
  fault.soft = true;
}

void Machine::cannot_judge(Limit why) {
  if (ok()) limit = why;
}

void Machine::end(insn::OutcomeKind kind) {
  if (!ok()) return;
  has_ended = true;
  ended = insn::make_outcome(kind);
}

bool Machine::is_canonical(u64 address) const {
  const unsigned shift = cr4(insn::cr4::LA57) && !quirk(Quirk::Canon57) ? 7 : 16;
  return static_cast<u64>(static_cast<std::int64_t>(address << shift) >> shift) == address;
}

void Machine::branch(u64 target, unsigned operand_bytes) {
  if (operand_bytes < 8) target &= (u64{1} << 8 * operand_bytes) - 1;
  const bool fits = code64() ? is_canonical(target) : target <= v[insn::CsLimit];
  if (!fits) return general_protection(Cause::BranchTarget);
  next_rip = target;
}

}  // namespace diffvisor::x86
