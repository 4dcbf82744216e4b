// SPDX-License-Identifier: Apache-2.0
// Inputs of instructions that load selectors, transfer control across segments, touch ports and system registers.
#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/operands.h"
#include "fuzzers/x86_insn/prepare.h"
#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

constexpr unsigned kRax = 0, kRcx = 1, kRdx = 2;

// A value near the one a system register has: one or two bits away, or an edge.
u64 near_value(Builder& b, u64 now) {
  const u64 r = b.rng.below(10);
  if (r < 2) return now;
  if (r < 7) return now ^ bit(static_cast<unsigned>(b.rng.below(r < 6 ? 32 : 64)));
  if (r < 9) return now ^ bit(static_cast<unsigned>(b.rng.below(32))) ^ bit(static_cast<unsigned>(b.rng.below(32)));
  return edge_value(b.rng);
}

// Control registers change by bits that mean something: the choice among those that the state allows or forbids.
constexpr u8 kCr0Bits[] = {cr0::PE, cr0::MP, cr0::EM, cr0::TS, cr0::NE, cr0::WP,
                           cr0::AM, cr0::NW, cr0::CD, cr0::PG, cr0::PG};
constexpr unsigned kCr4Bits = 26, kXcr0Bits = 10;

u64 near_cr0(Builder& b) {
  if (b.chance(30)) return near_value(b, b.v[Cr0]);
  const bool before_long = !b.paging && (b.v[Efer] & bit(efer::LME)) != 0;
  if (before_long && b.chance(50)) return b.v[Cr0] | bit(cr0::PG) | bit(cr0::PE);
  u64 value = b.v[Cr0] ^ bit(pick(b.rng, kCr0Bits));
  if (b.chance(30)) value ^= bit(pick(b.rng, kCr0Bits));
  return value;
}

u64 near_cr4(Builder& b) {
  if (b.chance(30)) return near_value(b, b.v[Cr4]);
  u64 value = b.v[Cr4] ^ bit(static_cast<unsigned>(b.rng.below(kCr4Bits)));
  if (b.chance(30)) value ^= bit(static_cast<unsigned>(b.rng.below(kCr4Bits)));
  return value;
}

u64 near_xcr0(Builder& b) {
  u64 value = b.v[Xcr0] | 1;
  for (u64 n = b.rng.below(3); n > 0; --n) value ^= bit(static_cast<unsigned>(b.rng.below(kXcr0Bits)));
  return value;
}

u64 control_value(Builder& b, unsigned number) {
  static constexpr u64 kTables[] = {kPml4,           kPml4,           kPd32,          kPdptPae,
                                    kPml5,           kPml4 | 0x18,    kPml4 | 0x123,  bit(63) | kPml4,
                                    kPml4 | bit(45), kPml4 | bit(52), kPml4 | bit(62)};
  const u64* v = b.v;
  switch (number) {
    case 0:
      return near_cr0(b);
    case 2:
      return edge_value(b.rng);
    case 3:
      return b.chance(30) ? near_value(b, v[Cr3]) : pick(b.rng, kTables);
    case 4:
      return near_cr4(b);
    default:
      return b.chance(80) ? b.rng.below(20) : edge_value(b.rng);
  }
}

// DR4 to DR7 take 32 bits; breakpoints are seldom enabled. DR0 to DR3 are addresses.
u64 debug_value(Builder& b, unsigned number) {
  const u64 r = b.rng.next();
  if (number < 4 && !b.chance(10)) return edge_value(b.rng);
  if ((r & 7) == 0) return r;
  const u64 upper = (r & 0x38) == 0 ? bit(32 + static_cast<unsigned>(r >> 6 & 31)) : 0;
  return upper | (r >> 32 & ~(number % 2 == 0 ? 0 : u64{0xff}));
}

