// SPDX-License-Identifier: Apache-2.0
// SSE, SSE2 and SSE3 moves: SDM 1 10.4.1, 11.4.1, 12.3.
#include "models/x86/emulator/vector_operands.h"

#include <array>
#include <cstring>

#include "models/x86/emulator/instructions.h"

namespace diffvisor::x86 {
namespace {

constexpr u64 kLow32 = 0xffffffff;

Xmm load_xmm(Machine& m, const Instruction& i, unsigned alignment) {
  return i.is_memory() ? read_xmm(m, i, alignment) : get_xmm(m, i.rm());
}
void store_xmm(Machine& m, const Instruction& i, unsigned alignment) {
  if (i.is_memory()) return write_xmm(m, i, get_xmm(m, i.reg()), alignment);
  set_xmm(m, i.rm(), get_xmm(m, i.reg()));
}
u64 read_part(Machine& m, const Instruction& i, unsigned bytes) {
  return m.read(i.segment, effective_offset(m, i), bytes);
}
void write_part(Machine& m, const Instruction& i, unsigned bytes, u64 value) {
  m.write(i.segment, effective_offset(m, i), bytes, value);
}

// MOVSS and MOVSD: from memory the rest becomes 0, between registers it stays.
void scalar_load(Machine& m, const Instruction& i, u64 mask) {
  const Xmm old = get_xmm(m, i.reg());
  if (i.is_memory()) {
    set_xmm(m, i.reg(), {read_part(m, i, mask == kLow32 ? 4 : 8), 0});
  } else {
    set_xmm(m, i.reg(), {(old.low & ~mask) | (get_xmm(m, i.rm()).low & mask), old.high});
  }
}
void scalar_store(Machine& m, const Instruction& i, u64 mask) {
  const u64 value = get_xmm(m, i.reg()).low & mask;
  if (i.is_memory()) return write_part(m, i, mask == kLow32 ? 4 : 8, value);
  const Xmm old = get_xmm(m, i.rm());
  set_xmm(m, i.rm(), {(old.low & ~mask) | value, old.high});
}

u64 doubled(u64 half) { return (half & kLow32) | half << 32; }

// The top bits of elements of so many bytes, lowest first.
u64 sign_mask(const Xmm& x, unsigned bytes) {
  u64 mask = 0;
  const unsigned half = 8 / bytes;
  for (unsigned k = 0; k < 2 * half; ++k) {
    const u64 word = k < half ? x.low : x.high;
    mask |= (word >> (8 * bytes * (k % half + 1) - 1) & 1) << k;
  }
  return mask;
}

// The destination is a general register of 32 bits, or 64 with the same value.
void set_mask(Machine& m, const Instruction& i, u64 mask) { set_register(m, i, i.reg(), 4, mask); }

// The first half stays when the second faults.
void load_halves(Machine& m, const Instruction& i) {
  const u64 at = effective_offset(m, i);
  const u64 low = m.read(i.segment, at, 8);
  if (!m.ok()) return;
  set_xmm(m, i.reg(), {low, get_xmm(m, i.reg()).high});
  const u64 high = m.read(i.segment, at + 8, 8);
  if (m.ok()) return set_xmm(m, i.reg(), {low, high});
  m.committed = true;
  m.next_rip = m.v[insn::Rip];
}

}  // namespace

Xmm read_xmm(Machine& m, const Instruction& i, unsigned alignment) {
  std::array<u8, 16> bytes;
  m.read_block(i.segment, effective_offset(m, i), bytes, alignment);
  Xmm x;
  std::memcpy(&x.low, bytes.data(), 8);
  std::memcpy(&x.high, bytes.data() + 8, 8);
  return x;
}
void write_xmm(Machine& m, const Instruction& i, const Xmm& x, unsigned alignment) {
  std::array<u8, 16> bytes;
  std::memcpy(bytes.data(), &x.low, 8);
  std::memcpy(bytes.data() + 8, &x.high, 8);
  if (m.quirk(Quirk::UnicornHalves) && alignment == 1) {
    m.write(i.segment, effective_offset(m, i), 8, x.low);
    if (m.ok()) m.write(i.segment, effective_offset(m, i) + 8, 8, x.high);
    return;
  }
  m.write_block(i.segment, effective_offset(m, i), bytes, alignment);
}

void movu_load(Machine& m, const Instruction& i) {
  if (m.quirk(Quirk::UnicornHalves) && i.is_memory()) return load_halves(m, i);
  set_xmm(m, i.reg(), load_xmm(m, i, 1));
}
void movu_store(Machine& m, const Instruction& i) { store_xmm(m, i, 1); }
void mova_load(Machine& m, const Instruction& i) { set_xmm(m, i.reg(), load_xmm(m, i, 16)); }
void mova_store(Machine& m, const Instruction& i) { store_xmm(m, i, 16); }
void movss_load(Machine& m, const Instruction& i) { scalar_load(m, i, kLow32); }
void movsd_load(Machine& m, const Instruction& i) { scalar_load(m, i, ~u64{0}); }
void movss_store(Machine& m, const Instruction& i) { scalar_store(m, i, kLow32); }
void movsd_store(Machine& m, const Instruction& i) { scalar_store(m, i, ~u64{0}); }

void movl_load(Machine& m, const Instruction& i) {
  set_xmm(m, i.reg(), {read_part(m, i, 8), get_xmm(m, i.reg()).high});
}
void movl_store(Machine& m, const Instruction& i) { write_part(m, i, 8, get_xmm(m, i.reg()).low); }
void movh_load(Machine& m, const Instruction& i) { set_xmm(m, i.reg(), {get_xmm(m, i.reg()).low, read_part(m, i, 8)}); }
void movh_store(Machine& m, const Instruction& i) { write_part(m, i, 8, get_xmm(m, i.reg()).high); }
void movhlps(Machine& m, const Instruction& i) {
  set_xmm(m, i.reg(), {get_xmm(m, i.rm()).high, get_xmm(m, i.reg()).high});
}
void movlhps(Machine& m, const Instruction& i) {
  set_xmm(m, i.reg(), {get_xmm(m, i.reg()).low, get_xmm(m, i.rm()).low});
}

void movsldup(Machine& m, const Instruction& i) {
  const Xmm x = load_xmm(m, i, 16);
  set_xmm(m, i.reg(), {doubled(x.low), doubled(x.high)});
}
void movshdup(Machine& m, const Instruction& i) {
  const Xmm x = load_xmm(m, i, 16);
  set_xmm(m, i.reg(), {doubled(x.low >> 32), doubled(x.high >> 32)});
}
void movddup(Machine& m, const Instruction& i) {
  const u64 low = i.is_memory() ? read_part(m, i, 8) : get_xmm(m, i.rm()).low;
  set_xmm(m, i.reg(), {low, low});
}

void movmskps(Machine& m, const Instruction& i) { set_mask(m, i, sign_mask(get_xmm(m, i.rm()), 4)); }
void movmskpd(Machine& m, const Instruction& i) { set_mask(m, i, sign_mask(get_xmm(m, i.rm()), 8)); }
void pmovmskb(Machine& m, const Instruction& i) { set_mask(m, i, sign_mask(get_xmm(m, i.rm()), 1)); }

void movd_to_xmm(Machine& m, const Instruction& i) { set_xmm(m, i.reg(), {source(m, i), 0}); }
void movd_from_xmm(Machine& m, const Instruction& i) { set_destination(m, i, get_xmm(m, i.reg()).low); }
void movq_load(Machine& m, const Instruction& i) {
  set_xmm(m, i.reg(), {i.is_memory() ? read_part(m, i, 8) : get_xmm(m, i.rm()).low, 0});
}
void movq_store(Machine& m, const Instruction& i) {
  const u64 low = get_xmm(m, i.reg()).low;
  if (i.is_memory()) return write_part(m, i, 8, low);
  set_xmm(m, i.rm(), {low, 0});
}

}  // namespace diffvisor::x86
