// SPDX-License-Identifier: Apache-2.0
// Command VmxEntry: each case from a clean state, and nothing of it left for the next one.
#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/wire.h"
#include "oracles/agent/agent.h"
#include "oracles/agent/vmcs_fields.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

constexpr u32 kInstructionErrorField = 0x4400, kReasonField = 0x4402, kIntrInfoField = 0x4404, kIntrErrorField = 0x4406,
              kVectoringInfoField = 0x4408, kVectoringErrorField = 0x440a, kQualificationField = 0x6400,
              kGuestRspField = 0x681c, kGuestRipField = 0x681e;
constexpr u64 kReasonTimer = 52, kReasonVmcall = 18, kEntryFailure = u64{1} << 31, kValid = u64{1} << 31;

constexpr bool has(u64 word, unsigned bit) { return word >> bit & 1; }

struct State {
  const u64* block;
  u64 operator[](unsigned slot) const { return block[slot - Pin]; }
};

// ---- MSRs that a case can change: put back after the exit, written only when they differ. Not among them: those that
// every entry and every exit loads (the SYSENTER MSRs, FS and GS base) or clears (DEBUGCTL), and TSC, which runs on.

struct SavedMsr {
  u32 index;
  u64 value;
};

// The MSRs named in the entry-load and exit-load lists. Beyond the entries that facts can change, lists are filler.
class ListedMsrs {
 public:
  explicit ListedMsrs(State s) {
    if (s[EntryMsrLoadCount] != 0) read_list(s[EntryMsrLoadAddr], s[EntryMsrLoadCount]);
    if (s[ExitMsrLoadCount] != 0) read_list(s[ExitMsrLoadAddr], s[ExitMsrLoadCount]);
  }
  void restore() const {
    for (unsigned i = 0; i < count_; ++i) {
      u64 now;
      if (try_rdmsr(saved_[i].index, &now) && now != saved_[i].value) try_wrmsr(saved_[i].index, saved_[i].value);
    }
  }

 private:
  void read_list(u64 address, u64 entries) {
    for (u64 i = 0; i < entries && i < 8; ++i, address += 16) {
      if (address >= kRamEnd - 16) return;
      SavedMsr& saved = saved_[count_];
      saved.index = *at<u32>(address);
      if (count_ != 0 && saved.index == saved_[count_ - 1].index) continue;  // mostly fillers
      if (try_rdmsr(saved.index, &saved.value)) ++count_;
    }
  }
  SavedMsr saved_[16];
  unsigned count_ = 0;
};

struct LoadedMsr {
  u32 index;
  unsigned entry_control, exit_control;  // either loads or clears it
};
// PAT first: alone it is in nearly every case.
constexpr LoadedMsr kLoadedMsrs[] = {
    {0x277, entry_ctl::LDPAT, exit_ctl::LDPAT},    {0x38f, entry_ctl::LDPGC, exit_ctl::LDPGC},
    {0x6a2, entry_ctl::LDCET, exit_ctl::LDCET},    {0x6a8, entry_ctl::LDCET, exit_ctl::LDCET},
    {0x6e1, entry_ctl::LDPKRS, exit_ctl::LDPKRS},  {0xd90, entry_ctl::LDBND, exit_ctl::CLRBND},
    {0x570, entry_ctl::LDRTIT, exit_ctl::CLRRTIT}, {0x14ce, entry_ctl::LDLBR, exit_ctl::CLRLBR}};
constexpr std::size_t kLoadedMsrCount = sizeof kLoadedMsrs / sizeof kLoadedMsrs[0];

consteval u64 controls_from(std::size_t first, unsigned LoadedMsr::*control) {
  u64 mask = 0;
  for (std::size_t i = first; i < kLoadedMsrCount; ++i) mask |= u64{1} << kLoadedMsrs[i].*control;
  return mask;
}
constexpr u64 kRareEntryLoads = controls_from(1, &LoadedMsr::entry_control);
constexpr u64 kRareExitLoads = controls_from(1, &LoadedMsr::exit_control);

struct {
  bool known;
  bool readable[kLoadedMsrCount];
  u64 value[kLoadedMsrCount];
} clean_msrs;

void learn_clean_msrs() {
  for (std::size_t i = 0; i < kLoadedMsrCount; ++i)
    clean_msrs.readable[i] = try_rdmsr(kLoadedMsrs[i].index, &clean_msrs.value[i]);
  clean_msrs.known = true;
}

void restore_msr(std::size_t i) {
  if (clean_msrs.readable[i] && rdmsr(kLoadedMsrs[i].index) != clean_msrs.value[i])
    wrmsr(kLoadedMsrs[i].index, clean_msrs.value[i]);
}