void choose_move_to_register(Builder& b) {
  const u8 op = b.code.opcode();
  if (op == 0x22 || op == 0x23) b.reg(b.code.rm()) = system_value(b, op, b.code.reg());
  if ((op == 0x21 || op == 0x23) && b.chance(12)) b.v[Dr7] |= bit(13);
}

struct MsrRow {
  std::uint32_t number;
  std::uint16_t slot;
};
constexpr MsrRow kMsrs[] = {
    {0xc0000080, Efer},   {0xc0000081, Star},   {0xc0000082, Lstar},  {0xc0000083, Cstar},
    {0xc0000084, Fmask},  {0xc0000100, FsBase}, {0xc0000101, GsBase}, {0xc0000102, KernelGsBase},
    {0xc0000103, TscAux}, {0x174, SysenterCs},  {0x175, SysenterEsp}, {0x176, SysenterEip},
};
constexpr u64 kOtherMsrs[] = {0,     0x10,  0x1b,  0x3a,  0xfe,  0x179,      0x1a0,      0x1d9,      0x200,
                              0x277, 0x2ff, 0x480, 0x570, 0x802, 0xc0010015, 0xc0010114, 0xc0000104, 0xffffffff};

void choose_msr(Builder& b) {
  const MsrRow& row = pick(b.rng, kMsrs);
  b.reg(kRcx) = row.number | (b.mode == kLong64 && b.chance(20) ? bit(40) : 0);
  u64 value = near_value(b, b.v[row.slot]);
  if (row.slot != Efer && b.chance(40)) value = edge_value(b.rng);
  if (b.chance(6)) b.reg(kRcx) = pick(b.rng, kOtherMsrs);
  b.reg(kRax) = (value & 0xffffffff) | (b.chance(10) ? bit(35) : 0);
  b.reg(kRdx) = value >> 32;
}

u64 choose_port(Builder& b) {
  static constexpr u64 kEdges[] = {0, 7, 8, 0xff, 0x3f7, 0x3f8, 0x7bb7, 0x7bbf, 0x7bc0, 0x7fff, 0xfffe, 0xffff};
  return b.chance(30) ? pick(b.rng, kEdges) : b.rng.next() & 0xffff;
}

void choose_bitmap(Builder& b, u64 port) {
  if (b.mode == kReal16) return;
  const u64 tss = b.v[TrBase];
  const u64 r = b.rng.below(100);
  if (r < 45) return;
  if (r < 65) {  // around this port
    b.poke(tss + kIoBitmap + (port >> 3), 2, b.chance(60) ? 0 : b.rng.next() & b.rng.next());
  } else if (r < 80) {
    b.v[TrLimit] = kIoBitmap + (port >> 3) + b.rng.below(4) - 1;
  } else if (r < 90) {
    b.poke(tss + 0x66, 2, b.chance(50) ? kIoBitmap + b.rng.below(16) : b.rng.next());
  } else if (r < 95) {
    b.v[TrLimit] = 0x64 + b.rng.below(8);
  } else {
    b.v[TrAttr] = 0x83;  // a 16-bit task has no bitmap
  }
}

void choose_io(Builder& b) {
  const u8 op = b.code.opcode();
  u64 port = choose_port(b);
  if (op >= 0xe4 && op <= 0xe7) {
    port &= 0xff;
    set_immediate(b, 0, port);
  } else {
    b.set_low(kRdx, 2, port);
  }
  choose_bitmap(b, port);
}

void choose_interrupt(Builder& b) {
  static constexpr u64 kVectors[] = {0x80, 0x81, 0x90, 0xff, 3, 4, 0x20, 0x2f, 0, 8, 13};
  unsigned vector = b.code.opcode() == 0xcc ? 3 : b.code.opcode() == 0xce ? 4 : 1;
  if (b.code.opcode() == 0xcd) {
    const u64 n = b.chance(75) ? pick(b.rng, kVectors) : b.rng.next() & 0xff;
    set_immediate(b, 0, n);
    vector = static_cast<unsigned>(n);
    if (b.mode == kVirtual8086 && b.chance(30)) b.poke(kTss32 + 0x68 + (n >> 3), 1, b.rng.next());
  }
  disturb_delivery(b, vector);
}

