// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/cpu_state.h"

#include <iterator>
#include <utility>

#include "harness/arch/insn/record.h"
#include "harness/arch/insn/schema.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }
constexpr bool test(u64 word, unsigned n) { return word >> n & 1; }

constexpr std::size_t kCacheOf[kSegments] = {at::kSegs,      at::kSegs + 24,  at::kSegs + 48, at::kSegs + 72,
                                             at::kSegs + 96, at::kSegs + 120, at::kLdt,       at::kTr};

// Bits 23:8 of a descriptor's upper half; an unusable segment keeps its DPL alone, which for SS is the CPL.
u32 cache_flags(u64 a) {
  if (test(a, attr::UNUSABLE)) return static_cast<u32>((a & 0x60) << 8);
  return static_cast<u32>((a & 0xff) << 8 | (a >> 12 & 0xf) << 20);
}
u64 attributes(u32 flags) {
  if (!test(flags, 15)) return bit(attr::UNUSABLE) | (flags >> 8 & 0x60);
  return (flags >> 8 & 0xff) | (flags >> 20 & 0xf) << 12;
}

void load_segments(const u64* v, Context& to) {
  for (unsigned s = kEs; s < kSegments; ++s)
    to.put(kCacheOf[s], SegmentCache{static_cast<u32>(v[selector_of(s)]), 0, v[base_of(s)],
                                     static_cast<u32>(v[limit_of(s)]), cache_flags(v[attr_of(s)])});
  // The busy bit is in memory alone: Unicorn takes a TSS with it for an invalid one and aborts.
  to.put(at::kTr + 20, cache_flags(v[TrAttr]) & ~u32{0x200});
  to.put(at::kGdt, SegmentCache{0, 0, v[GdtrBase], static_cast<u32>(v[GdtrLimit]), 0});
  to.put(at::kIdt, SegmentCache{0, 0, v[IdtrBase], static_cast<u32>(v[IdtrLimit]), 0});
}

// Of the code segment and the stack segment, and whether segment bases have to be added at all.
u32 segment_hflags(const u64* v) {
  const bool code64 = v[ModeOf] == kLong64;
  const bool code32 = code64 || test(v[CsAttr], attr::DB);
  u32 h = 0;
  if (code64) h |= 1u << hflag::CS64;
  if (code32) h |= 1u << hflag::CS32;
  if (test(v[SsAttr], attr::DB)) h |= 1u << hflag::SS32;
  const bool flat = (v[DsBase] | v[EsBase] | v[SsBase]) == 0;
  if (!code64 && (!is_protected(v[ModeOf]) || !code32 || !flat)) h |= 1u << hflag::ADDSEG;
  return h;
}

u32 hflags_of(const u64* v) {
  u32 h = segment_hflags(v) | cpl_of(v);
  const auto copy = [&h](u64 word, unsigned from, unsigned to) { h |= static_cast<u32>(word >> from & 1) << to; };
  copy(v[Cr0], cr0::PE, hflag::PE);
  copy(v[Cr0], cr0::MP, hflag::MP);
  copy(v[Cr0], cr0::EM, hflag::EM);
  copy(v[Cr0], cr0::TS, hflag::TS);
  copy(v[Efer], efer::LMA, hflag::LMA);
  copy(v[Cr4], cr4::OSFXSR, hflag::OSFXSR);
  copy(v[Cr4], cr4::SMAP, hflag::SMAP);
  if (v[Shadow] != 0) h |= 1u << hflag::INHIBIT_IRQ;
  return h;
}