void restore_loaded_msrs(State s) {
  if (has(s[Entry], entry_ctl::LDPAT) || has(s[Exit], exit_ctl::LDPAT)) restore_msr(0);
  if ((s[Entry] & kRareEntryLoads) == 0 && (s[Exit] & kRareExitLoads) == 0) return;
  for (std::size_t i = 1; i < kLoadedMsrCount; ++i) restore_msr(i);
}

// ---- memory facts

bool is_second_vmcs(const WireFact& f) { return f.address == kShadowVmcs && f.bytes == 4; }

bool facts_are_inside(const WireCase& c) {
  if (c.fact_count > kWireFacts) return false;
  for (u64 i = 0; i < c.fact_count; ++i) {
    const WireFact& f = c.facts[i];
    const bool inside = f.address >= kGuestWindow && f.address <= kListsEnd - f.bytes;
    if (f.bytes > 8 || (!inside && !is_second_vmcs(f))) return false;
  }
  return true;
}

void write_facts(const WireCase& c) {
  for (u64 i = 0; i < c.fact_count; ++i) {
    const WireFact& f = c.facts[i];
    if (f.bytes == 8) {
      *at<u64>(f.address) = f.value;
    } else {
      memcpy(at<void>(f.address), &f.value, f.bytes);
    }
  }
}

void restore_facts(const WireCase& c) {
  for (u64 i = 0; i < c.fact_count; ++i) {
    const WireFact& f = c.facts[i];
    if (is_second_vmcs(f)) {
      *at<u32>(kShadowVmcs) = *at<u32>(kVmxonRegion);
    } else {
      restore_bytes(f.address, f.bytes);
    }
  }
}

// ---- contexts

unsigned way_of_entry(u64 context) {
  return (has(context, kResume) ? ENTER_RESUME : 0u) | (has(context, kMovSs) ? ENTER_MOV_SS : 0u) |
         (has(context, kCpl3) ? ENTER_CPL3 : 0u);
}

// Makes the case's VMCS current and clear, or launched by an entry of the golden case. One that is to be a shadow VMCS
// is written as an ordinary one first.
bool prepare_vmcs(const WireCase& golden, u64 context) {
  const u64 region = has(context, kShadowCurrent) ? kShadowVmcs : kVmcs;
  vmclear(region);
  vmptrld(region);
  if (!has(context, kLaunched)) return true;
  write_fields(golden.block);
  return enter(0) == 0 && (vmread(kReasonField) & kEntryFailure) == 0;
}

// Makes the current VMCS what the context says it is. A VMCS turns into a shadow VMCS by way of VMCLEAR, so it cannot
// be launched as well; and a link to either region would mean something else than in other cases.
bool choose_current(u64 context, u64 link_pointer) {
  if (has(context, kNoCurrent)) return vmclear(has(context, kShadowCurrent) ? kShadowVmcs : kVmcs);
  if (!has(context, kShadowCurrent)) return true;
  if (has(context, kLaunched) || link_pointer == kShadowVmcs || link_pointer == kVmcs) return false;
  vmclear(kShadowVmcs);
  constexpr u32 kShadowIndicator = u32{1} << 31;
  *at<u32>(kShadowVmcs) |= kShadowIndicator;
  return vmptrld(kShadowVmcs);
}

void make_second_vmcs_ordinary() {
  vmclear(kShadowVmcs);
  *at<u32>(kShadowVmcs) = *at<u32>(kVmxonRegion);
}

// ---- results

bool is_entry_site(u64 rip) {
  for (const u64 site : entry_sites)
    if (site == rip) return true;
  return false;
}

WireStatus status_of_fault() {
  // An emulator that lets VMLAUNCH through at CPL 3 comes to the UD2 behind it, with VMfail's flags in the frame.
  const u64 offset = fault_at - AGENT_USER_CODE;
  if (offset == AGENT_USER_LAUNCH + 3 || offset == AGENT_USER_RESUME + 3)
    return (fault_flags & 1) != 0 ? WireStatus::FailInvalid : WireStatus::FailValid;
  if (!is_entry_site(fault_at)) panic("lost after a VM exit");
  switch (fault_vector) {
    case 6:
      return WireStatus::InvalidOpcode;
    case 13:
      return WireStatus::GeneralProtection;
    default:
      panic("VMLAUNCH raised neither #UD nor #GP");
  }
}

WireStatus status_of(u64 entered) {
  switch (entered) {
    case 0:
      return WireStatus::Exit;
    case 1:
      return WireStatus::FailInvalid;
    case 2:
      return WireStatus::FailValid;
    default:
      return status_of_fault();
  }
}

