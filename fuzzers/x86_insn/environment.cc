// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/environment.h"

#include <bit>

#include "harness/base/bits.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

void set_bit(u64& word, unsigned b, bool on) { word = on ? word | bit(b) : word & ~bit(b); }

// A word whose bit i is set with about 1/4 (`rare` bits 1/32) of the chance.
u64 sparse(Rng& rng) { return rng.next() & rng.next(); }

void choose_cpl(Builder& b) {
  if (!is_protected(b.mode)) {
    b.cpl = b.mode == kVirtual8086 ? 3 : 0;
    return;
  }
  static constexpr u8 kLevels[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, 2};
  b.cpl = pick(b.rng, kLevels);
  if (b.cpl == 0) return;
  set_bit(b.v[SsAttr], attr::DPL, b.cpl & 1);
  set_bit(b.v[SsAttr], attr::DPL + 1, b.cpl & 2);
  if (b.cpl != 3) return;
  b.v[SsSelector] = kSelUserData | 3;
  b.v[CsSelector] = 3u | (b.mode == kLong64        ? kSelUserCode64
                          : b.mode == kProtected16 ? kSelUserCode16
                                                   : kSelUserCode32);
  for (const unsigned s : {kEs, kDs, kFs, kGs}) {
    b.v[selector_of(s)] = kSelUserData | 3;
    b.v[attr_of(s)] |= 0x60;
  }
}

void choose_paging(Builder& b) {
  u64* v = b.v;
  const u64 r = b.rng.below(100);
  if (is_long(b.mode)) {
    b.paging = b.wide = true;
    if (has(v, feature::LA57) && r < 40) {
      v[Cr4] |= bit(cr4::LA57);
      v[Cr3] = kPml5;
    }
    return;
  }
  const unsigned off = b.mode == kProtected32 ? 20 : 45;
  if (b.mode == kReal16 || r < off) {
    v[Cr0] &= ~bit(cr0::PG);
    return;
  }
  b.paging = true;
  v[Cr0] |= bit(cr0::PG);
  b.wide = r < off + (100 - off) / 2 && has(v, feature::PAE);
  if (!b.wide) return;
  v[Cr4] |= bit(cr4::PAE);
  v[Cr3] = kPdptPae;
}

void choose_control(Builder& b) {
  u64* v = b.v;
  const u64 r = b.rng.next();
  const auto rolls = [r](unsigned place, unsigned of256) { return (r >> 8 * place & 0xff) < of256; };
  set_bit(v[Cr0], cr0::WP, rolls(0, 180));
  set_bit(v[Cr0], cr0::AM, rolls(1, 80));
  set_bit(v[Cr0], cr0::TS, rolls(2, 10));
  set_bit(v[Cr0], cr0::EM, rolls(3, 6));
  set_bit(v[Cr0], cr0::MP, rolls(4, 128));
  set_bit(v[Cr0], cr0::NE, rolls(5, 220));
  set_bit(v[Cr0], cr0::CD, rolls(6, 8));
  set_bit(v[Cr0], cr0::NW, rolls(6, 4));
  const u64 some = b.rng.next(), few = some & b.rng.next() & b.rng.next(), most = some | b.rng.next() | b.rng.next();
  constexpr u64 kSome = bit(cr4::VME) | bit(cr4::DE) | bit(cr4::PSE) | bit(cr4::MCE) | bit(cr4::PGE) | bit(cr4::PCE) |
                        bit(cr4::OSXMMEXCPT) | bit(cr4::FSGSBASE) | bit(cr4::OSXSAVE);
  constexpr u64 kFew = bit(cr4::PVI) | bit(cr4::TSD) | bit(cr4::UMIP) | bit(cr4::PKE) | bit(cr4::SMAP);
  const u64 cr4_bits = (some & kSome) | (few & kFew) | (most & bit(cr4::OSFXSR)) |
                       (few >> 1 & few >> 2 & bit(cr4::SMEP)) | (is_long(b.mode) ? few & bit(cr4::PCIDE) : 0);
  v[Cr4] = (v[Cr4] & ~(kSome | kFew | bit(cr4::OSFXSR))) | cr4_bits;
  if ((cr4_bits & bit(cr4::PCIDE)) != 0) v[Cr3] |= b.rng.below(0x1000);
  if ((cr4_bits & bit(cr4::PKE)) != 0) v[Pkru] = sparse(b.rng) & 0xffffffff;
  const u64 nxe = bit(efer::NXE), sce = bit(efer::SCE);
  if (is_long(b.mode)) {
    if (rolls(7, 24)) v[Efer] &= ~(r >> 48 & 1 ? nxe : sce);
  } else if (has(v, feature::LM)) {
    v[Efer] |= (rolls(7, 128) ? nxe : 0) | (r >> 49 & 1 ? sce : 0);
    if (!b.paging && b.chance(15)) prepare_long_mode(b);
  }
}

