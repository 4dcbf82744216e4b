// SPDX-License-Identifier: Apache-2.0
// Command SvmEntry: each case from a clean state, and nothing of it left for the next one. APM 2 15.5 and 15.6.
#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/memory_map.h"
#include "harness/arch/svm/wire.h"
#include "oracles/agent/agent.h"

namespace diffvisor::agent {
namespace {

using namespace svm;

constexpr u32 kEferMsr = 0xc0000080, kUCetMsr = 0x6a0;
// Results in the VMCB, and what of the save area tells whether the guest did anything.
constexpr u64 kExitCodeAt = 0x70, kExitInfo1At = 0x78, kExitInfo2At = 0x80, kExitIntInfoAt = 0x88, kFetchedAt = 0xd0,
              kRipAt = 0x578, kRspAt = 0x5d8, kRflagsAt = 0x570, kEferAt = 0x4d0, kCplAt = 0x4cb, kDsBaseAt = 0x438;
constexpr u64 kValid = u64{1} << 31;

constexpr bool has(u64 word, unsigned bit) { return word >> bit & 1; }

struct State {
  const u64* block;
  u64 operator[](unsigned slot) const { return block[slot - VmcbAddress]; }
};

volatile u64& vmcb(u64 offset) { return *at<volatile u64>(kVmcb + offset); }

// ---- the VMCB

namespace detail {
inline constexpr bool kIsCapability = false, kIsContext = false, kIsFact = false, kIsState = true;

template <unsigned Width>
struct Unsigned;
template <>
struct Unsigned<8> {
  using type = u8;
};
template <>
struct Unsigned<16> {
  using type = u16;
};
template <>
struct Unsigned<32> {
  using type = u32;
};
template <>
struct Unsigned<64> {
  using type = u64;
};
}  // namespace detail

// Straight-line stores: an interpreter does them twice as fast as a loop over a table. What is no field of a case is 0,
// or a result that the processor wrote.
[[gnu::noinline]] void write_vmcb(const u64* block) {
#define FIELD(id, name, constant, width, count, role, group)                       \
  if constexpr (detail::kIs##role && (id) < kPage) {                               \
    using T = detail::Unsigned<detail::kIs##role ? width : 8>::type;               \
    *at<volatile T>(kVmcb + (id)) = static_cast<T>(block[constant - VmcbAddress]); \
  }
#include "harness/arch/svm/fields.def"
#undef FIELD
  vmcb(kExitCodeAt) = kNoExitCode;
  vmcb(kExitInfo1At) = 0;
  vmcb(kExitInfo2At) = 0;
  vmcb(kExitIntInfoAt) = 0;
  vmcb(kFetchedAt) = 0;
  vmcb(kFetchedAt + 8) = 0;
}

// ---- memory facts

bool facts_are_inside(const WireCase& c) {
  if (c.fact_count > kWireFacts) return false;
  for (u64 i = 0; i < c.fact_count; ++i)
    if (c.facts[i].bytes > 8 || !inside(c.facts[i].address, c.facts[i].bytes, kGuestWindow, kScratchEnd)) return false;
  return true;
}

void write_facts(const WireCase& c) {
  for (u64 i = 0; i < c.fact_count; ++i) memcpy(at<void>(c.facts[i].address), &c.facts[i].value, c.facts[i].bytes);
}

void restore_facts(const WireCase& c) {
  for (u64 i = 0; i < c.fact_count; ++i) restore_bytes(c.facts[i].address, c.facts[i].bytes);
}

// ---- contexts

unsigned way_of_entry(u64 context) {
  return (has(context, kCpl3) ? ENTER_CPL3 : 0u) | (has(context, kAddress32) ? ENTER_ADDRESS32 : 0u);
}

// The operand names the VMCB of every case, perhaps unaligned, or nothing at all: no other memory is one.
bool operand_is_possible(u64 operand) {
  static const unsigned maxphyaddr = cpuid(0x80000008, 0).eax & 0xff;
  return (operand & ~(kPage - 1)) == kVmcb || operand >> maxphyaddr != 0;
}

// ---- leaving nothing behind

bool paging(State s) { return has(s[Cr0], cr0::PG); }  // also in real mode

bool has_golden_cr3(State s) { return s[Cr3] >> 12 == kGuestCr3 >> 12; }

// An emulator may store the exit code of a failed entry in 32 bits.
bool entry_failed(const WireResult& r) {
  return static_cast<u32>(r.record[kExitCode]) == static_cast<u32>(kInvalidExitCode);
}

// The guest left where it began, without an event: it wrote nothing.
bool guest_did_nothing(State s, const WireResult& r) {
  const u64 code = r.record[kExitCode];
  return r.record[kExitRip] == s[Rip] && vmcb(kRspAt) == s[Rsp] && (s[Eventinj] & kValid) == 0 && code != kNoExitCode;
}

// Every entry of the golden tables is marked accessed, so that walking them marks nothing.
bool walk_marks_nothing(const WireCase& c) {
  const State s{c.block};
  if (!paging(s)) return true;
  if (!has_golden_cr3(s)) return false;
  // Of page-directory pointers only the first is used: that of the golden code.
  const bool pointers = has(s[Cr4], cr4::PAE) && !has(s[Efer], efer::LME) && s[Rip] == kGuestCode;
  for (u64 i = 0; i < c.fact_count; ++i)
    if (has(c.facts[i].value, 0) && !(pointers && c.facts[i].address != (s[Cr3] & 0xffffffe0)) &&
        !inside(c.facts[i].value & ~(kPage - 1), kPage, kGuestCr3, kGuestPages + kPage))
      return false;
  return true;
}

// The tables whose dirty bits tell of any write.
bool walks_golden_tables(const WireCase& c) {
  const State s{c.block};
  return paging(s) && has(s[Cr4], cr4::PAE) && has(s[Efer], efer::LME) && has_golden_cr3(s) && c.fact_count == 0;
}

void restore_memory(const WireCase& c, const WireResult& r) {
  const State s{c.block};
  const bool nested = has(s[NestedCtl], nested_ctl::NP);
  const bool confined = nested && s[Ncr3] >> 12 == kGoldenNcr3 >> 12;
  const bool nothing_done = guest_did_nothing(s, r);
  // The exit for an interrupt comes before any walk.
  if (entry_failed(r) || (nothing_done && r.record[kExitCode] == kVirtualInterruptExit)) return;
  if (nested && s[Ncr3] == kEmptyTables) return;
  const bool known_tables = confined || !nested;
  if (known_tables && nothing_done && walk_marks_nothing(c)) return;
  if (known_tables && walks_golden_tables(c)) {
    if (!some_page_is_marked()) return;
    restore_marked_pages();
  } else if (confined) {
    return restore_written_pages();
  } else {
    // Such a guest reaches any memory, but has no use for the rest.
    restore_range(kGuestWindow, kGuestPagesEnd - kGuestWindow);
  }
  if (nested) restore_nested_tables();
}

void restore_registers() {
  constexpr u64 kCleanDr6 = 0xffff0ff0;
  if (read_cr2() != 0) write_cr2(0);
  u64 dr6;
  asm volatile("mov %%dr6, %0" : "=r"(dr6));
  if (dr6 != kCleanDr6) asm volatile("mov %0, %%dr6" ::"r"(kCleanDr6));
}

void put_back(const WireCase& c, const WireResult& r) {
  restore_registers();
  restore_memory(c, r);
  // An operand that is not aligned may have moved all results by some bytes.
  if (State{c.block}[VmcbAddress] != kVmcb) memset(at<void>(kVmcb), 0, 2 * kPage);
}

// ---- one case

WireStatus status_of_fault() {
  const u64 offset = fault_at - AGENT_USER_CODE;
  // An emulator that lets VMRUN through at CPL 3 comes back to the UD2 behind it.
  if (offset == AGENT_USER_VMRUN + 3 || offset == AGENT_USER_VMRUN32 + 4) {
    stgi();
    return WireStatus::Exit;
  }
  bool at_vmrun = false;
  for (const u64 site : entry_sites) at_vmrun |= site == fault_at;
  if (!at_vmrun) panic("lost after a #VMEXIT");
  switch (fault_vector) {
    case 6:
      return WireStatus::InvalidOpcode;
    case 13:
      return WireStatus::GeneralProtection;
    default:
      panic("VMRUN raised neither #UD nor #GP");
  }
}

void read_exit(WireResult& r) {
  r.record[kExitCode] = vmcb(kExitCodeAt);
  r.record[kExitInfo1] = vmcb(kExitInfo1At);
  r.record[kExitInfo2] = vmcb(kExitInfo2At);
  r.record[kExitIntInfo] = vmcb(kExitIntInfoAt);
  r.record[kExitRip] = vmcb(kRipAt);
  r.record[kExitRflags] = vmcb(kRflagsAt);
  r.record[kExitEfer] = vmcb(kEferAt);
  r.record[kExitCpl] = *at<volatile u8>(kVmcb + kCplAt);
  r.record[kExitDsBase] = vmcb(kDsBaseAt);
}

WireStatus vmrun(const WireCase& c) {
  const u64 operand = State{c.block}[VmcbAddress];
  const bool svme_off = has(c.context, kSvmeOff);
  if (svme_off) wrmsr(kEferMsr, agent_efer & ~(u64{1} << efer::SVME));
  const u64 entered = enter_svm(way_of_entry(c.context), operand);
  if (svme_off) wrmsr(kEferMsr, agent_efer);
  return entered == 0 ? WireStatus::Exit : status_of_fault();
}

// U_CET is the agent's own MSR while the guest runs. Where it does not exist its value means nothing.
bool load_u_cet(u64 value) {
  u64 old;
  return value == 0 || !try_rdmsr(kUCetMsr, &old) || try_wrmsr(kUCetMsr, value);
}

void run_case(const WireCase& c, WireResult& r) {
  const State s{c.block};
  r = {};
  if (!facts_are_inside(c)) {
    r.status = WireStatus::FactOutside;
    return;
  }
  const u64 operand = has(c.context, kAddress32) ? static_cast<u32>(s[VmcbAddress]) : s[VmcbAddress];
  if (!operand_is_possible(operand) || !load_u_cet(s[UCet])) {
    r.status = WireStatus::ContextImpossible;
    return;
  }
  write_vmcb(c.block);
  write_facts(c);
  r.status = vmrun(c);
  if (r.status == WireStatus::Exit) {
    read_exit(r);
    put_back(c, r);
  }
  restore_facts(c);
  if (s[UCet] != 0) load_u_cet(0);
}

}  // namespace

Answer run_svm_entry(const void* input, void* output, u32 count, volatile u32* cursor) {
  if (!enter_svm_operation()) return Answer::NoSvm;
  const WireBatch& batch = *static_cast<const WireBatch*>(input);
  WireResult* results = static_cast<WireResult*>(output);
  for (u32 i = 0; i < count; ++i) {
    *cursor = i;
    run_case(batch.cases[i], results[i]);
  }
  return Answer::Done;
}

}  // namespace diffvisor::agent