void read_exit(WireResult& r) {
  r.record[kExitReason] = vmread(kReasonField);
  r.record[kExitQualification] = vmread(kQualificationField);
  if ((r.record[kExitReason] & kEntryFailure) != 0) return;
  r.record[kExitIntrInfo] = vmread(kIntrInfoField);
  if ((r.record[kExitIntrInfo] & kValid) != 0) r.record[kExitIntrErrorCode] = vmread(kIntrErrorField);
  r.record[kIdtVectoringInfo] = vmread(kVectoringInfoField);
  if ((r.record[kIdtVectoringInfo] & kValid) != 0) r.record[kIdtVectoringErrorCode] = vmread(kVectoringErrorField);
}

// ---- leaving nothing behind

// What a guest that ran, or took an event, can have left in memory.
enum class Trace {
  Nothing,  // no instruction ended, no event was delivered
  Pages,    // debug registers, CR2, and what the dirty bits of the golden tables tell
  Window,   // anything in the guest window
};

bool has_secondary(State s, unsigned control) { return has(s[Proc], proc::SECONDARY) && has(s[Proc2], control); }

bool in_window(u64 address) { return address >= kGuestWindow && address < kGuestWindowEnd; }

bool has_golden_tables(State s) {
  return s[GuestCr3] >> 12 == kGuestCr3 >> 12 && s[Cr3Pdpte] == kGoldenPml4Entry && s[Cr3Pdpte + 1] == 0 &&
         s[Cr3Pdpte + 2] == 0 && s[Cr3Pdpte + 3] == 0;
}

// ---- Whether tables other than the golden ones map memory that we keep. Without EPT the guest can write through them;
// under EPT it cannot, but Bochs 2.7 sets accessed and dirty bits in tables without asking EPT. Above RAM all bits read
// as one, which no entry may have.

bool is_long_mode(State s) { return has(s[Entry], entry_ctl::IA32E); }

// The golden page directory leads to pages whose dirty bits tell.
bool table_maps_something(State s, u64 table) {
  constexpr u64 kPageDirectory = kGuestCr3 + 2 * kPage;
  if (table >= kRamEnd || table == kPageDirectory) return false;
  if (has_secondary(s, proc2::EPT) && !in_window(table)) return false;
  return !is_empty_page(table);
}

bool entry_maps_something(State s, u64 entry) {
  constexpr u64 kPresent = 1, kLarge = u64{1} << 7, kFrame = 0xffffffffff000, kLargeFrame = 0xffc00000;
  if ((entry & kPresent) == 0) return false;
  if ((entry & kLarge) != 0 && (entry & kLargeFrame) == kGuestWindow) return true;
  return table_maps_something(s, entry & kFrame);
}

bool page_pointers_map_something(State s) {
  const u64 pointers = s[GuestCr3] & 0xffffffe0;
  const bool fields = has_secondary(s, proc2::EPT);
  if (!fields && pointers >= kRamEnd) return false;
  for (unsigned i = 0; i < 4; ++i)
    if (entry_maps_something(s, fields ? s[GuestPdpte0 + i] : at<u64>(pointers)[i])) return true;
  return false;
}

bool root_maps_something(State s) {
  const u64 root = s[GuestCr3] & ~(kPage - 1);
  if (!table_maps_something(s, root)) return false;
  for (u64 i = 0; i < kPage / 8; ++i) {
    const u64 entry = at<u64>(root)[i];
    if (entry == 0) continue;
    if (is_long_mode(s) ? entry_maps_something(s, entry)
                        : entry_maps_something(s, entry & ~u32{0}) || entry_maps_something(s, entry >> 32))
      return true;
  }
  return false;
}

bool foreign_tables_map_something(State s) {
  if (!has(s[GuestCr0], cr0::PG)) return false;
  return has(s[GuestCr4], cr4::PAE) && !is_long_mode(s) ? page_pointers_map_something(s) : root_maps_something(s);
}

// Nothing was delivered, and the first instruction or what comes before it was the exit: any delivery moves RSP.
bool ran_nothing(State s, const WireResult& r) {
  if ((s[EntryIntrInfo] & kValid) != 0 || s[PendingDbg] != 0 || (s[Interruptibility] & 3) != 0) return false;
  if (has_secondary(s, proc2::VID)) return false;
  if (r.record[kExitReason] == kReasonTimer) return true;
  return r.record[kExitReason] == kReasonVmcall && vmread(kGuestRipField) == s[GuestRip] &&
         vmread(kGuestRspField) == s[GuestRsp];
}