u64 linear_behind(const Builder& b) { return b.code_linear + b.code.length; }

// Code of the GDT is flat but for its 16-bit segments. Below 4 GiB are all bytes that the upper halves show.
u64 offset_behind(const Builder& b, u64 selector) {
  const u64 index = selector & ~u64{7};
  if (!is_protected(b.mode)) return linear_behind(b) & 15;
  if (index == kSelCode64 || index == kSelUserCode64) return linear_behind(b);
  return (linear_behind(b) - (index == kSelCode16 || index == kSelUserCode16 ? kCode : 0)) & 0xffffffff;
}

u64 far_offset(Builder& b, u64 selector) {
  const u64 index = selector & ~u64{7};
  if (b.onward != 0) return offset_behind(b, selector);
  if (!is_protected(b.mode)) return b.rng.below(0x1000);
  if ((index == kSelCode16 || index == kSelUserCode16) && b.chance(90)) return b.rng.below(0x10000);
  return b.chance(85) ? kCode + b.rng.below(0x10000) : choose_target(b);
}

// One word of what a task begins with.
void disturb_task(Builder& b, bool wide) {
  const u64 tss = wide ? kTaskTarget32 : kTaskTarget16;
  const u64 r = b.rng.below(10);
  if (r == 0) {
    b.poke(tss + (wide ? 0x20 : 0x0e), wide ? 4 : 2, edge_value(b.rng));
  } else if (r == 1) {
    b.poke(tss + (wide ? 0x24 : 0x10), wide ? 4 : 2, b.rng.next() & rflags::kDefined & ~bit(rflags::TF));
  } else if (r == 2) {
    b.poke(tss + (wide ? 0x60 : 0x2a), 2, choose_selector(b));
  } else {
    const u64 n = b.rng.below(wide ? 6 : 4);
    b.poke(tss + (wide ? 0x48 + 4 * n : 0x22 + 2 * n), 2, choose_selector(b));
  }
}

u64 far_selector(Builder& b) {
  if (b.onward != 0) return is_protected(b.mode) ? b.onward : linear_behind(b) >> 4 & 0xffff;
  if (!is_protected(b.mode)) return b.chance(80) ? (kCode >> 4) + b.rng.below(0x800) : b.rng.next() & 0xffff;
  static constexpr u64 kShort[] = {kSelCode32,   kSelUserCode32, kSelCode16, kSelUserCode16, kSelCodeConforming,
                                   kSelGate32,   kSelGate16,     kSelGate32, kSelTask32,     kSelTask16,
                                   kSelTaskGate, 0x0c,           0x14};
  static constexpr u64 kLong[] = {kSelCode64, kSelUserCode64, kSelCode32, kSelUserCode32, kSelCodeConforming,
                                  kSelGate64, kSelGate64,     kSelGate64, 0x0c,           kSelTss64Available};
  const u64 index = is_long(b.mode) ? pick(b.rng, kLong) : pick(b.rng, kShort);
  u64 selector = index | (b.chance(70) ? b.cpl : b.rng.below(4));
  const bool gate = index == kSelGate64 || index == kSelGate32 || index == kSelGate16;
  if (gate && b.cpl != 0 && b.chance(60)) disturb_stacks(b);
  const bool task = index == kSelTask32 || index == kSelTask16 || index == kSelTaskGate;
  if (task && b.chance(60)) disturb_task(b, index != kSelTask16);
  if (!gate && b.chance(35)) selector = b.v[CsSelector];
  if (b.chance(10)) selector = choose_selector(b);
  if (b.chance(25)) disturb_descriptor(b, selector);
  return selector;
}

