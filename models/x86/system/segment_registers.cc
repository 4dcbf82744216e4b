// SPDX-License-Identifier: Apache-2.0
// MOV, PUSH and POP of segment registers, LDS and its like, SWAPGS, RDFSBASE and its like: SDM 2 under these names.
#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/privilege.h"
#include "models/x86/system/rm_operand.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

using insn::Segment;

constexpr u8 kMovSsShadow = 2;

Segment pushed_segment(const Instruction& i) { return static_cast<Segment>(i.opcode >> 3 & 7); }

Segment pointer_segment(const Instruction& i) {
  switch (i.opcode) {
    case 0xc4:
      return insn::kEs;
    case 0xc5:
      return insn::kDs;
    case 0xb2:
      return insn::kSs;
    case 0xb4:
      return insn::kFs;
    default:
      return insn::kGs;
  }
}

void load_and_shadow(Machine& m, Segment s, u16 selector) {
  m.load_segment(s, selector);
  // Of consecutive loads only the first is sure to block (SDM 3A 6.8.3), and only the first does.
  const bool blocks = m.v[insn::Shadow] != kMovSsShadow || m.quirk(Quirk::UnicornMovSs);
  if (s == insn::kSs && m.ok() && blocks) m.new_shadow = kMovSsShadow;
}

// ModRM.reg names it; REX.R does not count (SDM 2A 2.2.1.2).
unsigned segment_number(const Machine& m, const Instruction& i) {
  return m.quirk(Quirk::BochsRexSegment) ? i.reg() : i.group();
}

u64 pop_selector(Machine& m, const Instruction& i) {
  if (!m.quirk(Quirk::BochsPopSegment)) return m.pop(i.operand_bytes);
  const u64 selector = m.read(insn::kSs, m.stack_pointer(), 2);
  if (m.ok()) m.set_stack_pointer(m.stack_pointer() + i.operand_bytes);
  return selector;
}

}  // namespace

void mov_from_segment(Machine& m, const Instruction& i) {
  const unsigned s = segment_number(m, i);
  if (s > insn::kGs) return m.undefined_opcode(Cause::RegisterNumber);
  write_rm(m, i, i.is_memory() ? 2 : i.operand_bytes, m.v[insn::selector_of(s)]);
}

void mov_to_segment(Machine& m, const Instruction& i) {
  const unsigned s = segment_number(m, i);
  if (s > insn::kGs || s == insn::kCs) return m.undefined_opcode(Cause::RegisterNumber);
  const auto selector = static_cast<u16>(read_rm(m, i, 2));
  load_and_shadow(m, static_cast<Segment>(s), selector);
}

void push_segment(Machine& m, const Instruction& i) {
  const u64 selector = m.v[insn::selector_of(pushed_segment(i))];
  if (i.operand_bytes != 4 || m.v[insn::CapVendor] == insn::kAmd) return m.push(selector, i.operand_bytes);
  // Recent Intel CPUs move 16 bits and leave the rest of the slot alone (SDM 2 PUSH).
  const u64 top = m.stack_pointer() - 4;
  const u64 mask = mask_of(m.stack_address_bytes());
  m.write(insn::kSs, top & mask, 2, selector);
  if (m.ok()) m.set_stack_pointer(top);
}

void pop_segment(Machine& m, const Instruction& i) {
  const auto selector = static_cast<u16>(pop_selector(m, i));
  load_and_shadow(m, pushed_segment(i), selector);
}

void load_far_pointer(Machine& m, const Instruction& i) {
  if (!i.is_memory()) return m.undefined_opcode(Cause::Opcode);
  const FarPointer p = read_far_pointer(m, i, i.operand_bytes);
  m.load_segment(pointer_segment(i), p.selector);
  if (m.ok()) write_reg(m, i, i.reg(), i.operand_bytes, p.offset);
}

void swapgs(Machine& m, const Instruction&) {
  if (require_cpl0(m)) std::swap(m.v[insn::GsBase], m.v[insn::KernelGsBase]);
}

void fs_gs_base(Machine& m, const Instruction& i) {
  if (!m.cr4(insn::cr4::FSGSBASE)) return m.undefined_opcode(Cause::SystemFlags);
  u64& base = m.v[(i.group() & 1) == 0 ? insn::FsBase : insn::GsBase];
  if (i.group() < 2) return write_reg(m, i, i.rm(), i.operand_bytes, base);
  const u64 value = read_reg(m, i, i.rm(), i.operand_bytes);
  if (!m.is_canonical(value)) return m.general_protection(Cause::NonCanonical);
  base = value;
}

}  // namespace diffvisor::x86