struct WordAt {
  std::uint16_t slot;
  std::size_t offset;
  unsigned bytes;
};
constexpr WordAt kWords[] = {{Rip, at::kEip, 8},
                             {Rflags, at::kEflags, 8},
                             {Cr0, at::kCr, 8},
                             {Cr2, at::kCr + 16, 8},
                             {Cr3, at::kCr + 24, 8},
                             {Cr4, at::kCr + 32, 8},
                             {Cr8, at::kVTpr, 1},
                             {Efer, at::kEfer, 8},
                             {Xcr0, at::kXcr0, 8},
                             {Pkru, at::kPkru, 4},
                             {Dr0, at::kDr, 8},
                             {Dr1, at::kDr + 8, 8},
                             {Dr2, at::kDr + 16, 8},
                             {Dr3, at::kDr + 24, 8},
                             {Dr6, at::kDr + 48, 8},
                             {Star, at::kStar, 8},
                             {Lstar, at::kLstar, 8},
                             {Cstar, at::kCstar, 8},
                             {Fmask, at::kFmask, 4},
                             {KernelGsBase, at::kKernelGsBase, 8},
                             {SysenterCs, at::kSysenterCs, 4},
                             {SysenterEsp, at::kSysenterEsp, 8},
                             {SysenterEip, at::kSysenterEip, 8},
                             {TscAux, at::kTscAux, 4},
                             {Mxcsr, at::kMxcsr, 4},
                             {Fcw, at::kFpuc, 2}};

// Unrolled, so that no size is looked at.
template <std::size_t i>
void load_word(const u64* v, Context& to) {
  constexpr WordAt w = kWords[i];
  const u64 value = v[w.slot];
  if constexpr (w.bytes == 8) to.put(w.offset, value);
  if constexpr (w.bytes == 4) to.put(w.offset, static_cast<u32>(value));
  if constexpr (w.bytes == 2) to.put(w.offset, static_cast<std::uint16_t>(value));
  if constexpr (w.bytes == 1) to.put(w.offset, static_cast<std::uint8_t>(value));
}
template <std::size_t i>
void read_word(const Context& from, u64* r) {
  constexpr WordAt w = kWords[i];
  u64& value = r[w.slot - kFirstState];
  if constexpr (w.bytes == 8) value = from.get<u64>(w.offset);
  if constexpr (w.bytes == 4) value = from.get<u32>(w.offset);
  if constexpr (w.bytes == 2) value = from.get<std::uint16_t>(w.offset);
  if constexpr (w.bytes == 1) value = from.get<std::uint8_t>(w.offset);
}
using EachWord = std::make_index_sequence<std::size(kWords)>;
template <std::size_t... i>
void load_words(const u64* v, Context& to, std::index_sequence<i...>) {
  (load_word<i>(v, to), ...);
}
template <std::size_t... i>
void read_words(const Context& from, u64* r, std::index_sequence<i...>) {
  (read_word<i>(from, r), ...);
}

void load_fpu(const u64* v, Context& to) {
  to.put(at::kFpstt, static_cast<u32>(v[Fsw] >> 11 & 7));
  to.put(at::kFpus, static_cast<std::uint16_t>(v[Fsw] & ~u64{0x3800}));
  for (unsigned i = 0; i < 8; ++i) {
    to.put(at::kFptags + i, static_cast<std::uint8_t>(!test(v[Ftw], i)));
    to.put(at::kFpregs + 16 * i, v[Mm + i]);
    to.put(at::kFpregs + 16 * i + 8, u64{0xffff});
  }
  for (unsigned i = 0; i < 32; ++i) to.put(at::kXmm + 64 * (i / 2) + 8 * (i % 2), v[Xmm + i]);
}

void read_fpu(const Context& from, u64* r) {
  r[Fsw - kFirstState] = (from.get<std::uint16_t>(at::kFpus) & ~u32{0x3800}) | (from.get<u32>(at::kFpstt) & 7) << 11;
  for (unsigned i = 0; i < 8; ++i) {
    if (from.get<std::uint8_t>(at::kFptags + i) == 0) r[Ftw - kFirstState] |= bit(i);
    r[Mm + i - kFirstState] = from.get<u64>(at::kFpregs + 16 * i);
  }
  for (unsigned i = 0; i < 32; ++i) r[Xmm + i - kFirstState] = from.get<u64>(at::kXmm + 64 * (i / 2) + 8 * (i % 2));
}