u64 data_selector(Builder& b) {
  if (!is_protected(b.mode)) return b.chance(60) ? (kData >> 4) + b.rng.below(0x800) : b.rng.next() & 0xffff;
  const u64 selector = choose_selector(b);
  if (b.chance(40)) disturb_descriptor(b, selector);
  return selector;
}

// LLDT and LTR mostly get what they take.
u64 system_selector(Builder& b) {
  if (b.code.is(1, 0) && b.code.group() == 2 && b.chance(70)) return kSelLdt;
  if (b.code.is(1, 0) && b.code.group() == 3 && b.chance(70))
    return b.mode == kLong64 || b.chance(20) ? kSelTss64Available : b.chance(60) ? kSelTask32 : kSelTask16;
  return data_selector(b);
}

void put_selector(Builder& b) {
  const u64 selector = b.code.map() == 1 && b.code.opcode() == 0 ? system_selector(b) : data_selector(b);
  if (b.code.is_memory()) {
    b.poke_linear(b.operand_linear, 2, selector);
  } else {
    b.set_low(b.code.rm(), 2, selector);
  }
}

void put_far_pointer(Builder& b, bool code) {
  if (!b.code.is_memory()) return;
  const unsigned bytes = b.code.operand_bytes();
  const u64 selector = code ? far_selector(b) : data_selector(b);
  b.poke_linear(b.operand_linear, bytes, code ? far_offset(b, selector) : edge_value(b.rng));
  b.poke_linear(b.operand_linear + bytes, 2, selector);
}

// RETF and IRET: offset, selector, flags, then what an outer level or virtual-8086 mode needs.
void put_frame(Builder& b, bool flags) {
  const unsigned n = b.code.operand_bytes() == 0 ? 2 : b.code.operand_bytes();
  u64 selector = far_selector(b);
  if (b.onward == 0 && is_protected(b.mode) && b.chance(60))
    selector =
        b.chance(50) ? b.v[CsSelector] : 3u | (b.mode == kLong64 && b.chance(60) ? kSelUserCode64 : kSelUserCode32);
  poke_stack(b, 0, n, far_offset(b, selector));
  poke_stack(b, n, n, selector | (b.chance(5) ? 0x10000 : 0));
  u64 at = 2 * n;
  if (flags) {
    u64 f = b.v[Rflags] ^ (b.rng.next() & b.rng.next() & 0x3fffff);
    if (!b.chance(12)) f &= ~bit(rflags::VM);
    poke_stack(b, at, n, f);
    at += n;
  } else if (b.code.opcode() == 0xca) {
    at += immediate_of(b.code, 0).bytes == 2 ? b.code.decoded.raw.imm[0].value.u : 0;
  }
  poke_stack(b, at, n, b.chance(90) ? kStack + b.rng.below(0x10000) : edge_value(b.rng));
  u64 stack = selector % 4 == 3 ? kSelUserData | 3 : kSelData | (selector & 3);
  if (b.chance(20)) stack = choose_selector(b);
  if (b.chance(10)) disturb_descriptor(b, stack);
  poke_stack(b, at + n, n, stack);
}

void put_descriptor_table(Builder& b) {
  if (!b.code.is_memory() || (b.code.group() & 6) != 2) return;
  b.poke_linear(b.operand_linear, 2, b.chance(50) ? kGdtLimit : b.rng.next());
  b.poke_linear(b.operand_linear + 2, b.mode == kLong64 ? 8 : 4, b.chance(60) ? kGdt : edge_value(b.rng));
}

void choose_fast_call(Builder& b) {
  const u8 op = b.code.opcode();
  if (op == 0x07 || op == 0x35) {
    b.reg(kRcx) = b.chance(80) ? kCode + b.rng.below(0x10000) : edge_value(b.rng);
    b.reg(kRdx) = b.chance(80) ? kCode + b.rng.below(0x10000) : edge_value(b.rng);
    if (b.mode == kLong64) b.reg(11) = b.rng.next();
    if (b.mode == kLong64 && b.chance(80)) b.reg(11) &= rflags::kDefined;
  }
}

