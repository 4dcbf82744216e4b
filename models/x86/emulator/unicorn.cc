// SPDX-License-Identifier: Apache-2.0
// Reasons and references are with the entries of corpus/known/x86_unicorn.toml that switch these on.
#include "models/x86/emulator/unicorn.h"

#include <algorithm>

#include "models/x86/decoder/opcode_table.h"
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/operands.h"
#include "models/x86/emulator/vector_operands.h"
#include "models/x86/segmentation/descriptor.h"
#include "models/x86/system/privilege.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

using namespace status;

constexpr unsigned kSp = 4, kBp = 5;

u64 linear_rip(const Machine& m) { return m.v[insn::CsBase] + m.v[insn::Rip]; }

u64 vex_source(Machine& m, const Instruction& i) { return get_register(m, i, i.vex_v, operand_size(i)); }

Instruction with_operand(Instruction i, unsigned bytes) {
  i.operand_bytes = static_cast<u8>(bytes);
  return i;
}

// ---- the operand size by prefixes alone, as if code were 32 bits wide

void popcnt_by_prefix(Machine& m, const Instruction& i) {
  popcnt(m, with_operand(i, i.operand_prefix ? 2 : i.rex_w() ? 8 : 4));
}
Instruction wide_first(const Instruction& i) { return with_operand(i, i.rex_w() ? 8 : i.operand_prefix ? 2 : 4); }
void movbe_by_prefix(Machine& m, const Instruction& i) { movbe(m, wide_first(i)); }
void crc32_by_prefix(Machine& m, const Instruction& i) { crc32_full(m, wide_first(i)); }

// ---- returns

Instruction with_signed_release(Instruction i) {
  i.immediate = static_cast<u64>(sign_extend(i.immediate, 2));
  return i;
}
void ret_signed(Machine& m, const Instruction& i) { ret(m, with_signed_release(i)); }

// A memory hook puts the linear address of the instruction back into EIP; the stack does not wrap for CS.
void ret_far_real(Machine& m, const Instruction& i) {
  if (m.protected_mode()) return ret_far(m, i);
  const unsigned bytes = i.operand_bytes;
  const u64 here = linear_rip(m), sp = m.stack_pointer();
  m.read(insn::kSs, sp, bytes);
  const u64 cs = m.read(insn::kSs, sp + bytes, bytes);
  if (!m.ok()) return;
  m.set_stack_pointer(sp + 2 * bytes + with_signed_release(i).immediate);
  set_real_segment(m, insn::kCs, static_cast<u16>(cs));
  m.next_rip = here & 0xffffffff;
}

void narrow(Machine& m, const Instruction& i) {
  m.narrow_stack = m.quirk(Quirk::UnicornFar) && m.code64() && i.operand_bytes < 8;
}
void any_ret_far(Machine& m, const Instruction& i) {
  narrow(m, i);
  if (m.quirk(Quirk::UnicornRealRet) && !m.protected_mode()) return ret_far_real(m, i);
  ret_far(m, m.quirk(Quirk::UnicornRetSigned) ? with_signed_release(i) : i);
}
template <Handler f>
void with_narrow_stack(Machine& m, const Instruction& i) {
  narrow(m, i);
  f(m, i);
}

// ---- the hook's address in a temporary that is still needed

void address_flags(Machine& m, const Instruction& i, bool left) {
  if (i.map == 0 && i.opcode < 0xd2) return;  // by a number, not by CL
  const unsigned count = static_cast<unsigned>(load(m, i, i.row->src, 1)) & (operand_size(i) == 8 ? 63 : 31);
  if (!m.ok() || !i.is_memory() || count == 0) return;
  const u64 here = linear_rip(m);
  const bool top = sign_of(here, operand_size(i)) != 0;
  m.set_flag(CF, left ? top : (here & 1) != 0);
  m.set_flag(OF, top != m.flag(SF));
  m.undefined_flags = 0;
}
template <Handler f, bool left>
void shift_by_address(Machine& m, const Instruction& i) {
  f(m, i);
  address_flags(m, i, left);
}

