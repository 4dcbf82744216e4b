// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"

namespace diffvisor::insn {
namespace {

using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

void set_segment(u64* v, unsigned s, u64 selector, u64 base, u64 limit, u64 attributes) {
  v[selector_of(s)] = selector;
  v[base_of(s)] = base;
  v[limit_of(s)] = limit;
  v[attr_of(s)] = attributes;
}

void set_data_segments(u64* v, u64 selector, u64 base, u64 limit, u64 attributes) {
  for (const unsigned s : {kEs, kDs, kFs, kGs}) set_segment(v, s, selector, base, limit, attributes);
}

void real_address_segments(u64* v, u64 attributes) {
  set_segment(v, kCs, kCode >> 4, kCode, 0xffff, attributes);
  set_segment(v, kSs, kStack >> 4, kStack, 0xffff, attributes);
  set_data_segments(v, kData >> 4, kData, 0xffff, attributes);
  v[Rip] = 0;
  v[Rsp] = 0x8000;
}

void protected_segments(u64* v) {
  const u64 mode = v[ModeOf];
  if (mode == kProtected16) {
    set_segment(v, kCs, kSelCode16, kCode, 0xffff, 0x9b);
    v[Rip] = 0;
  } else {
    set_segment(v, kCs, mode == kLong64 ? kSelCode64 : kSelCode32, 0, 0xffffffff, mode == kLong64 ? 0xa09b : 0xc09b);
  }
  set_segment(v, kSs, kSelData, 0, 0xffffffff, 0xc093);
  set_data_segments(v, kSelData, 0, 0xffffffff, 0xc093);
}

void control_registers(u64* v) {
  const u64 mode = v[ModeOf];
  v[Cr0] = bit(cr0::ET) | bit(cr0::NE);
  v[Cr4] = (bit(cr4::OSFXSR) | bit(cr4::OSXMMEXCPT)) & cr4_mask(v);
  v[Cr3] = kPd32;
  if (mode != kReal16) v[Cr0] |= bit(cr0::PE);
  if (mode == kProtected32 || is_long(mode)) v[Cr0] |= bit(cr0::PG) | bit(cr0::WP);
  if (is_long(mode)) {
    v[Cr4] |= bit(cr4::PAE);
    v[Cr3] = kPml4;
    v[Efer] = (bit(efer::LME) | bit(efer::LMA) | bit(efer::SCE) | bit(efer::NXE)) & efer_mask(v);
  }
  v[Xcr0] = 1;
  v[Dr6] = 0xffff0ff0;
  v[Dr7] = 0x400;
}

}  // namespace

void golden(u64* v) {
  const u64 mode = v[ModeOf];
  for (unsigned i = kFirstState; i < kSlots; ++i) v[i] = 0;
  control_registers(v);
  v[Rip] = kCode;
  v[Rsp] = kStack + 0x8000;
  v[Rflags] = 2 | (mode == kVirtual8086 ? bit(rflags::VM) : 0);
  if (is_protected(mode)) {
    protected_segments(v);
  } else {
    real_address_segments(v, mode == kReal16 ? 0x93 : 0xf3);
  }
  set_segment(v, kLdtr, kSelLdt, kLdt, kLdtLimit, 0x82);
  if (is_long(mode)) {
    set_segment(v, kTr, kSelTss64, kTss64, kTssLimit, 0x8b);
  } else {
    set_segment(v, kTr, kSelTss32, kTss32, kTssLimit, 0x8b);
  }
  v[GdtrBase] = kGdt;
  v[GdtrLimit] = kGdtLimit;
  v[IdtrBase] = mode == kReal16 ? kIvt : is_long(mode) ? kIdt64 : kIdt32;
  v[IdtrLimit] = mode == kReal16 ? 0x3ff : is_long(mode) ? 0xfff : 0x7ff;
  v[Star] = u64{kSelData | 3} << 48 | u64{kSelCode64} << 32 | (kCode + 0xe00);
  v[Lstar] = kCode + 0xe00;
  v[Cstar] = kCode + 0xe10;
  v[Fmask] = 0x300;
  v[KernelGsBase] = kData + 0x100;
  v[SysenterCs] = kSelCode64;
  v[SysenterEsp] = kStack + 0x7000;
  v[SysenterEip] = kCode + 0xe20;
  v[Mxcsr] = 0x1f80;
  v[Fcw] = 0x37f;
  v[CodeAddress] = kCode;
}

}  // namespace diffvisor::insn