Trace trace_of(State s, const WireResult& r) {
  if (ran_nothing(s, r)) return Trace::Nothing;
  return has_golden_tables(s) || !foreign_tables_map_something(s) ? Trace::Pages : Trace::Window;
}

void restore_debug_registers() {
  constexpr u64 kCleanDr6 = 0xffff0ff0;
  if (read_cr2() != 0) write_cr2(0);
  u64 dr6;
  asm volatile("mov %%dr6, %0" : "=r"(dr6));
  if (dr6 != kCleanDr6) asm volatile("mov %0, %%dr6" ::"r"(kCleanDr6));
  set_breakpoints();
}

void restore_memory(Trace trace) {
  if (trace == Trace::Nothing) return;
  restore_debug_registers();
  if (trace == Trace::Pages && page_directory_is_marked()) restore_range(kGuestCr3 + 2 * kPage, kPage);
  if (trace == Trace::Pages) restore_marked_pages();
  if (trace == Trace::Window) restore_range(kGuestWindow, kListsEnd - kGuestWindow);
  restore_page_walks();
}

void restore_stored_msrs(State s) {
  const u64 from = s[ExitMsrStoreAddr];
  if (from < kGuestWindow || from >= kListsEnd) return;
  const u64 bytes = s[ExitMsrStoreCount] * 16, room = kListsEnd - from;
  restore_range(from, bytes < room ? bytes : room);
}

// What the processor itself writes outside the guest's own accesses.
void restore_processor_writes(State s, Trace trace) {
  if (s[ExitMsrStoreCount] != 0) restore_stored_msrs(s);
  if (trace == Trace::Nothing) return;
  if (has(s[Proc], proc::TPRSH)) restore_range(s[VirtualApicAddr], kPage);
  if (has_secondary(s, proc2::EPTVE)) restore_range(s[VeInfoAddress], kPage);
}

// NMI blocking survives VM exits, VMCLEAR and VMXOFF in an emulator that keeps it in the CPU (Bochs 2.7 does).
bool can_leave_nmi_blocking(State s) {
  const u64 info = s[EntryIntrInfo];
  return has(s[Interruptibility], 3) || ((info & kValid) != 0 && (info >> 8 & 7) == 2);
}

void put_back(State s, const WireResult& r) {
  if (r.status != WireStatus::Exit) return;
  restore_loaded_msrs(s);
  if ((r.record[kExitReason] & kEntryFailure) == 0) {
    const Trace trace = trace_of(s, r);
    restore_memory(trace);
    restore_processor_writes(s, trace);
  }
  if (can_leave_nmi_blocking(s)) end_nmi_blocking();
}

void enter_and_read(const WireCase& c, WireResult& r) {
  const State s{c.block};
  const bool lists = s[EntryMsrLoadCount] != 0 || s[ExitMsrLoadCount] != 0;
  const u64 how = way_of_entry(c.context);
  if ((how & ENTER_CPL3) != 0) load_task_register();
  if (!lists) {
    r.status = status_of(enter(static_cast<unsigned>(how)));
  } else {
    const ListedMsrs msrs(s);
    r.status = status_of(enter(static_cast<unsigned>(how)));
    msrs.restore();
  }
  if (r.status == WireStatus::Exit) read_exit(r);
  if (r.status == WireStatus::FailValid) r.record[kInstructionError] = vmread(kInstructionErrorField);
}

// False when the golden case itself does not enter.
bool run_case(const WireCase& golden, const WireCase& c, WireResult& r) {
  r = {};
  if (!facts_are_inside(c)) {
    r.status = WireStatus::FactOutside;
    return true;
  }
  if (!prepare_vmcs(golden, c.context)) return false;
  write_fields(c.block);
  if (!choose_current(c.context, State{c.block}[VmcsLinkPointer])) {
    r.status = WireStatus::ContextImpossible;
    make_second_vmcs_ordinary();
    return true;
  }
  write_facts(c);
  enter_and_read(c, r);
  put_back(State{c.block}, r);
  if (has(c.context, kShadowCurrent)) make_second_vmcs_ordinary();
  restore_facts(c);
  return true;
}

}  // namespace

Answer run_vmx_entry(const void* input, void* output, u32 count, volatile u32* cursor) {
  if (!enter_vmx_operation()) return Answer::NoVmx;
  if (!clean_msrs.known) learn_clean_msrs();
  const WireBatch& batch = *static_cast<const WireBatch*>(input);
  WireResult* results = static_cast<WireResult*>(output);
  for (u32 i = 0; i < count; ++i) {
    *cursor = i;
    if (!run_case(batch.golden, batch.cases[i], results[i])) return Answer::GoldenRefused;
  }
  return Answer::Done;
}

}  // namespace diffvisor::agent
