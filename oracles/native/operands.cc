// SPDX-License-Identifier: Apache-2.0
// Which memory the operands mean (SDM 1 3.7): only to know where to look for changes and what not to run. A mistake
// here costs time, not truth: the child finds changes elsewhere too.
#include <algorithm>

#include "harness/arch/insn/fields.h"
#include "harness/base/bits.h"
#include "oracles/native/guest_pages.h"
#include "oracles/native/instruction.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 kAllPages = ~u64{0};
// Below and above the stack pointer: the frames of ENTER, PUSHA.
constexpr u64 kStackSlack = 0x200;
constexpr u64 kCacheLine = 64;

u64 register_value(const u64* v, const Instruction& i, ZydisRegister r) {
  if (r == ZYDIS_REGISTER_NONE) return 0;
  if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP || r == ZYDIS_REGISTER_IP) return i.next;
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return 0;
  const unsigned width = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r);
  return v[Rax + static_cast<unsigned>(whole - ZYDIS_REGISTER_RAX)] & ones(width);
}

bool is_bit_test(const Instruction& i) {
  return i.is(ZYDIS_MNEMONIC_BT) || i.is(ZYDIS_MNEMONIC_BTS) || i.is(ZYDIS_MNEMONIC_BTR) || i.is(ZYDIS_MNEMONIC_BTC);
}

// PUSH, CALL and the like: the address size prefix does not count.
bool is_stack(const ZydisDecodedOperand& op) {
  return op.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
         ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op.mem.base) == ZYDIS_REGISTER_RSP;
}

u64 effective_address(const u64* v, const Instruction& i, const ZydisDecodedOperand& op) {
  u64 a = register_value(v, i, op.mem.base) + register_value(v, i, op.mem.index) * op.mem.scale;
  if (op.mem.disp.has_displacement) a += static_cast<u64>(op.mem.disp.value);
  if (is_bit_test(i) && i.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
    const u64 offset = sign_extend(register_value(v, i, i.operands[1].reg.value), i.operands[1].size);
    a += sign_extend(offset >> 3, 61) & ~u64{op.size / 8u - 1};
  }
  return a &
         ones(is_stack(op) ? ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, op.mem.base) : i.decoded.address_width);
}

// Behind the first access of a string instruction with REP.
u64 repeated_bytes(const u64* v, const Instruction& i, u64 bytes) {
  const u64 count = v[Rcx] & ones(i.decoded.address_width);
  return count > kRamEnd ? kRamEnd : count * bytes;
}

Extent extent_of(const u64* v, const Instruction& i, const ZydisDecodedOperand& op) {
  const u64 a = effective_address(v, i, op), bytes = std::max<u64>(op.size / 8u, 1);
  Extent e{a, a + bytes - 1, static_cast<unsigned>(bytes)};
  if (is_stack(op)) {
    e.first -= kStackSlack;
    e.last += kStackSlack;
  }
  if (i.is_repeated && (v[Rflags] >> rflags::DF & 1) != 0) {
    e.first -= repeated_bytes(v, i, bytes);
  } else if (i.is_repeated) {
    e.last += repeated_bytes(v, i, bytes);
  }
  return e;
}

u64 pages_of(const Instruction& i, const Extent& e) {
  if (e.last - e.first >= kRamEnd / 4) return kAllPages;
  u64 pages = 0;
  for (u64 a = e.first & ~(kPage - 1); a - (e.first & ~(kPage - 1)) <= e.last - (e.first & ~(kPage - 1)); a += kPage) {
    const u64 linear = i.wide ? a : a & 0xffffffff;
    if (linear >> 47 != 0) continue;
    const Page p = user_page(linear);
    if (p.kind == Page::kMapped && p.in_ram()) pages |= u64{1} << (p.gpa / kPage);
  }
  return pages;
}

bool may_touch(const Extent& e, u64 pages, u64 linear) {
  const u64 page = user_page(linear).gpa / kPage;
  return (pages >> page & 1) != 0 && ((linear - e.first) % kPage <= e.last - e.first);
}

bool is_split_lock(const Instruction& i, const ZydisDecodedOperand& op, const Extent& e) {
  const bool locked = (i.decoded.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0 || i.is(ZYDIS_MNEMONIC_XCHG);
  return locked && op.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT && e.first % kCacheLine + e.bytes > kCacheLine;
}

}  // namespace

Limit examine_memory(const u64* v, Instruction& i) {
  for (const ZydisDecodedOperand& op : i.all_operands()) {
    if (op.type != ZYDIS_OPERAND_TYPE_MEMORY || op.mem.type == ZYDIS_MEMOP_TYPE_AGEN) continue;
    const Extent e = extent_of(v, i, op);
    if (is_split_lock(i, op, e)) return Limit::SplitLock;
    const u64 pages = pages_of(i, e);
    i.pages |= pages;
    for (unsigned s = 0; s < i.stops; ++s)
      if (may_touch(e, pages, i.stop_at[s])) i.stop = Stop::SingleStep;
  }
  return Limit::None;
}

}  // namespace diffvisor::native
