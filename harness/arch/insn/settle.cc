// SPDX-License-Identifier: Apache-2.0
// VM-entry checks on guest state (SDM 3C 27.3.1) turned into repairs, so that instruction cases need no oracle's mercy.
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/schema.h"

namespace diffvisor::insn {
namespace {

using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

void assign(u64& word, unsigned b, bool on) { word = on ? word | bit(b) : word & ~bit(b); }

u64 canonical(u64 address, unsigned width) {
  const unsigned shift = 64 - width;
  return static_cast<u64>(static_cast<std::int64_t>(address << shift) >> shift);
}

unsigned linear_width(const u64* v) { return v[Cr4] >> cr4::LA57 & 1 ? 57 : 48; }

void settle_control(u64* v) {
  const u64 mode = v[ModeOf];
  constexpr u64 kCr0 = bit(cr0::PE) | bit(cr0::MP) | bit(cr0::EM) | bit(cr0::TS) | bit(cr0::ET) | bit(cr0::NE) |
                       bit(cr0::WP) | bit(cr0::AM) | bit(cr0::NW) | bit(cr0::CD) | bit(cr0::PG);
  v[Cr0] = (v[Cr0] & kCr0) | bit(cr0::ET);
  assign(v[Cr0], cr0::PE, mode != kReal16);
  if (mode == kReal16) assign(v[Cr0], cr0::PG, false);
  if (is_long(mode)) assign(v[Cr0], cr0::PG, true);
  if ((v[Cr0] & bit(cr0::CD)) == 0) assign(v[Cr0], cr0::NW, false);
  v[Cr4] &= cr4_mask(v);
  if (is_long(mode)) {
    assign(v[Cr4], cr4::PAE, true);
  } else {
    assign(v[Cr4], cr4::PCIDE, false);
    assign(v[Cr4], cr4::LA57, false);
  }
  v[Efer] &= efer_mask(v);
  assign(v[Efer], efer::LMA, is_long(mode));
  // With paging on LMA follows LME.
  if (is_long(mode) || (v[Cr0] & bit(cr0::PG)) != 0) assign(v[Efer], efer::LME, is_long(mode));
  v[Cr3] &= is_long(mode) ? physical_mask(v) : 0xffffffff & physical_mask(v);
  v[Xcr0] = (v[Xcr0] & 7) | 1;
  if ((v[Xcr0] & 4) != 0) v[Xcr0] |= 2;
}

void settle_debug(u64* v) {
  v[Dr6] = (v[Dr6] & 0xe00f) | 0xffff0ff0;
  v[Dr7] = (v[Dr7] & 0xffff23ff) | 0x400;
}

void settle_flags(u64* v) {
  const u64 mode = v[ModeOf];
  v[Rflags] = (v[Rflags] & rflags::kDefined) | 2;
  assign(v[Rflags], rflags::VM, mode == kVirtual8086);
  if (mode == kReal16) v[Rflags] &= ~(bit(rflags::VIF) | bit(rflags::VIP));
  if ((v[Rflags] & bit(rflags::IF)) == 0) v[Shadow] &= ~u64{1};
  // Both at once: what the processor does about it depends on how it came to that (SDM 3B 21.3.2).
  if ((v[Rflags] >> rflags::VIF & 1) != 0) v[Rflags] &= ~bit(rflags::VIP);
  if (v[Shadow] == 3) v[Shadow] = 2;
}

// G must agree with the limit, and nothing else may be set above bit 7.
void settle_granularity(u64* v, unsigned s, u64 kept) {
  u64& a = v[attr_of(s)];
  const u64 limit = v[limit_of(s)];
  a &= kept | 0xff;
  if ((limit & 0xfff) != 0xfff) assign(a, attr::G, false);
  if (limit >> 20 != 0) {
    assign(a, attr::G, true);
    v[limit_of(s)] |= 0xfff;
  }
}

void settle_virtual_8086(u64* v) {
  for (unsigned s = kEs; s <= kGs; ++s) {
    v[base_of(s)] = v[selector_of(s)] << 4;
    v[limit_of(s)] = 0xffff;
    v[attr_of(s)] = 0xf3;
  }
}

constexpr u64 kAttributes = bit(attr::AVL) | bit(attr::L) | bit(attr::DB) | bit(attr::G);

void settle_code(u64* v) {
  const u64 mode = v[ModeOf];
  u64& a = v[CsAttr];
  a = (a | bit(attr::S) | bit(attr::P) | bit(attr::CODE) | bit(attr::ACCESSED)) & ~bit(attr::UNUSABLE);
  const u64 cpl = dpl_of(v[SsAttr]);
  // A conforming segment may belong to an outer level only the other way round: DPL <= CPL.
  if ((a & bit(attr::EXPAND_DOWN)) == 0 || dpl_of(a) > cpl) a = (a & ~u64{0x60}) | cpl << attr::DPL;
  v[CsSelector] = (v[CsSelector] & ~u64{3}) | cpl;
  if ((v[CsSelector] & ~u64{3}) == 0) v[CsSelector] |= kSelCode64;
  if (mode == kReal16) a = 0x93;  // CS can be written through there
  assign(a, attr::L, mode == kLong64);
  assign(a, attr::DB, mode == kProtected32 || mode == kCompatibility32);
  v[CsBase] &= 0xffffffff;
  settle_granularity(v, kCs, kAttributes);
}

void settle_stack(u64* v) {
  const u64 mode = v[ModeOf];
  u64& a = v[SsAttr];
  if (mode == kReal16) a &= ~u64{0x60};
  const u64 cpl = dpl_of(a);
  v[SsSelector] = (v[SsSelector] & ~u64{3}) | cpl;
  v[SsBase] &= 0xffffffff;
  // Only 64-bit code below CPL 3 runs on a null selector.
  if ((a & bit(attr::UNUSABLE)) != 0 && mode == kLong64 && cpl != 3) {
    v[SsSelector] = cpl;
    a = bit(attr::UNUSABLE) | cpl << attr::DPL;
    v[SsBase] = v[SsLimit] = 0;
    return;
  }
  a = (a | bit(attr::S) | bit(attr::P) | bit(attr::ACCESSED) | bit(attr::WRITABLE)) & ~bit(attr::UNUSABLE) &
      ~bit(attr::CODE);
  if ((v[SsSelector] & ~u64{3}) == 0) v[SsSelector] |= kSelData;
  settle_granularity(v, kSs, kAttributes & ~bit(attr::L));
}

void settle_data(u64* v, unsigned s) {
  u64& a = v[attr_of(s)];
  u64& base = v[base_of(s)];
  base = s == kFs || s == kGs ? canonical(v[ModeOf] == kLong64 ? base : base & 0xffffffff, linear_width(v))
                              : base & 0xffffffff;
  if ((a & bit(attr::UNUSABLE)) != 0 && v[ModeOf] != kReal16) {
    a = bit(attr::UNUSABLE);
    v[selector_of(s)] &= 3;
    v[limit_of(s)] = 0;
    if (v[ModeOf] != kLong64 || (s != kFs && s != kGs)) base = 0;
    return;
  }
  a = (a | bit(attr::S) | bit(attr::P) | bit(attr::ACCESSED)) & ~bit(attr::UNUSABLE);
  if ((a & bit(attr::CODE)) != 0) a |= bit(attr::WRITABLE);  // a code segment that is loaded is readable
  const bool conforming =
      (a & (bit(attr::CODE) | bit(attr::EXPAND_DOWN))) == (bit(attr::CODE) | bit(attr::EXPAND_DOWN));
  if (v[ModeOf] == kReal16) {
    a &= ~u64{0x60} & ~bit(attr::CODE);
    a |= bit(attr::WRITABLE);
  } else {
    const u64 cpl = cpl_of(v);
    if (!conforming && dpl_of(a) < cpl) a |= u64{0x60};
    if (!conforming && dpl_of(a) < (v[selector_of(s)] & 3))
      v[selector_of(s)] = (v[selector_of(s)] & ~u64{3}) | dpl_of(a);
    if ((v[selector_of(s)] & ~u64{3}) == 0) v[selector_of(s)] |= kSelUserData;
  }
  settle_granularity(v, s, kAttributes & ~bit(attr::L));
}

void settle_system_segments(u64* v) {
  const unsigned width = linear_width(v);
  const bool wide = is_long(v[ModeOf]);
  for (const unsigned s : {kLdtr, kTr})
    v[base_of(s)] = canonical(wide ? v[base_of(s)] : v[base_of(s)] & 0xffffffff, width);
  v[LdtrSelector] &= ~u64{4};
  v[TrSelector] &= ~u64{4};
  if ((v[LdtrAttr] & bit(attr::UNUSABLE)) != 0 || (v[LdtrSelector] & ~u64{3}) == 0) {
    v[LdtrAttr] = bit(attr::UNUSABLE);
    v[LdtrSelector] = v[LdtrBase] = v[LdtrLimit] = 0;
  } else {
    v[LdtrAttr] = 0x82 | (v[LdtrAttr] & (bit(attr::AVL) | bit(attr::G) | 0x60));
    settle_granularity(v, kLdtr, bit(attr::AVL) | bit(attr::G));
  }
  if ((v[TrSelector] & ~u64{3}) == 0) v[TrSelector] = wide ? kSelTss64 : kSelTss32;
  const u64 type = !wide && (v[TrAttr] & 0xf) == 3 ? 3 : 11;
  v[TrAttr] = 0x80 | type | (v[TrAttr] & (bit(attr::AVL) | bit(attr::G) | 0x60));
  settle_granularity(v, kTr, bit(attr::AVL) | bit(attr::G));
}

void settle_addresses(u64* v) {
  const unsigned width = linear_width(v);
  const bool wide = is_long(v[ModeOf]);
  for (const unsigned s : {GdtrBase, IdtrBase}) v[s] = wide ? canonical(v[s], width) : v[s] & 0xffffffff;
  for (const unsigned s : {SysenterEsp, SysenterEip, KernelGsBase, Lstar, Cstar}) v[s] = canonical(v[s], width);
  if (v[ModeOf] == kLong64) {
    v[Rip] = canonical(v[Rip], width);
  } else {
    // Registers have no upper half and there is no R8 outside 64-bit mode; what they hold there nobody can see.
    for (unsigned r = Rax; r <= Rdi; ++r) v[r] &= 0xffffffff;
    for (unsigned r = R8; r <= R15; ++r) v[r] = 0;
    v[Rip] &= v[ModeOf] == kProtected32 || v[ModeOf] == kCompatibility32 ? 0xffffffff : 0xffff;
  }
}

void settle_memory(u64* v) {
  if (v[CodeAddress] < kCode) v[CodeAddress] = kCode;
  if (v[CodeAddress] > kRamEnd - kMostCode) v[CodeAddress] = kRamEnd - kMostCode;
  for (unsigned i = 0; i < kPatches; ++i) {
    v[PatchAddress + i] &= ~u64{7};
    for (unsigned j = 0; j < i; ++j)
      if (v[PatchAddress + i] == v[PatchAddress + j]) v[PatchAddress + i] = 0;
    if (v[PatchAddress + i] == 0) v[PatchValue + i] = 0;
  }
}

void settle_fpu(u64* v) {
  v[Mxcsr] &= 0xffbf;
  v[Fcw] = (v[Fcw] & 0x1f3f) | 0x40;
  // ES and B follow the unmasked exceptions (SDM 1 8.1.3).
  const bool pending = (v[Fsw] & ~v[Fcw] & 0x3f) != 0;
  v[Fsw] = (v[Fsw] & 0x7f7f) | (pending ? 0x8080 : 0);
}

}  // namespace

u64 cr4_mask(const u64* v) {
  using namespace feature;
  struct Need {
    unsigned bit, feature;
  };
  // Not CET: shadow stacks and branch tracking are not modelled. Not VMXE: the oracle that steps needs it.
  constexpr Need kNeeds[] = {
      {cr4::VME, VME},   {cr4::PVI, VME},           {cr4::TSD, MSR},        {cr4::DE, DE},
      {cr4::PSE, PSE},   {cr4::PAE, PAE},           {cr4::MCE, MSR},        {cr4::PGE, PGE},
      {cr4::PCE, MSR},   {cr4::OSFXSR, FXSR},       {cr4::OSXMMEXCPT, SSE}, {cr4::UMIP, UMIP},
      {cr4::LA57, LA57}, {cr4::FSGSBASE, FSGSBASE}, {cr4::PCIDE, PCID},     {cr4::OSXSAVE, XSAVE},
      {cr4::SMEP, SMEP}, {cr4::SMAP, SMAP},         {cr4::PKE, PKU}};
  u64 mask = 0;
  for (const Need& n : kNeeds)
    if (has(v, n.feature)) mask |= bit(n.bit);
  return mask;
}

u64 efer_mask(const u64* v) {
  u64 mask = 0;
  if (has(v, feature::SYSCALL)) mask |= bit(efer::SCE);
  if (has(v, feature::LM)) mask |= bit(efer::LME) | bit(efer::LMA);
  if (has(v, feature::NX)) mask |= bit(efer::NXE);
  return mask;
}

void settle(u64* v) {
  if (v[ModeOf] >= kModes) v[ModeOf] = kLong64;
  settle_control(v);
  settle_debug(v);
  settle_flags(v);
  if (v[ModeOf] == kVirtual8086) {
    settle_virtual_8086(v);
  } else {
    settle_stack(v);
    settle_code(v);
    for (const unsigned s : {kEs, kDs, kFs, kGs}) settle_data(v, s);
  }
  settle_system_segments(v);
  settle_addresses(v);
  settle_memory(v);
  settle_fpu(v);
}

}  // namespace diffvisor::insn