void enter_by_address(Machine& m, const Instruction& i) {
  const unsigned bytes = i.operand_bytes, address = m.stack_address_bytes();
  const unsigned levels = static_cast<unsigned>(i.immediate2) & 31;
  const u64 frame = m.reg(kSp) - bytes, old = m.reg(kBp), kept = mask_of(bytes);
  const auto at = [&](u64 base, unsigned n) { return (base - u64{bytes} * n) & mask_of(address); };
  m.write(insn::kSs, at(frame, 0), bytes, old & kept);
  for (unsigned n = 1; n < levels && m.ok(); ++n) {
    m.read(insn::kSs, at(old, n), bytes);
    m.write(insn::kSs, at(frame, n), bytes, linear_rip(m) & kept);
  }
  if (levels != 0) m.write(insn::kSs, at(frame, levels), bytes, frame & kept);
  set_register(m, i, kBp, address, frame);
  m.set_stack_pointer(frame - i.immediate - u64{bytes} * levels);
}

// ---- bit manipulation

// A register operand of 32 bits comes with its upper half.
u64 wide_source(Machine& m, const Instruction& i) { return i.is_memory() ? source(m, i) : m.reg(i.rm()); }

void bextr_short(Machine& m, const Instruction& i) {
  const unsigned bound = 8 * operand_size(i) - 1;
  const u64 control = vex_source(m, i), start = control & 0xff;
  const u64 length = std::min<u64>(control >> 8 & 0xff, bound);
  u64 result = wide_source(m, i);
  result = start <= bound ? result >> start : 0;
  result &= (u64{1} << length) - 1;
  set_flags(m, kStatus, result_flags(result, operand_size(i)));
  leave_undefined(m, Undefined::BitExtract);
  set_destination(m, i, result);
}

void bzhi_short(Machine& m, const Instruction& i) {
  const unsigned bound = 8 * operand_size(i) - 1;
  const u64 index = vex_source(m, i) & 0xff;
  const u64 result = wide_source(m, i) & ((u64{1} << std::min<u64>(index, bound)) - 1);
  set_flags(m, kStatus, (result_flags(result, operand_size(i)) & (S | Z)) | flag_bit(CF, index >= bound));
  leave_undefined(m, Undefined::BitManipulation);
  set_destination(m, i, result);
}

void blsi_carry(Machine& m, const Instruction& i) {
  blsi(m, i);
  m.set_flag(CF, !m.flag(CF));
}

// Mask and source are exchanged.
void pext_exchanged(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  u64 result = 0;
  unsigned k = 0;
  for (u64 left = vex_source(m, i); left != 0; left &= left - 1, ++k)
    result |= (src >> std::countr_zero(left) & 1) << k;
  set_destination(m, i, result);
}
void pdep_exchanged(Machine& m, const Instruction& i) {
  const u64 src = source(m, i);
  u64 result = 0;
  unsigned k = 0;
  for (u64 left = vex_source(m, i); left != 0; left &= left - 1, ++k)
    result |= (src >> k & 1) << std::countr_zero(left);
  set_destination(m, i, result);
}

// ---- single instructions

void bswap_wide(Machine& m, const Instruction& i) { i.operand_bytes == 2 ? bswap(m, with_operand(i, 4)) : bswap(m, i); }

// The byte register 4 after REX is SPL.
void lahf_spl(Machine& m, const Instruction& i) {
  if (i.rex == 0) return lahf(m, i);
  const u64 rax = m.reg(0);
  lahf(m, i);
  const u64 flags = m.reg(0) >> 8 & 0xff;
  m.reg(0) = rax;
  m.reg(kSp) = (m.reg(kSp) & ~u64{0xff}) | flags;
}
void sahf_spl(Machine& m, const Instruction& i) {
  const u64 rax = m.reg(0);
  if (i.rex != 0) m.reg(0) = (rax & ~u64{0xff00}) | (m.reg(kSp) & 0xff) << 8;
  sahf(m, i);
  m.reg(0) = rax;
}

// A memory operand is 32 bits wide, whatever the destination is.
void movsxd_wide(Machine& m, const Instruction& i) {
  if (!i.is_memory()) return movsxd(m, i);
  set_destination(m, i, static_cast<u64>(sign_extend(source(m, i, 4), 4)));
}

void undefined_test(Machine& m, const Instruction& i) {
  load(m, i, i.row->dst, operand_size(i));
  if (i.row->src != Operand::Imm || i.group() != 1 || (i.opcode | 1) != 0xf7) return test(m, i);
  m.undefined_opcode(Cause::Opcode);
}

