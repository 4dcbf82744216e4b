// SPDX-License-Identifier: Apache-2.0
// vmx_entry cases that leave as much behind as Bochs lets them.
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "oracles/machines/clean_state.h"

namespace diffvisor {
namespace {

using namespace vmx;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kAll = ~std::uint64_t{0}, kInject = bit(31);

struct Row {
  const char* what;
  ProbeChoice probe;
  std::vector<Edit> edits;
  Outcome outcome;
  std::uint64_t context = 0;
};

// clang-format off
const Row kRows[] = {
    {"walks the guest's tables",       kVmcall,    {}, entered(18)},
    {"walks EPT",                      kVmcall,    {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x1e}}, entered(18)},
    // With accessed and dirty bits a walk of the guest's tables counts as a write, which EPT forbids.
    {"walks EPT with accessed bits",   kVmcall,    {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x5e}}, entered(48)},
    {"turns an EPT violation into #VE", kVmcall,   {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT) | bit(proc2::EPTVE)}, {Eptp, kAll, kEptPml4 | 0x1e}, {VeInfoAddress, kAll, kScratch}, {GuestCr3, kAll, kHostCr3}}, entered(0)},
    {"virtualises its task priority",  kTimerZero, {{Proc, 0, bit(31) | bit(proc::TPRSH)}, {Proc2, 0, bit(proc2::VID)}, {VirtualApicAddr, kAll, kScratch}, {Vtpr, kAll, 0x30}}, entered(52)},
    {"walks tables that are not golden", kVmcall,  {{GuestCr3, kAll, kHostCr3}}, entered(18)},
    {"pushes through tables that are not golden", kVmcall, {{GuestCr3, kAll, kHostCr3}, {EntryIntrInfo, 0, kInject | 0xb0d}}, entered(18)},
    {"runs with PAE tables of its own", kVmcall,   {{Entry, bit(entry_ctl::IA32E), 0}, {GuestIa32Efer, kAll, 0}, {GuestCsAr, kAll, 0xc09b}, {GuestCr3, kAll, kScratch}, {Cr3Pdpte, kAll, 0x402001}, {EntryIntrInfo, 0, kInject | 0x306}}, entered(18)},
    {"has facts",                      kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrValue + 1, kAll, 0x1234}}, entered(52)},
    {"has facts and fails",            kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrReserved, 0, 1}, {GuestRflags, kAll, 0}}, fail_guest(0)},
    {"has a second VMCS",              kTimerZero, {{VmcsLinkPointer, kAll, kShadowVmcs}, {LinkDword0, kAll, 4}}, entered(52)},
    {"has a wrong second VMCS",        kTimerZero, {{VmcsLinkPointer, kAll, kShadowVmcs}, {LinkDword0, kAll, 5}}, fail_guest(4)},
    {"loads STAR and LSTAR on entry",  kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrValue, kAll, 7}, {EntryMsrIndex + 1, kAll, 0xc0000082}, {EntryMsrValue + 1, kAll, 9}}, entered(52)},
    {"loads the same on exit",         kTimerZero, {{ExitMsrLoadCount, 0, 2}, {ExitMsrLoadAddr, kAll, kEntryMsrList}, {EntryMsrIndex + 1, kAll, 0xc0000084}, {EntryMsrValue + 1, kAll, 9}}, entered(52)},
    {"loads an MSR, then fails",       kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrIndex, kAll, 0xc0000102}, {EntryMsrValue, kAll, 5}, {EntryMsrReserved + 1, 0, 1}}, fail_msr(2)},
    {"stores MSRs on exit",            kTimerZero, {{ExitMsrStoreCount, 0, 1}, {GuestSysenterCs, kAll, 0x77}, {EntryMsrIndex, kAll, 0x174}, {ExitMsrStoreAddr, kAll, kEntryMsrList}}, entered(52)},
    {"loads PAT, host does not",       kTimerZero, {{Exit, bit(exit_ctl::LDPAT), 0}, {Entry, 0, bit(entry_ctl::LDPAT)}, {GuestIa32Pat, kAll, 0}}, entered(52)},
    {"loads another host PAT",         kTimerZero, {{HostIa32Pat, kAll, 0x0606060606060606}}, entered(52)},
    {"loads EFER, host does not",      kTimerZero, {{Exit, bit(exit_ctl::LDEFER), 0}, {GuestIa32Efer, bit(0) | bit(11), 0}}, entered(52)},
    {"loads another host EFER",        kTimerZero, {{HostIa32Efer, bit(11), 0}}, entered(52)},
    {"loads CET, host does not",       kTimerZero, {{Entry, 0, bit(entry_ctl::LDCET)}, {GuestSCet, kAll, 3}, {GuestIntrSspTableAddr, kAll, 0x8000}}, entered(52)},
    {"loads host CET",                 kTimerZero, {{Exit, 0, bit(exit_ctl::LDCET)}, {HostCr4, 0, bit(cr4::CET)}, {HostIa32SCet, kAll, 5}}, entered(52)},
    {"changes host CR0 and CR4",       kTimerZero, {{HostCr0, bit(cr0::WP), bit(cr0::TS) | bit(cr0::AM)}, {HostCr4, 0, bit(cr4::SMEP) | bit(cr4::DE)}}, entered(52)},
    {"changes host CR3's low bits",    kTimerZero, {{HostCr4, 0, bit(cr4::PCIDE)}, {HostCr3, 0, 0x123}}, entered(52)},
    {"moves host GDT, IDT and TSS",    kTimerZero, {{HostGdtrBase, kAll, 0x8000}, {HostIdtrBase, kAll, 0x8000}, {HostTrBase, kAll, 0x8000}}, entered(52)},
    {"takes #PF through its IDT",      kVmcall,    {{ExceptionBitmap, kAll, 0}, {GuestRip, kAll, 0x700000}}, entered(18)},
    {"is injected #GP",                kVmcall,    {{EntryIntrInfo, 0, kInject | 0xb0d}}, entered(18)},
    {"is injected #PF, then times out", kTimerZero, {{EntryIntrInfo, 0, kInject | 0xb0e}, {EntryExceptionErrorCode, 0, 4}}, entered(52)},
    {"has a pending #DB delivered",    kVmcall,    {{PendingDbg, 0, bit(12) | 1}, {ExceptionBitmap, kAll, 0}}, entered(18)},
    {"writes memory",                  kVmcall,    {{GuestRip, kAll, kGuestCode + 2}, {GuestDsBase, 0, 0}, {GuestCr0, 0, 0}}, entered(0)},
    {"unmapped IDT: triple fault",     kVmcall,    {{EntryIntrInfo, 0, kInject | 0x306}, {ExceptionBitmap, kAll, 0}, {GuestIdtrBase, kAll, 0x800000}}, entered(2)},
    {"is injected an NMI",             kVmcall,    {{EntryIntrInfo, 0, kInject | 0x202}}, entered(18)},
    {"is injected an NMI, not virtual", kVmcall,   {{EntryIntrInfo, 0, kInject | 0x202}, {Pin, bit(pin::VNMI), 0}}, entered(18)},
    {"blocks virtual NMIs",            kVmcall,    {{Interruptibility, 0, 8}}, entered(18)},
    {"blocks NMIs",                    kVmcall,    {{Interruptibility, 0, 8}, {Pin, bit(pin::VNMI) | bit(pin::NMI), 0}}, entered(18)},
    {"blocks NMIs, then fails",        kVmcall,    {{Interruptibility, 0, 8}, {EntryMsrLoadCount, 0, 1}, {EntryMsrReserved, 0, 1}}, fail_msr(1)},
    {"waits for an NMI window",        kVmcall,    {{Proc, 0, bit(proc::NMIWIN)}}, entered(8)},
    {"asks for an interrupt window",   kVmcall,    {{Proc, 0, bit(proc::INTWIN)}, {GuestRflags, 0, bit(9)}}, entered(7)},
    {"is blocked by STI",              kVmcall,    {{Interruptibility, 0, 1}, {GuestRflags, 0, bit(9)}}, entered(18)},
    {"halts until the timer",          kTimerZero, {{ActivityState, 0, 1}}, entered(52)},
    {"is launched already",            kTimerZero, {}, fail_valid(4), bit(kLaunched)},
    {"resumes",                        kVmcall,    {}, entered(18), bit(kLaunched) | bit(kResume)},
    {"has no current VMCS",            kTimerZero, {}, make_outcome(OutcomeKind::FailInvalid), bit(kNoCurrent)},
    {"has a shadow VMCS current",      kVmcall,    {}, entered(18), bit(kShadowCurrent)},
    {"is blocked by MOV SS",           kTimerZero, {}, fail_valid(26), bit(kMovSs)},
    {"comes from CPL 3",               kTimerZero, {}, make_outcome(OutcomeKind::GeneralProtection), bit(kCpl3)},
};
// clang-format on

std::vector<Disturbance> disturbances() {
  std::vector<Disturbance> out;
  for (const Row& row : kRows) {
    Case c = golden_case(schema());
    c[Probe] = row.probe;
    c[Context] = row.context;
    reset_to_golden(c);
    for (const Edit& e : row.edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
    settle_facts(c.v.data());
    out.push_back({row.what, c, row.outcome});
  }
  return out;
}

// The guest window, the EPT tables, the VMCS headers.
constexpr agent::ConstantRange kMemory[] = {{kGuestWindow, kGuestWindowEnd},
                                            {kEptPml4, kEptPml4 + 3 * kPage},
                                            {kVmcs, kVmcs + 8},
                                            {kShadowVmcs, kShadowVmcs + 8},
                                            {kVmxonRegion, kVmxonRegion + 8}};

// The SYSENTER MSRs, FS and GS base.
constexpr std::uint32_t kLoadedMsrs[] = {0x174, 0x175, 0x176, 0xc0000100, 0xc0000101};

}  // namespace

const CleanStateSubject kVmxOnBochs = {"vmx_on_bochs", "bochs",       "vmx_entry", "tigerlake",
                                       "bochs-bin",    &disturbances, kMemory,     kLoadedMsrs};

}  // namespace diffvisor