void choose_flags(Builder& b) {
  u64* v = b.v;
  const u64 r = b.rng.next();
  const auto rolls = [r](unsigned place, unsigned of256) { return (r >> 8 * place & 0xff) < of256; };
  u64 f = r >> 40 & (rflags::kStatus | bit(rflags::IF) | bit(rflags::ID));
  if (rolls(0, 8)) f |= bit(rflags::TF);
  if (rolls(1, 30)) f |= bit(rflags::AC);
  if (rolls(2, 10)) f |= bit(rflags::NT);
  if (rolls(3, 36)) f |= bit(rflags::DF);
  if (rolls(4, 6)) f |= bit(rflags::RF);
  const bool virtual_interrupts = b.mode == kVirtual8086 || (v[Cr4] & bit(cr4::PVI)) != 0;
  if (virtual_interrupts) f |= b.rng.next() & b.rng.next() & (bit(rflags::VIF) | bit(rflags::VIP));
  f |= (r & 0xf0000) == 0 || b.mode == kVirtual8086 ? u64{3} << rflags::IOPL : b.rng.below(4) << rflags::IOPL;
  if (b.mode == kVirtual8086 && rolls(1, 110)) f &= ~(u64{3} << rflags::IOPL);
  // Supervisor access to user pages works with AC only.
  if ((v[Cr4] & bit(cr4::SMAP)) != 0 && b.cpl != 3 && b.chance(75)) f |= bit(rflags::AC);
  v[Rflags] = f | 2;
}

void choose_debug(Builder& b) {
  u64* v = b.v;
  if (!b.chance(12)) return;
  for (unsigned i = 0; i < 4; ++i) v[Dr0 + i] = edge_value(b.rng);
  v[Dr6] = b.rng.next();
  const u64 settings = b.rng.next() & 0xffff0000;
  v[Dr7] = settings | 0x400 | (b.rng.next() & 0x300);
  if (b.chance(15)) v[Dr7] |= bit(13);
}

void choose_flat_segments(Builder& b) {
  u64* v = b.v;
  if (b.mode == kProtected16 || b.mode == kProtected32 || b.mode == kCompatibility32) {
    if (b.chance(b.mode == kProtected16 ? 50 : 10)) {  // a 16-bit stack
      v[SsAttr] &= ~bit(attr::DB);
      set_base(b, kSs, kStack);
      v[SsLimit] = 0xffff;
    }
    for (const unsigned s : {kEs, kDs, kFs, kGs})
      if (b.chance(12)) set_base(b, s, b.rng.below(2) == 0 ? kData : b.rng.below(kRamEnd));
  }
  if (b.mode == kLong64)
    for (const unsigned s : {kFs, kGs})
      if (b.chance(70)) v[base_of(s)] = b.chance(80) ? kData + b.rng.below(0x8000) : edge_value(b.rng);
  if (!is_protected(b.mode))
    for (const unsigned s : {kEs, kDs, kFs, kGs})
      if (b.chance(25)) set_base(b, s, (kData - 0x4000 + b.rng.below(0x10000)) & ~u64{15});
}

// Null selectors, other limits and types, before addresses are aimed: those that stay unharmed by aiming.
void choose_odd_segment(Builder& b) {
  if (!is_protected(b.mode) || !b.chance(8)) return;
  static constexpr unsigned kAny[] = {kEs, kDs, kFs, kGs, kDs, kSs};
  const unsigned s = pick(b.rng, kAny);
  u64& a = b.v[attr_of(s)];
  switch (b.rng.below(5)) {
    case 0:
      a = bit(attr::UNUSABLE);
      b.v[selector_of(s)] = 0;
      break;
    case 1:
      a &= ~bit(attr::WRITABLE);
      break;
    case 2:
      a |= bit(attr::CODE);
      break;
    case 3:
      a |= bit(attr::EXPAND_DOWN);
      b.v[limit_of(s)] = b.rng.below(kRamEnd);
      break;
    default:
      a ^= b.rng.next() & (bit(attr::DB) | bit(attr::AVL) | 0x60);
      break;
  }
}

void choose_msrs(Builder& b) {
  u64* v = b.v;
  if (!b.chance(10)) return;
  v[Star] = choose_selector(b) << 48 | (v[Star] & 0xffffffff);
  v[Star] |= choose_selector(b) << 32;
  v[Fmask] = b.rng.next() & 0xffffffff;
  v[SysenterCs] = b.chance(20) ? b.rng.below(4) : choose_selector(b);
  v[TscAux] = b.rng.next() & 0xffffffff;
  if (b.chance(50)) v[KernelGsBase] = edge_value(b.rng);
  if (b.chance(20)) v[Lstar] = edge_value(b.rng);
  if (b.chance(20)) v[SysenterEip] = edge_value(b.rng);
  if (b.chance(20)) v[SysenterEsp] = edge_value(b.rng);
}

}  // namespace

void be_supervisor(Builder& b, unsigned percent) {
  if (!is_protected(b.mode) || b.cpl == 0 || !b.chance(percent)) return;
  b.cpl = 0;
  b.v[SsAttr] &= ~u64{0x60};
  b.v[SsSelector] = kSelData;
  b.v[CsSelector] = b.mode == kLong64 ? kSelCode64 : b.mode == kProtected16 ? kSelCode16 : kSelCode32;
}

