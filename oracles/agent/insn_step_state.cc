// SPDX-License-Identifier: Apache-2.0
// The whole state of an InsnStep case into the machine and out of it: VMCS guest fields (SDM 3C 25.4), and by hand what
// VM entries and exits leave alone: general registers, CR2, CR8, DR0 to DR3, DR6, XCR0, PKRU, MSRs, x87 and SSE.
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/vmx/fields.h"
#include "oracles/agent/insn_step.h"
#include "oracles/agent/insn_step_vectors.h"

namespace diffvisor::agent::step {
namespace {

using namespace insn;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

enum : u32 {
  kPinControls = 0x4000,
  kExitControls = 0x400c,
  kSecondaryControls = 0x401e,
  kMsrBitmapAddress = 0x2004,
  kEptPointer = 0x201a,
  kLinkPointer = 0x2800,
  kGuestDebugctl = 0x2802,
  kHostEfer = 0x2c02,
  kEntryInterruption = 0x4016,
  kActivity = 0x4826,
  kHostSysenterCs = 0x4c00,
  kCr0Mask = 0x6000,
  kCr4Mask = 0x6002,
  kCr0Shadow = 0x6004,
  kCr4Shadow = 0x6006,
  kPendingDebug = 0x6822,
};

// A VM entry does not load CD and NW, and VMX wants NE and VMXE: the guest reads the case's values, and leaves when it
// changes them.
constexpr u64 kCr0Owned = bit(cr0::NE) | bit(cr0::NW) | bit(cr0::CD);
constexpr u64 kCr4Owned = bit(cr4::VMXE);

struct Direct {
  u32 encoding;
  u16 slot;
};
// Slots that a guest field is, bit by bit.
constexpr Direct kDirect[] = {
    {0x800, EsSelector}, {0x802, CsSelector},   {0x804, SsSelector},  {0x806, DsSelector},   {0x808, FsSelector},
    {0x80a, GsSelector}, {0x80c, LdtrSelector}, {0x80e, TrSelector},  {0x6806, EsBase},      {0x6808, CsBase},
    {0x680a, SsBase},    {0x680c, DsBase},      {0x680e, FsBase},     {0x6810, GsBase},      {0x6812, LdtrBase},
    {0x6814, TrBase},    {0x4800, EsLimit},     {0x4802, CsLimit},    {0x4804, SsLimit},     {0x4806, DsLimit},
    {0x4808, FsLimit},   {0x480a, GsLimit},     {0x480c, LdtrLimit},  {0x480e, TrLimit},     {0x4814, EsAttr},
    {0x4816, CsAttr},    {0x4818, SsAttr},      {0x481a, DsAttr},     {0x481c, FsAttr},      {0x481e, GsAttr},
    {0x4820, LdtrAttr},  {0x4822, TrAttr},      {0x6816, GdtrBase},   {0x4810, GdtrLimit},   {0x6818, IdtrBase},
    {0x4812, IdtrLimit}, {0x6802, Cr3},         {0x2806, Efer},       {0x681a, Dr7},         {0x681c, Rsp},
    {0x681e, Rip},       {0x6820, Rflags},      {0x482a, SysenterCs}, {0x6824, SysenterEsp}, {0x6826, SysenterEip},
};
constexpr std::size_t kDirectCount = sizeof kDirect / sizeof kDirect[0];

// Straight-line code with constant encodings: twice as fast in an interpreter as a loop.
template <std::size_t I = 0>
[[gnu::always_inline]] inline void write_direct(const u64* v) {
  if constexpr (I < kDirectCount) {
    asm volatile("vmwrite %1, %0" ::"r"(u64{kDirect[I].encoding}), "m"(v[kDirect[I].slot]) : "cc");
    write_direct<I + 1>(v);
  }
}
template <std::size_t I = 0>
[[gnu::always_inline]] inline void read_direct(u64* record) {
  if constexpr (I < kDirectCount) {
    asm volatile("vmread %1, %0" : "=m"(record[kDirect[I].slot - kFirstState]) : "r"(u64{kDirect[I].encoding}) : "cc");
    read_direct<I + 1>(record);
  }
}

// ---- what VMX does not switch

// Of the line of slots from Star on: the others are guest fields.
constexpr u32 kMsrOfSlot[] = {0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102};
constexpr unsigned kMsrs = sizeof kMsrOfSlot / sizeof kMsrOfSlot[0];
constexpr u32 kTscAuxMsr = 0xc0000103;
static_assert(Lstar == Star + 1 && Cstar == Star + 2 && Fmask == Star + 3 && KernelGsBase == Star + 4);

u64 read_cr8() {
  u64 v;
  asm volatile("mov %%cr8, %0" : "=r"(v));
  return v;
}
void write_cr8(u64 v) { asm volatile("mov %0, %%cr8" ::"r"(v)); }

// The agent runs without CR4.OSXSAVE and PKE; during a batch with the first.
u64 batch_cr4() { return agent_cr4 | bit(cr4::OSXSAVE); }

void write_xcr0(u64 v) { asm volatile("xsetbv" ::"a"(static_cast<u32>(v)), "c"(0), "d"(0)); }
constexpr u64 kPkruComponent = bit(9);
constexpr u64 kAgentXcr0 = 0xe7 | kPkruComponent;  // everything up to AVX-512
u64 read_xcr0() {
  u64 low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// PKRU as a component of XSAVE's standard image (SDM 1 13.5.7): where it means nothing, because CR4.PKE is 0. A write
// of CR4 would cost a look through the whole TLB.
struct alignas(64) {
  u8 legacy[512];
  u64 components, header[7];
  u8 others[2688 - 576];
  u32 pkru;
} pkru_image;

u32 read_pkru() {
  asm volatile("xsave64 %0" : "+m"(pkru_image) : "a"(static_cast<u32>(kPkruComponent)), "d"(0));
  return pkru_image.pkru;
}
void write_pkru(u64 v) {
  pkru_image.components = kPkruComponent;
  pkru_image.pkru = static_cast<u32>(v);
  asm volatile("xrstor64 %0" ::"m"(pkru_image), "a"(static_cast<u32>(kPkruComponent)), "d"(0));
}

// What the machine holds of these registers, as words of a state: writes cost more than looking whether they are
// needed.
u64 held[kStateWords], held_before[kStateWords];  // the latter: before the batch
u64& word(u64* state, unsigned slot) { return state[slot - kFirstState]; }
const u64& word(const u64* state, unsigned slot) { return state[slot - kFirstState]; }

// False if the machine holds it already.
bool take(const u64* state, unsigned slot) {
  const bool differs = word(held, slot) != word(state, slot);
  word(held, slot) = word(state, slot);
  return differs;
}

// The guest's debug addresses are in the registers, because a breakpoint is enabled or it asked for them.
bool has_debug_addresses;

void write_debug_addresses(const u64* state) {
  has_debug_addresses = true;
  if (take(state, Dr0)) asm volatile("mov %0, %%dr0" ::"r"(word(state, Dr0)));
  if (take(state, Dr1)) asm volatile("mov %0, %%dr1" ::"r"(word(state, Dr1)));
  if (take(state, Dr2)) asm volatile("mov %0, %%dr2" ::"r"(word(state, Dr2)));
  if (take(state, Dr3)) asm volatile("mov %0, %%dr3" ::"r"(word(state, Dr3)));
}

void read_debug_addresses(u64* state) {
  word(state, Dr0) = read_dr0();
  word(state, Dr1) = read_dr1();
  word(state, Dr2) = read_dr2();
  word(state, Dr3) = read_dr3();
}

// All but those and, without the last, XCR0 and PKRU.
void read_by_hand(u64* state) {
#pragma GCC unroll 8
  for (unsigned i = 0; i < kMsrs; ++i) word(state, Star + i) = rdmsr(kMsrOfSlot[i]);
  word(state, TscAux) = rdmsr(kTscAuxMsr);
  word(state, Cr2) = read_cr2();
  word(state, Cr8) = read_cr8();
  asm volatile("mov %%dr6, %0" : "=r"(word(state, Dr6)));
}

// All but DR0 to DR3 and XCR0. Uses vector registers.
void write_by_hand(const u64* state) {
  constexpr u32 kMsrMask = (1u << kMsrs) - 1;
  for (u32 left = differing_qwords(&word(state, Star), &word(held, Star)) & kMsrMask; left != 0; left &= left - 1) {
    const unsigned i = static_cast<unsigned>(__builtin_ctz(left));
    word(held, Star + i) = word(state, Star + i);
    wrmsr(kMsrOfSlot[i], word(state, Star + i));
  }
  if (take(state, TscAux)) wrmsr(kTscAuxMsr, word(state, TscAux));
  if (take(state, Cr2)) write_cr2(word(state, Cr2));
  if (take(state, Cr8)) write_cr8(word(state, Cr8));
  if (take(state, Dr6)) asm volatile("mov %0, %%dr6" ::"r"(word(state, Dr6)));
  if (take(state, Pkru)) write_pkru(word(state, Pkru));
}

// After it there may be no vector registers.
void write_xcr0_of(const u64* state) {
  if (take(state, Xcr0)) write_xcr0(word(state, Xcr0));
}

// WRPKRU works with CR4.PKE only.
bool may_have_written_pkru(const u64* v, const u64* record) {
  return ((v[Cr4] | word(record, Cr4)) & bit(cr4::PKE)) != 0 || v[ExtraSteps] >= 2;
}

void save_by_hand(const u64* v, u64* record) {
  read_by_hand(record);
  if (may_have_written_pkru(v, record)) word(held, Pkru) = read_pkru();
  word(record, Pkru) = word(held, Pkru);
  word(record, Xcr0) = v[Xcr0];  // XSETBV leaves the guest
  for (unsigned i = 0; i < 4; ++i) word(record, Dr0 + i) = v[Dr0 + i];
  if (has_debug_addresses) {
    read_debug_addresses(record);
    for (unsigned i = 0; i < 4; ++i) word(held, Dr0 + i) = word(record, Dr0 + i);
  }
  copy_lines<1>(&word(held, Star), &word(record, Star));
#pragma GCC unroll 4
  for (const unsigned slot : {TscAux, Cr2, Cr8, Dr6}) word(held, slot) = word(record, slot);
}

// What a guest that has AVX could see of the agent and of other guests.
void clear_upper_vectors() { asm volatile("vzeroupper"); }

// ---- x87 and SSE: the image of FXSAVE64 (SDM 2 FXSAVE), in which registers are in the order of the stack

alignas(16) u64 fpu_image[64], clean_fpu_image[64];

void fxrstor(const u64* image) { asm volatile("fxrstor64 (%0)" ::"r"(image) : "memory"); }
void fxsave(u64* image) { asm volatile("fxsave64 (%0)" ::"r"(image) : "memory"); }

unsigned top_of(u64 fsw) { return static_cast<unsigned>(fsw >> 11 & 7); }

void load_fpu(const u64* v) {
  fpu_image[0] = v[Fcw] | v[Fsw] << 16 | v[Ftw] << 32;
  fpu_image[1] = fpu_image[2] = 0;
  fpu_image[3] = v[Mxcsr];
  mantissas_to_pairs(&fpu_image[4], &v[Mm], top_of(v[Fsw]), 0xffff);
  copy_lines<4>(&fpu_image[20], &v[Xmm]);
  clear_upper_vectors();
  fxrstor(fpu_image);
}

void save_fpu(u64* record) {
  fxsave(fpu_image);
  record[Fcw - kFirstState] = fpu_image[0] & 0xffff;
  record[Fsw - kFirstState] = fpu_image[0] >> 16 & 0xffff;
  record[Ftw - kFirstState] = fpu_image[0] >> 32 & 0xff;
  record[Mxcsr - kFirstState] = fpu_image[3] & 0xffffffff;
  pairs_to_mantissas(&record[Mm - kFirstState], &fpu_image[4], top_of(record[Fsw - kFirstState]));
  copy_lines<4>(&record[Xmm - kFirstState], &fpu_image[20]);
}

// ---- the VMCS

bool uses_pdptes(const u64* v) {
  return (v[Cr0] & bit(cr0::PG)) != 0 && (v[Cr4] & bit(cr4::PAE)) != 0 && (v[Efer] & bit(efer::LMA)) == 0;
}

// SDM 3C 27.3.1.6.
Loaded load_pdptes(const u64* v) {
  constexpr u64 kReserved = 0x1e6 | ~u64{0} << 40;
  const u64 from = v[Cr3] & 0xffffffe0;
  if (from > insn::kRamEnd - 32) return Loaded::NoMemory;
  for (unsigned i = 0; i < 4; ++i) {
    const u64 entry = *at<u64>(kStepRam + from + 8 * i);
    if ((entry & 1) != 0 && (entry & kReserved) != 0) return Loaded::Pdpte;
    vmwrite(kGuestPdpte0 + 2 * i, entry);
  }
  return Loaded::Ok;
}

void build_msr_bitmaps() {
  memset(at<void>(kStepMsrBitmaps), 0xff, insn::kPage);
  constexpr u32 kPass[] = {0x174,      0x175,      0x176,      0xc0000080, 0xc0000081, 0xc0000082,
                           0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103};
  for (const u32 msr : kPass) {
    const u32 index = msr & 0x1fff;
    const u64 read = kStepMsrBitmaps + (msr >= 0xc0000000 ? 0x400 : 0) + index / 8;
    for (const u64 byte : {read, read + 0x800}) *at<u8>(byte) &= static_cast<u8>(~(1u << index % 8));
  }
}

void write_controls() {
  using namespace vmx;
  vmwrite(kPinControls, allowed_control(0, 1u << pin::NMI | 1u << pin::VNMI));
  vmwrite(kSecondaryControls, 1u << proc2::EPT | 1u << proc2::RDTSCP | 1u << proc2::URG | 1u << proc2::RDRAND |
                                  1u << proc2::INVPCID | 1u << proc2::RDSEED | 1u << proc2::XSAVES);
  vmwrite(kExitControls, allowed_control(2, 1u << exit_ctl::SVDBG | 1u << exit_ctl::HOST64 | 1u << exit_ctl::SVEFER |
                                                1u << exit_ctl::LDEFER));
  vmwrite(kMsrBitmapAddress, kStepMsrBitmaps);
  vmwrite(kEptPointer, kStepEpt | 6 | 3 << 3 | 1 << 6);  // write-back, four levels, accessed and dirty bits
  vmwrite(kCr0Mask, kCr0Owned);
  vmwrite(kCr4Mask, kCr4Owned);
}

void write_host_state() {
  constexpr u32 kSelectors = 0xc00, kTr = 0xc0c;
  for (u32 field = kSelectors; field < kTr; field += 2) vmwrite(field, field == 0xc02 ? AGENT_CODE : AGENT_DATA);
  vmwrite(kTr, AGENT_TASK);
  vmwrite(0x6c0a, kHostTss);
  vmwrite(0x6c0c, kHostGdt);
  vmwrite(0x6c0e, kHostIdt);
  vmwrite(0x6c00, agent_cr0);
  vmwrite(0x6c02, kHostCr3);
  vmwrite(0x6c16, address_of(reinterpret_cast<const void*>(&step_exit)));
  vmwrite(kHostEfer, agent_efer);
  vmwrite(kHostSysenterCs, AGENT_CODE);
}

// Bochs 2.7 remembers across VM exits that a REP instruction was interrupted, and then takes no instruction breakpoint.
void end_repetition() {
  u64 to = 0, count = 0;
  asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}

// ---- what a record looks like

void mask_registers(u64* record) {
  static_assert(R8 == Rax + 8 && R15 == R8 + 7);
  mask_line(&record[Rax - kFirstState], 0xffffffff);
  mask_line(&record[R8 - kFirstState], 0);
  record[Rip - kFirstState] &= 0xffffffff;
}

// A register that was loaded with a null selector: of its attributes only SS.DPL means something (SDM 3C 25.4.1).
void normalise_unusable(u64* record) {
  constexpr u64 kUnusable = bit(attr::UNUSABLE);
#pragma GCC unroll 8
  for (unsigned s = kEs; s <= kTr; ++s) {
    u64& a = record[attr_of(s) - kFirstState];
    if ((a & kUnusable) == 0) continue;
    a = kUnusable;
    if (s == kSs) a |= (record[CsSelector - kFirstState] & 3) << attr::DPL;
    if (s == kLdtr) record[LdtrBase - kFirstState] = record[LdtrLimit - kFirstState] = 0;
  }
}

bool is_code64(const u64* record) {
  return (record[Efer - kFirstState] & bit(efer::LMA)) != 0 && (record[CsAttr - kFirstState] & bit(attr::L)) != 0;
}

}  // namespace

void build_vmcs() {
  memset(at<void>(kStepVmcs), 0, insn::kPage);
  *at<u32>(kStepVmcs) = vmcs_revision();
  vmclear(kStepVmcs);
  vmptrld(kStepVmcs);
  build_msr_bitmaps();
  write_controls();
  write_host_state();
  vmwrite(kLinkPointer, ~u64{0});
  fxsave(clean_fpu_image);
}

void begin_batch() {
  write_cr4(batch_cr4());
  vmptrld(kStepVmcs);
  constexpr u32 kHostCr4 = 0x6c04;
  vmwrite(kHostCr4, batch_cr4());
  read_by_hand(held_before);
  read_debug_addresses(held_before);
  word(held_before, Xcr0) = read_xcr0();
  write_xcr0(kAgentXcr0);
  word(held_before, Pkru) = read_pkru();
  memcpy(held, held_before, sizeof held);
  word(held, Xcr0) = kAgentXcr0;
}

void end_batch() {
  constexpr TableRegister kGdtr{0x37, kHostGdt}, kIdtr{0xfff, kHostIdt};
  asm volatile("lgdt %0; lidt %1" ::"m"(kGdtr), "m"(kIdtr));
  write_debug_addresses(held_before);
  write_by_hand(held_before);
  clear_upper_vectors();
  fxrstor(clean_fpu_image);
  write_xcr0_of(held_before);
  write_cr4(agent_cr4);
}

Loaded load_state(const WireCase& c) {
  const u64* const v = c.v;
  if ((v[Dr7] & 0xff) != 0) end_repetition();
  if (uses_pdptes(v))
    if (const Loaded l = load_pdptes(v); l != Loaded::Ok) return l;
  copy_lines<2>(step_registers, &v[Rax]);
  write_direct(v);
  vmwrite(kGuestCr0, v[Cr0] | bit(cr0::NE));
  vmwrite(kCr0Shadow, v[Cr0]);
  vmwrite(kGuestCr4, v[Cr4] | bit(cr4::VMXE));
  vmwrite(kCr4Shadow, v[Cr4]);
  vmwrite(kPendingDebug, 0);
  constexpr u32 kLongMode = 1u << vmx::entry_ctl::IA32E;
  static const u32 entry = allowed_control(3, 1u << vmx::entry_ctl::LDDBG | 1u << vmx::entry_ctl::LDEFER);
  vmwrite(kEntryControls, (v[Efer] & bit(efer::LMA)) != 0 ? entry | kLongMode : entry);
  has_debug_addresses = false;
  if ((v[Dr7] & 0xff) != 0) load_debug_addresses(c);
  write_by_hand(&v[kFirstState]);
  load_fpu(v);
  write_xcr0_of(&v[kFirstState]);
  return Loaded::Ok;
}

bool debug_addresses_are_loaded() { return has_debug_addresses; }

void load_debug_addresses(const WireCase& c) { write_debug_addresses(&c.v[kFirstState]); }

void reload_fpu() { fxrstor(fpu_image); }

void save_state(const WireCase& c, WireResult& r) {
  u64* const record = r.record;
  write_xcr0(kAgentXcr0);
  word(held, Xcr0) = kAgentXcr0;
  save_fpu(record);
  copy_lines<2>(record, step_registers);
  read_direct(record);
  record[Cr0 - kFirstState] = (vmread(kGuestCr0) & ~kCr0Owned) | (c.v[Cr0] & kCr0Owned);
  record[Cr4 - kFirstState] = vmread(kGuestCr4) & ~kCr4Owned;
  normalise_unusable(record);
  save_by_hand(c.v, record);
  if (c.v[ModeOf] != kLong64 && !is_code64(record)) mask_registers(record);
}

}  // namespace diffvisor::agent::step