void put_invpcid(Builder& b) {
  if (!b.code.is_memory()) return;
  b.reg(b.code.reg()) = b.chance(85) ? b.rng.below(4) : edge_value(b.rng);
  b.poke_linear(b.operand_linear, 8, b.chance(50) ? 0 : b.chance(60) ? b.rng.below(0x1000) : b.rng.next());
  b.poke_linear(b.operand_linear + 8, 8, b.chance(80) ? kData : edge_value(b.rng));
}

void choose_group_seven(Builder& b) {
  if (b.code.is_memory()) return;
  const unsigned rm = b.code.decoded.raw.modrm.rm;
  if (b.code.group() == 2 || b.code.group() == 5) {  // XGETBV, XSETBV; RDPKRU, WRPKRU
    b.reg(kRcx) = b.chance(85) ? 0 : b.rng.below(3);
    if (b.code.group() == 2) b.reg(kRax) = b.chance(85) ? near_xcr0(b) : edge_value(b.rng);
    if (b.chance(85)) b.reg(kRdx) = 0;
    if (b.chance(80)) b.v[Cr4] |= bit(b.code.group() == 5 ? cr4::PKE : cr4::OSXSAVE) & cr4_mask(b.v);
  }
  if (b.code.group() == 6) b.set_low(rm, 2, b.chance(50) ? b.rng.below(16) : b.rng.next());  // LMSW
}

bool is_io(u8 op) { return (op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef) || (op >= 0x6c && op <= 0x6f); }

}  // namespace

u64 system_value(Builder& b, u8 move, unsigned number) {
  return move == 0x22 ? control_value(b, number) : debug_value(b, number & 7);
}

void choose_system_inputs(Builder& b) {
  if (!b.code.valid || b.code.is_vex()) return;
  const u8 op = b.code.opcode();
  if (b.code.map() == 0) {
    if (is_io(op)) choose_io(b);
    if ((op >= 0xcc && op <= 0xce) || op == 0xf1) choose_interrupt(b);
    if (op == 0x9a || op == 0xea) {
      const u64 selector = far_selector(b);
      set_immediate(b, 0, far_offset(b, selector));
      set_immediate(b, 1, selector);
    }
  }
  if (b.code.map() != 1) return;
  if (op >= 0x20 && op <= 0x23) choose_move_to_register(b);
  if (op == 0x30 || op == 0x32) choose_msr(b);
  if (op == 0x05 || op == 0x07 || op == 0x34 || op == 0x35) choose_fast_call(b);
  if (op == 0x01) choose_group_seven(b);
}

void fill_system_memory(Builder& b) {
  if (!b.code.valid || b.code.is_vex()) return;
  const u8 op = b.code.opcode();
  if (b.code.map() == 0) {
    if (op == 0x8e || op == 0x63) return put_selector(b);
    if (op == 0xc4 || op == 0xc5) return put_far_pointer(b, false);
    if (op == 0xff && (b.code.group() == 3 || b.code.group() == 5)) return put_far_pointer(b, true);
    if (op == 0xca || op == 0xcb) return put_frame(b, false);
    if (op == 0xcf) return put_frame(b, true);
    if (op == 0x07 || op == 0x17 || op == 0x1f) return poke_stack(b, 0, 2, data_selector(b));
  }
  if (b.code.map() == 2 && op == 0x82) return put_invpcid(b);
  if (b.code.map() != 1) return;
  if ((op == 0x00 && b.code.group() >= 2) || op == 0x02 || op == 0x03) return put_selector(b);
  if (op == 0x01) return put_descriptor_table(b);
  if (op == 0xb2 || op == 0xb4 || op == 0xb5) return put_far_pointer(b, false);
  if (op == 0xa1 || op == 0xa9) return poke_stack(b, 0, 2, data_selector(b));
}

}  // namespace diffvisor::x86_insn