void read_segments(const Context& from, u64* r) {
  for (unsigned s = kEs; s < kSegments; ++s) {
    const auto cache = from.get<SegmentCache>(kCacheOf[s]);
    r[selector_of(s) - kFirstState] = cache.selector & 0xffff;
    r[base_of(s) - kFirstState] = cache.base;
    r[limit_of(s) - kFirstState] = cache.limit;
    r[attr_of(s) - kFirstState] = attributes(cache.flags);
  }
  // The CPL outlives a null SS.
  if (test(r[SsAttr - kFirstState], attr::UNUSABLE))
    r[SsAttr - kFirstState] = bit(attr::UNUSABLE) | u64{from.get<u32>(at::kHflags) & 3} << 5;
  // LLDT with a null selector leaves the flags; LTR sets the busy bit in memory alone.
  if ((r[LdtrSelector - kFirstState] & 0xfffc) == 0) r[LdtrAttr - kFirstState] = bit(attr::UNUSABLE);
  r[TrAttr - kFirstState] |= 2;
  const auto gdt = from.get<SegmentCache>(at::kGdt), idt = from.get<SegmentCache>(at::kIdt);
  r[GdtrBase - kFirstState] = gdt.base;
  r[GdtrLimit - kFirstState] = gdt.limit;
  r[IdtrBase - kFirstState] = idt.base;
  r[IdtrLimit - kFirstState] = idt.limit;
}

}  // namespace

void load_state(const u64* v, Context& to) {
  for (unsigned i = 0; i < 16; ++i) to.put(at::kRegs + 8 * i, v[Rax + i]);
  load_words(v, to, EachWord{});
  // Breakpoints are objects that a context does not hold: none is ever enabled.
  to.put(at::kDr + 56, v[Dr7] & ~u64{0xff});
  to.put(at::kHflags, hflags_of(v));
  to.put(at::kHflags2, kHflags2Gif | kHflags2VirtualTpr);
  load_segments(v, to);
  load_fpu(v, to);
}

void load_features(const u64* v, Context& to) {
  enum Index { k1Edx = 0, k1Ecx = 1, k7Ebx = 2, k7Ecx = 3, k7Edx = 4, kExtEdx = 6, kExtEcx = 7 };
  enum Word { ebx, ecx, edx };
  const auto index_of = [](u32 leaf, Word word) {
    if (leaf == 1) return word == edx ? k1Edx : k1Ecx;
    if (leaf == 7) return word == ebx ? k7Ebx : word == ecx ? k7Ecx : k7Edx;
    return word == edx ? kExtEdx : kExtEcx;
  };
  const auto assign = [&](Index index, unsigned b, bool on) {
    const std::size_t offset = at::kFeatures + 8 * index;
    const u64 word = to.get<u64>(offset);
    to.put(offset, on ? word | bit(b) : word & ~bit(b));
  };
  // FPU, TSC, MCE, APIC, MTRR, MCA, PAT: what every CPU of the schema has without saying so.
  for (const unsigned b : {0u, 4u, 7u, 9u, 12u, 14u, 16u}) assign(k1Edx, b, true);
#define FEATURE(name, leaf, subleaf, word, b) assign(index_of(leaf, word), b, has(v, feature::name));
#include "harness/arch/insn/features.def"
#undef FEATURE
  // What XSETBV takes is another leaf: x87, SSE, AVX and PKRU.
  constexpr std::size_t kXsaveComponents = at::kFeatures + 8 * 21;
  to.put(kXsaveComponents, u64{7} | (has(v, feature::PKU) ? bit(9) : 0));
  assign(kExtEcx, 6, false);  // SSE4A
  static constexpr char kVendors[2][13] = {"GenuineIntel", "AuthenticAMD"};
  std::array<char, 12> vendor{};
  std::memcpy(vendor.data(), kVendors[v[CapVendor] == kAmd], vendor.size());
  to.put(at::kVendor, vendor);
}

void read_state(const Context& from, const u64* v, u64* r) {
  std::memset(r, 0, kStateWords * sizeof *r);
  for (unsigned i = 0; i < 16; ++i) r[i] = from.get<u64>(at::kRegs + 8 * i);
  read_words(from, r, EachWord{});
  r[Dr7 - kFirstState] = (from.get<u64>(at::kDr + 56) & ~u64{0xff}) | (v[Dr7] & 0xff);
  read_segments(from, r);
  read_fpu(from, r);
  if (test(from.get<u32>(at::kHflags), hflag::INHIBIT_IRQ)) r[Shadow - kFirstState] = 2;
  hide_unseen(r);
}

}  // namespace diffvisor::unicorn
