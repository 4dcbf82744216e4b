// SPDX-License-Identifier: Apache-2.0
// The stack: SS:RSP with the address size of the stack segment (SDM 1 6.2).
#include "models/x86/machine.h"

namespace diffvisor::x86 {
namespace {

u64 mask_of(unsigned bytes) { return bytes == 8 ? ~u64{0} : (u64{1} << 8 * bytes) - 1; }

}  // namespace

u64 Machine::stack_pointer() const { return v[insn::Rsp] & mask_of(stack_address_bytes()); }

void Machine::set_stack_pointer(u64 value) {
  const unsigned bytes = stack_address_bytes();
  // Writing ESP clears the upper half of RSP; writing SP keeps everything above.
  const u64 kept = bytes == 2 ? v[insn::Rsp] & ~u64{0xffff} : 0;
  v[insn::Rsp] = kept | (value & mask_of(bytes));
}

void Machine::push(u64 value, unsigned bytes) {
  const u64 top = (stack_pointer() - bytes) & mask_of(stack_address_bytes());
  write(insn::kSs, top, bytes, value);
  if (ok()) set_stack_pointer(top);
}

u64 Machine::pop(unsigned bytes) {
  const u64 value = read(insn::kSs, stack_pointer(), bytes);
  if (ok()) set_stack_pointer(stack_pointer() + bytes);
  return value;
}

}  // namespace diffvisor::x86