void refuse(Machine& m, const Instruction&) { m.undefined_opcode(Cause::Opcode); }

// LOCK NEG sets flags by what was there before.
void neg_locked(Machine& m, const Instruction& i) {
  if (!i.lock) return neg(m, i);
  const unsigned bytes = operand_size(i);
  const u64 dst = load_to_modify(m, i, i.row->dst, bytes), negative = (~dst + 1) & mask_of(bytes);
  sub_flags(m, 0, negative, false, bytes);
  set_destination(m, i, negative);
}

template <Handler f>
void cpl_first(Machine& m, const Instruction& i) {
  if (m.quirk(Quirk::UnicornCplFirst) && m.cpl() != 0) return m.general_protection(Cause::Privilege);
  f(m, i);
}

// LOCK makes CR8 of CR0, in every mode.
void mov_from_locked_cr(Machine& m, const Instruction& i) {
  if (!i.lock || i.reg() != 0) return cpl_first<&mov_from_cr>(m, i);
  if (!require_cpl0(m)) return;
  m.undefined_flags = insn::rflags::kStatus;
  m.reg(i.rm()) = m.v[insn::Cr8];
}

void mov_to_locked_cr(Machine& m, const Instruction& i) {
  if (!i.lock || i.reg() != 0) return cpl_first<&mov_to_cr>(m, i);
  if (!require_cpl0(m)) return;
  m.undefined_flags = insn::rflags::kStatus;
  m.v[insn::Cr8] = m.reg(i.rm()) & 15;
}

// Both the accumulator and the destination are written, whatever the comparison says.
void cmpxchg_both(Machine& m, const Instruction& i) {
  const unsigned bytes = operand_size(i);
  const u64 dst = load_to_modify(m, i, i.row->dst, bytes), src = load(m, i, i.row->src, bytes);
  sub_flags(m, load(m, i, Operand::Acc, bytes), dst, false, bytes);
  const u64 result = m.flag(ZF) ? src : dst;
  if (i.is_memory()) set_destination(m, i, result);
  store(m, i, Operand::Acc, bytes, dst);
  if (!i.is_memory()) set_destination(m, i, result);
}

void push_wide_segment(Machine& m, const Instruction& i) {
  m.push(m.v[insn::selector_of(i.opcode >> 3 & 7)], i.operand_bytes);
}

// From the lowest address up.
void pusha_upwards(Machine& m, const Instruction& i) {
  const unsigned bytes = i.operand_bytes;
  const u64 top = m.reg(kSp) - 8 * bytes, mask = mask_of(m.stack_address_bytes());
  for (unsigned n = 0; n < 8; ++n)
    m.write(insn::kSs, (top + u64{bytes} * n) & mask, bytes, m.reg(7 - n) & mask_of(bytes));
  if (m.ok()) m.set_stack_pointer(top);
}

// A far pointer of LSS, LFS, LGS has no 64-bit offset.
void far_pointer_32(Machine& m, const Instruction& i) {
  load_far_pointer(m, with_operand(i, std::min<unsigned>(i.operand_bytes, 4)));
}

template <Handler f>
void without_virtual_interrupts(Machine& m, const Instruction& i) {
  constexpr u64 kBits = flag_bit(insn::cr4::VME) | flag_bit(insn::cr4::PVI);
  const u64 before = m.v[insn::Cr4];
  m.v[insn::Cr4] &= ~kBits;
  f(m, i);
  m.v[insn::Cr4] |= before & kBits;
}

void sti_blocking(Machine& m, const Instruction& i) {
  sti(m, i);
  if (m.quirk(Quirk::UnicornShadow) && m.ok()) m.new_shadow = 1;
}

constexpr u64 kRf = flag_bit(insn::rflags::RF), kVm = flag_bit(insn::rflags::VM);

// A block that began with RF clears it at its end, after the flags have been loaded.
void set_returned_flags(Machine& m, u64 kept, u64 before) {
  u64& flags = m.v[insn::Rflags];
  flags = (flags & ~kept) | (before & kept);
  if (m.had_rf) flags &= ~kRf;
}

void iret_flags(Machine& m, const Instruction& i) {
  const u64 before = m.v[insn::Rflags];
  with_narrow_stack<&iret>(m, i);
  if (!m.quirk(Quirk::UnicornReturnedFlags) || !m.ok()) return;
  const bool enters = (before & kVm) == 0 && m.virtual_8086();
  set_returned_flags(m, enters ? kRf : flag_bit(insn::rflags::VIF) | flag_bit(insn::rflags::VIP), before);
}