void prepare_long_mode(Builder& b) {
  b.v[Efer] |= bit(efer::LME);
  if (b.chance(60)) b.v[Cr4] |= bit(cr4::PAE);
  if (b.chance(60)) b.v[Cr3] = kPml4;
}

u64 choose_selector(Builder& b) {
  static constexpr u64 kSelectors[] = {
      kSelCode64,         kSelData,           kSelCode32,     kSelUserCode32, kSelUserData,   kSelUserCode64,
      kSelCode16,         kSelTss64,          kSelLdt,        kSelData16,     kSelDataAbsent, kSelDataReadOnly,
      kSelDataExpandDown, kSelCodeConforming, kSelCodeAbsent, kSelGate64,     kSelGate32,     kSelGate16,
      kSelTss32,          kSelTask32,         kSelTask16,     kSelTaskGate,   kSelUserCode16, kSelUserData16,
      kSelExecuteOnly,    kSelTss64Available, 0x04,           0x0c,           0x14,           0x1c,
      kSelUserData,       kSelData,           kSelUserData,   kSelData};
  if (b.chance(6)) return b.rng.next() & 0xffff;
  if (b.chance(8)) return b.rng.below(4);
  const u64 index = pick(b.rng, kSelectors);
  return index | (b.chance(60) ? b.cpl : b.rng.below(4));
}

void set_base(Builder& b, unsigned s, u64 base) {
  if (is_protected(b.mode)) {
    b.v[base_of(s)] = base;
    return;
  }
  b.v[selector_of(s)] = base >> 4 & 0xffff;
  b.v[base_of(s)] = b.v[selector_of(s)] << 4;
}

void choose_environment(Builder& b) {
  golden(b.v);
  choose_cpl(b);
  choose_paging(b);
  choose_control(b);
  choose_flags(b);
  choose_debug(b);
  choose_flat_segments(b);
  choose_odd_segment(b);
  choose_msrs(b);
  b.v[Cr2] = b.chance(50) ? 0 : b.rng.next();
  b.v[Cr8] = b.rng.below(16);
}

void choose_registers(Builder& b) {
  const unsigned count = b.mode == kLong64 ? 16 : 8;
  for (unsigned i = 0; i < count; ++i) b.reg(i) = edge_value(b.rng);
  // The stack: inside its region, at page ends, seldom at the edges of what SP can hold.
  const u64 r = b.rng.below(100);
  u64 at = kStack + 0x100 + b.rng.below(0xfe00);
  if (r < 60) at &= ~u64{7};
  if (r >= 85) at = (at & ~(kPage - 1)) + kPage - b.rng.below(20);
  if (r >= 95) at = choose_linear(b, 8);
  b.reg(4) = edge_value(b.rng);
  const u64 offset = at - b.segment_base(kSs);
  if (b.stack_bytes() == 2 && offset > 0xffff) set_base(b, kSs, kStack);
  b.set_low(4, b.mode == kLong64 ? 8 : b.stack_bytes(), at - b.segment_base(kSs));
  if (b.stack_bytes() == 2 && b.chance(4)) b.set_low(4, 2, b.rng.below(10) - 5);
  if (b.chance(50)) b.reg(5) = b.reg(4) + (b.rng.below(64) - 32) * 4;
}

void choose_vector_state(Builder& b) {
  u64* v = b.v;
  for (unsigned s = Mm; s <= XmmLast; ++s) v[s] = b.rng.next();
  v[Mxcsr] = b.chance(70) ? 0x1f80 : b.rng.next() & 0xffff;
  v[Fcw] = b.chance(70) ? 0x37f : b.rng.next() & 0xffff;
  v[Fsw] = b.rng.next() & 0xffff;
  if (b.chance(80)) v[Fsw] &= 0x7f00;
  v[Ftw] = b.rng.next() & 0xff;
  v[Xcr0] = b.rng.next() & 7;
}

u64 offset_in_segment(Builder& b, unsigned s, u64 linear, unsigned address_bytes) {
  const u64 base = b.segment_base(s), mask = ones(8 * address_bytes);
  const u64 offset = b.mode == kLong64 ? linear - base : (linear - base) & 0xffffffff;
  const bool fits = is_protected(b.mode) ? (offset & ~mask) == 0 : offset <= 0xffff;
  const bool fixed = s == kCs || s == kSs;  // code and stack stay where they are
  if (fits || fixed || (b.mode == kLong64 && s != kFs && s != kGs)) return offset & mask;
  const u64 wanted = b.rng.below(b.chance(30) ? 0x10000 : 0x1000);
  const u64 moved = is_protected(b.mode) ? linear - wanted : (linear - wanted) & ~u64{15} & 0xfffff;
  set_base(b, s, b.mode == kLong64 ? moved : moved & 0xffffffff);
  return (linear - b.segment_base(s)) & mask;
}

}  // namespace diffvisor::x86_insn