void sysret_flags(Machine& m, const Instruction& i) {
  const u64 before = m.v[insn::Rflags];
  sysret(m, i);
  if (!m.ok() || !m.long_mode()) return;
  const u64 loaded = m.v[insn::R11] & (kRf | kVm);
  // Its translator goes by a copy of VM that SYSRET does not change.
  if ((loaded & kVm) != 0 && m.v[insn::ExtraSteps] != 0) return m.cannot_judge("sysret_loads_vm");
  m.v[insn::Rflags] |= loaded;
  set_returned_flags(m, flag_bit(insn::rflags::VIF) | flag_bit(insn::rflags::VIP), before);
}

// RCL and RCR have set the flags when they store.
template <Handler f>
void rotate_before_store(Machine& m, const Instruction& i) {
  load(m, i, i.row->dst, operand_size(i));
  const bool read = m.ok();
  f(m, i);
  m.flags_survive = read && m.fault.raised;
}

void pushf_whole(Machine& m, const Instruction& i) {
  if (m.virtual_8086() && m.iopl() != 3) return m.general_protection(Cause::VirtualMode);
  m.push(m.v[insn::Rflags], i.operand_bytes);
  if (m.quirk(Quirk::UnicornRf) && m.v[insn::Shadow] != 0) m.set_flag(insn::rflags::RF, false);
}

// The whole pointer is read, though little of it is used.
template <Handler f>
void near_through_memory(Machine& m, const Instruction& i) {
  if (m.code64() && i.is_memory()) m.read(i.segment, effective_offset(m, i), 8);
  f(m, i);
}

// What has been popped stays when a later word faults.
void popa_downwards(Machine& m, const Instruction& i) {
  const unsigned bytes = i.operand_bytes;
  const u64 top = m.stack_pointer(), mask = mask_of(m.stack_address_bytes());
  for (unsigned n = 0; n < 8; ++n) {
    if (n == 7 - kSp) continue;
    const u64 value = m.read(insn::kSs, (top + u64{bytes} * n) & mask, bytes);
    if (!m.ok()) {
      m.committed = true;
      m.next_rip = m.v[insn::Rip];
      return;
    }
    set_register(m, i, 7 - n, bytes, value);
  }
  m.set_stack_pointer(top + 8 * bytes);
}

void exchange_with_pause(Machine& m, const Instruction& i) {
  if ((i.rex & 1) != 0) xchg(m, i);
}

// Memory is written whether it changes or not.
void arpl_always(Machine& m, const Instruction& i) {
  arpl(m, i);
  if (!i.is_memory() || m.flag(ZF)) return;
  const u64 at = effective_offset(m, i);
  m.write(i.segment, at, 2, m.read(i.segment, at, 2));
}

// 66 leaves all 64 bits.
void base_by_prefix(Machine& m, const Instruction& i) { fs_gs_base(m, i.operand_prefix ? with_operand(i, 8) : i); }

struct Replacement {
  Handler row;
  Quirk quirk;
  Handler handler;
};
constexpr Replacement kReplacements[] = {
    {&popcnt, Quirk::UnicornOperandSize, &popcnt_by_prefix},
    {&movbe, Quirk::UnicornOperandSize, &movbe_by_prefix},
    {&crc32_full, Quirk::UnicornOperandSize, &crc32_by_prefix},
    {&ret_far, Quirk::UnicornRealRet, &any_ret_far},
    {&ret_far, Quirk::UnicornRetSigned, &any_ret_far},
    {&ret_far, Quirk::UnicornFar, &any_ret_far},
    {&call_far_memory, Quirk::UnicornFar, &with_narrow_stack<&call_far_memory>},
    {&ret, Quirk::UnicornRetSigned, &ret_signed},
    {&shl, Quirk::UnicornAddress, &shift_by_address<&shl, true>},
    {&shr, Quirk::UnicornAddress, &shift_by_address<&shr, false>},
    {&sar, Quirk::UnicornAddress, &shift_by_address<&sar, false>},
    {&shld, Quirk::UnicornAddress, &shift_by_address<&shld, true>},
    {&shrd, Quirk::UnicornAddress, &shift_by_address<&shrd, false>},
    {&enter, Quirk::UnicornEnter, &enter_by_address},
    {&bextr, Quirk::UnicornBextr, &bextr_short},
    {&bzhi, Quirk::UnicornBzhi, &bzhi_short},
    {&blsi, Quirk::UnicornBlsi, &blsi_carry},
    {&pext, Quirk::UnicornPext, &pext_exchanged},
    {&pdep, Quirk::UnicornPext, &pdep_exchanged},
    {&bswap, Quirk::UnicornBswap, &bswap_wide},
    {&lahf, Quirk::UnicornLahf, &lahf_spl},
    {&sahf, Quirk::UnicornLahf, &sahf_spl},
    {&test, Quirk::UnicornTest, &undefined_test},
    {&int1, Quirk::UnicornInt1, &refuse},
    {&rdpid, Quirk::UnicornMissing, &refuse},
    {&invpcid, Quirk::UnicornMissing, &refuse},
    {&movdiri, Quirk::UnicornMissing, &refuse},
    {&movdir64b, Quirk::UnicornMissing, &refuse},
    {&neg, Quirk::UnicornLockNeg, &neg_locked},
    {&mov_from_cr, Quirk::UnicornLock, &mov_from_locked_cr},
    {&mov_to_cr, Quirk::UnicornLock, &mov_to_locked_cr},
    {&cmpxchg, Quirk::UnicornCmpxchg, &cmpxchg_both},
    {&push_segment, Quirk::UnicornPushSegment, &push_wide_segment},
    {&pusha, Quirk::UnicornPusha, &pusha_upwards},
    {&popa, Quirk::UnicornPusha, &popa_downwards},
    {&call, Quirk::UnicornNearBranch, &near_through_memory<&call>},
    {&jmp, Quirk::UnicornNearBranch, &near_through_memory<&jmp>},
    {&load_far_pointer, Quirk::UnicornFarPointer, &far_pointer_32},
    {&cli, Quirk::UnicornNoVme, &without_virtual_interrupts<&cli>},
    {&sti, Quirk::UnicornNoVme, &without_virtual_interrupts<&sti_blocking>},
    {&sti, Quirk::UnicornShadow, &sti_blocking},
    {&popf, Quirk::UnicornNoVme, &without_virtual_interrupts<&popf>},
    {&iret, Quirk::UnicornNoVme, &without_virtual_interrupts<&iret_flags>},
    {&iret, Quirk::UnicornFar, &iret_flags},
    {&iret, Quirk::UnicornReturnedFlags, &iret_flags},
    {&sysret, Quirk::UnicornReturnedFlags, &sysret_flags},
    {&int_n, Quirk::UnicornNoVme, &without_virtual_interrupts<&int_n>},
    {&rcl, Quirk::UnicornFaultFlags, &rotate_before_store<&rcl>},
    {&rcr, Quirk::UnicornFaultFlags, &rotate_before_store<&rcr>},
    {&pushf, Quirk::UnicornPushf, &pushf_whole},
    {&xchg_or_nop, Quirk::UnicornPause, &exchange_with_pause},
    {&arpl, Quirk::UnicornArpl, &arpl_always},
    {&fs_gs_base, Quirk::UnicornFsGsBase, &base_by_prefix},
    {&clflush, Quirk::UnicornClflush, &nop},
    {&xsetbv, Quirk::UnicornCplFirst, &cpl_first<&xsetbv>},
    {&mov_to_cr, Quirk::UnicornCplFirst, &cpl_first<&mov_to_cr>},
    {&mov_from_cr, Quirk::UnicornCplFirst, &cpl_first<&mov_from_cr>},
    {&mov_to_dr, Quirk::UnicornCplFirst, &cpl_first<&mov_to_dr>},
    {&mov_from_dr, Quirk::UnicornCplFirst, &cpl_first<&mov_from_dr>},
    {&movsxd, Quirk::UnicornMovsxd, &movsxd_wide},
};

}  // namespace

Handler unicorn_handler(const Machine& m, const Instruction& i) {
  for (const Replacement& r : kReplacements)
    if (r.row == i.row->handler && m.quirk(r.quirk)) return r.handler;
  return i.row->handler;
}

bool unicorn_lacks(const Machine& m, const Instruction& i) { return unicorn_handler(m, i) == &refuse; }

}  // namespace diffvisor::x86
