// SPDX-License-Identifier: Apache-2.0
// Hand-picked cases: small differences from golden and what they come to.
#include "models/vmx/arch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "models/vmx/arch_rules.h"

namespace diffvisor::vmx {
namespace {

struct Change {
  unsigned slot;
  char op;  // '=' sets, '|' sets bits, '-' clears bits
  std::uint64_t value;
};

struct Vector {
  const char* profile;
  ProbeChoice probe;
  std::vector<Change> set;
  std::string expect;  // outcome_text, or the id of the limit
};

Case case_of(const Vector& t) {
  Case c = golden_case(schema(), *find_profile(schema(), t.profile));
  c.v[Probe] = t.probe;
  reset_to_golden(c);
  for (const Change& x : t.set) {
    std::uint64_t& value = c.v[x.slot];
    value = x.op == '=' ? x.value : x.op == '|' ? value | x.value : value & ~x.value;
  }
  clip_to_widths(c);
  settle_facts(c.v.data());
  return c;
}

std::string verdict(const Case& c) {
  ArchModel model;
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  EXPECT_TRUE(model.collect().has_value());
  return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
}

constexpr std::uint64_t b(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kSecondary = b(proc::SECONDARY), kTprSh = b(proc::TPRSH), kIobm = b(proc::IOBM);
constexpr const char *kTimer52 = "entered(52)", *kError7 = "vmfail_valid(7)", *kError8 = "vmfail_valid(8)";
constexpr const char *kBadGuest = "entry_failure(33, 0)", *kBadPdpte = "entry_failure(33, 2)",
                     *kBadLink = "entry_failure(33, 4)";
constexpr const char *kTiger = "tigerlake", *kIce = "icelake_u", *kSky = "skylake_x", *kKvm = "kvm61", *kFull = "full";

// The golden guest in 32-bit PAE paging with its tables at CR3.
std::vector<Change> pae(std::vector<Change> more) {
  std::vector<Change> set = {{Entry, '-', b(entry_ctl::IA32E)},
                             {GuestIa32Efer, '-', 0x500},
                             {GuestCsAr, '=', 0xc09b},
                             {GuestCr3, '=', kScratch},
                             {Cr3Pdpte, '=', 0x401001}};
  set.insert(set.end(), more.begin(), more.end());
  return set;
}
// A virtual-8086 guest.
std::vector<Change> v86(std::vector<Change> more) {
  std::vector<Change> set = pae({{GuestRflags, '=', 0x20002}});
  for (const unsigned s : {GuestCsAr, GuestSsAr, GuestDsAr, GuestEsAr, GuestFsAr, GuestGsAr})
    set.push_back({s, '=', 0xf3});
  for (const unsigned s : {GuestCsLimit, GuestSsLimit, GuestDsLimit, GuestEsLimit, GuestFsLimit, GuestGsLimit})
    set.push_back({s, '=', 0xffff});
  for (const unsigned s :
       {GuestCsSelector, GuestSsSelector, GuestDsSelector, GuestEsSelector, GuestFsSelector, GuestGsSelector})
    set.push_back({s, '=', 0});
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

// clang-format off
const std::vector<Vector> kVectors = {
  // golden
  {kTiger, kTimerZero, {}, kTimer52},
  {kTiger, kVmcall,    {}, "entered(18)"},
  // 29.1
  {kTiger, kTimerZero, {{Context, '=', b(kCpl3) | b(kNoCurrent)}}, "#GP(0)"},
  {kTiger, kTimerZero, {{Context, '=', b(kNoCurrent) | b(kMovSs)}}, "vmfail_invalid"},
  {kTiger, kTimerZero, {{Context, '=', b(kShadowCurrent)}}, "vmfail_invalid"},
  {kTiger, kTimerZero, {{Context, '=', b(kMovSs) | b(kLaunched)}}, "vmfail_valid(26)"},
  {kTiger, kTimerZero, {{Context, '=', b(kLaunched)}, {Pin, '=', 0}}, "vmfail_valid(4)"},
  {kTiger, kTimerZero, {{Context, '=', b(kResume)}}, "vmfail_valid(5)"},
  {kTiger, kTimerZero, {{Context, '=', b(kResume) | b(kLaunched)}}, kTimer52},
  // 29.2.1.1
  {kTiger, kTimerZero, {{Pin, '=', 0x16}, {GuestRflags, '=', 0}}, kBadGuest},
  {kTiger, kTimerZero, {{Pin, '|', b(27)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '-', b(1)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(31)}}, kError7},
  {kTiger, kTimerZero, {{Proc2, '=', b(31)}}, kTimer52},
  {kTiger, kTimerZero, {{Cr3TargetCount, '=', 4}}, kTimer52},
  {kKvm,   kTimerZero, {{Cr3TargetCount, '=', 1}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kIobm}, {IoBitmapA, '=', 0x80}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kIobm}, {IoBitmapA, '=', b(39)}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kIobm}, {IoBitmapA, '=', b(40)}}, kError7},
  {kKvm,   kTimerZero, {{Proc, '|', kIobm}, {IoBitmapB, '=', b(45)}}, kTimer52},
  {kKvm,   kTimerZero, {{Proc, '|', kIobm}, {IoBitmapB, '=', b(46)}}, kError7},
  {kTiger, kTimerZero, {{CapVmxBasic, '|', b(48)}, {Proc, '|', kIobm}, {IoBitmapA, '=', b(32)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {VirtualApicAddr, '=', 8}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {VirtualApicAddr, '=', 0x200000}}, "vmx.limit.virtual_apic_page"},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {VirtualApicAddr, '=', 0x200000}, {TprThreshold, '=', 1}}, "vmx.limit.vtpr"},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {TprThreshold, '=', 0xc}, {Vtpr, '=', 0xd0}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {TprThreshold, '=', 0xc}, {Vtpr, '=', 0xbf}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh}, {TprThreshold, '=', 0x10}, {Vtpr, '=', 0xff}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh | kSecondary}, {Proc2, '=', b(proc2::VID)}, {TprThreshold, '=', 0xfff}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kTprSh | kSecondary}, {Proc2, '=', b(proc2::VAPICACC)}, {TprThreshold, '=', 4}, {Vtpr, '=', 0x30}}, "entered(43)"},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::VX2APIC)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::VPID)}, {Vpid, '=', 0}}, kError7},
  {kTiger, kTimerZero, {{Pin, '-', b(pin::VNMI)}, {Proc, '|', b(proc::NMIWIN)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', 0x101e}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', 0x141e}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', 0x1026}}, kError7},
  {kKvm,   kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', 0x1026}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::PML)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::URG)}}, kError7},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::TSCSCALE)}}, kError7},
  {kFull,  kTimerZero, {{Proc, '|', b(proc::TERTIARY)}, {Proc3, '=', b(proc3::HLAT)}}, kError7},
  // 29.2.1.2, 29.2.1.3
  {kTiger, kTimerZero, {{Exit, '|', b(exit_ctl::SVPREEMPT)}, {Pin, '-', b(pin::PREEMPT)}}, kError7},
  {kTiger, kTimerZero, {{ExitMsrStoreCount, '=', 1}, {ExitMsrStoreAddr, '=', 0x100}}, "vmx.limit.exit_msr_store_list"},
  {kTiger, kTimerZero, {{ExitMsrStoreCount, '=', 1}, {ExitMsrStoreAddr, '=', 0x100}, {GuestRflags, '=', 0}}, kBadGuest},
  {kTiger, kTimerZero, {{ExitMsrStoreCount, '=', 2}, {ExitMsrStoreAddr, '=', 0xfffffffff0}}, kError7},
  {kTiger, kTimerZero, {{ExitMsrStoreCount, '=', 0x10000001}}, "vmx.limit.exit_msr_store_list"},
  {kTiger, kTimerZero, {{ExitMsrLoadCount, '=', 512}}, kTimer52},
  {kTiger, kTimerZero, {{ExitMsrLoadCount, '=', 1}, {ExitMsrLoadAddr, '=', 0x1000}}, "vmx.limit.exit_msr_load_list"},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000120}}, kError7},
  {kIce,   kTimerZero, {{EntryIntrInfo, '=', 0x80000b03}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000b03}}, "entered"},
  {kIce,   kTimerZero, {{EntryIntrInfo, '=', 0x8000030d}}, kError7},
  {kIce,   kTimerZero, {{EntryIntrInfo, '=', 0x80000b15}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000314}}, "entered"},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80100b0d}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80002b0d}}, kError7},
  {kFull,  kTimerZero, {{EntryIntrInfo, '=', 0x80002b0d}}, "entered"},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000b0d}, {EntryExceptionErrorCode, '=', 0x20000}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000480}, {EntryInstructionLen, '=', 16}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000480}}, "entered"},
  {kKvm,   kTimerZero, {{EntryIntrInfo, '=', 0x80000480}}, kError7},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x0000012f}}, kTimer52},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000700}}, "entered(37)"},
  {kSky,   kTimerZero, {{EntryIntrInfo, '=', 0x80000700}}, kError7},
  {kTiger, kTimerZero, {{Entry, '|', b(entry_ctl::SMM)}}, kError7},
  // 29.2.2 to 29.2.4
  {kTiger, kTimerZero, {{HostCr0, '|', b(60)}}, kError8},
  {kTiger, kTimerZero, {{HostCr0, '|', b(cr0::NW)}}, kTimer52},
  {kTiger, kTimerZero, {{HostCr4, '|', b(24)}}, kError8},
  {kTiger, kTimerZero, {{HostCr4, '|', b(cr4::CET)}, {HostCr0, '-', b(cr0::WP)}}, kError8},
  {kTiger, kTimerZero, {{HostCr4, '|', b(cr4::CET)}, {Entry, '|', b(entry_ctl::LDCET)}}, "vmx.limit.host_cet"},
  {kTiger, kTimerZero, {{HostCr4, '|', b(cr4::CET)}, {Exit, '|', b(exit_ctl::LDCET)}}, kTimer52},
  {kTiger, kTimerZero, {{HostCr4, '|', b(cr4::SMAP)}}, kTimer52},
  {kKvm,   kTimerZero, {{HostCr4, '|', b(cr4::LA57)}}, "vmx.limit.host_la57"},
  {kTiger, kTimerZero, {{HostCr3, '|', b(57)}}, kError8},
  {kTiger, kTimerZero, {{HostCr3, '|', b(61)}}, kError8},
  {kFull,  kTimerZero, {{HostCr3, '|', b(61)}}, "vmx.limit.host_cr3"},
  {kTiger, kTimerZero, {{HostIa32Efer, '|', b(27)}}, kError8},
  {kTiger, kTimerZero, {{HostIa32Efer, '|', b(27)}, {Exit, '-', b(exit_ctl::LDEFER)}}, kTimer52},
  {kTiger, kTimerZero, {{HostIa32Pat, '=', 0x800}}, kError8},
  {kTiger, kTimerZero, {{HostIa32Pat, '=', 0x60000}}, kTimer52},
  {kTiger, kTimerZero, {{HostCsSelector, '|', 0x8000}}, kTimer52},
  {kTiger, kTimerZero, {{HostCsSelector, '=', 0}}, kError8},
  {kTiger, kTimerZero, {{HostTrSelector, '|', 4}}, kError8},
  {kTiger, kTimerZero, {{HostFsBase, '=', b(47)}}, kError8},
  {kKvm,   kTimerZero, {{HostFsBase, '=', b(47)}}, kTimer52},
  {kTiger, kTimerZero, {{Exit, '-', b(exit_ctl::HOST64)}, {HostIa32Efer, '=', 0}, {Entry, '-', b(entry_ctl::IA32E)}}, kError8},
  {kTiger, kTimerZero, {{HostRip, '=', 0x1000}}, "vmx.limit.host_rip"},
  // 29.3.1.1
  {kTiger, kTimerZero, {{GuestCr0, '-', b(cr0::NE)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestCr0, '-', b(cr0::PG)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestCr0, '|', b(cr0::NW)}}, kTimer52},
  {kTiger, kTimerZero, {{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT) | b(proc2::URG)}, {Eptp, '=', kEptPml4 | 0x1e}, {GuestCr0, '=', 0x30},
                        {Entry, '-', b(entry_ctl::IA32E)}, {GuestIa32Efer, '=', 0}, {GuestCsAr, '=', 0x9b}, {GuestCsLimit, '=', 0xffff}}, kTimer52},
  {kTiger, kTimerZero, {{Entry, '|', b(entry_ctl::LDDBG)}, {GuestDr7, '=', b(32)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestDr7, '=', b(32)}}, kTimer52},
  {kTiger, kTimerZero, {{Entry, '|', b(entry_ctl::LDPAT)}, {GuestIa32Pat, '=', 0x100000}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestIa32Efer, '|', b(16)}}, kBadGuest},
  {kTiger, kTimerZero, {{Entry, '-', b(entry_ctl::IA32E)}}, kBadGuest},
  {kFull,  kTimerZero, {{GuestCr3, '=', b(46)}}, kBadGuest},
  {kFull,  kTimerZero, {{GuestCr3, '=', b(46)}, {Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', kEptPml4 | 0x1e}}, kTimer52},
  // 29.3.1.2 to 29.3.1.4
  {kTiger, kTimerZero, {{GuestDsBase, '=', b(32)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestDsBase, '=', b(32)}, {GuestDsAr, '|', 0x10000}}, kTimer52},
  {kTiger, kTimerZero, {{GuestSsSelector, '|', 3}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestCsAr, '|', b(ar::DB)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestTrAr, '=', 0x83}}, kBadGuest},
  {kTiger, kTimerZero, v86({}), kTimer52},
  {kTiger, kTimerZero, v86({{GuestFsSelector, '=', 0x100}}), kBadGuest},
  {kTiger, kTimerZero, v86({{GuestFsSelector, '=', 0x100}, {GuestFsBase, '=', 0x1000}}), kTimer52},
  {kTiger, kTimerZero, {{GuestGdtrLimit, '=', 0x10000}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestRip, '=', b(47)}}, kTimer52},
  {kTiger, kTimerZero, {{GuestRip, '=', b(48)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestCsAr, '=', 0xc09b}, {GuestRip, '=', b(32)}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestRflags, '=', 0x20002}}, kBadGuest},
  // 29.3.1.5
  {kTiger, kTimerZero, {{ActivityState, '=', 1}}, kTimer52},
  {kTiger, kTimerZero, {{ActivityState, '=', 3}}, "vmx.limit.wait_for_sipi"},
  {kTiger, kTimerZero, {{ActivityState, '=', 4}}, kBadGuest},
  {kKvm,   kTimerZero, {{ActivityState, '=', 2}}, kBadGuest},
  {kTiger, kTimerZero, {{ActivityState, '=', 1}, {EntryIntrInfo, '=', 0x8000030e}, {EntryInstructionLen, '=', 1}}, kBadGuest},
  {kTiger, kTimerZero, {{Interruptibility, '=', 1}}, kBadGuest},
  {kTiger, kTimerZero, {{Interruptibility, '=', 1}, {GuestRflags, '=', 0x202}}, kTimer52},
  {kTiger, kTimerZero, {{Interruptibility, '=', 2}, {GuestCr3, '=', 0x1000}}, "vmx.limit.blocked_timer"},
  {kTiger, kTimerZero, {{Interruptibility, '=', 16}}, kBadGuest},
  {kKvm,   kTimerZero, {{Interruptibility, '=', 16}}, kTimer52},
  {kTiger, kTimerZero, {{Interruptibility, '=', 1}, {GuestRflags, '=', 0x202}, {EntryIntrInfo, '=', 0x80000202}}, "entry_failure(33, 3)"},
  {kTiger, kTimerZero, {{Interruptibility, '=', 8}, {EntryIntrInfo, '=', 0x80000202}}, kBadGuest},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x4000}}, "entered(0)"},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x1002}}, "entered(0)"},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x1000}}, "entered"},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x0002}}, kTimer52},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x4000}, {ExceptionBitmap, '-', 2}}, "entered"},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x4000}, {ExceptionBitmap, '-', 2}, {GuestCr3, '=', 0x1000}}, "vmx.limit.debug_trap_memory"},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x1001}, {Interruptibility, '=', 2}}, kTimer52},
  {kTiger, kTimerZero, {{PendingDbg, '=', 0x4000}, {Interruptibility, '=', 2}}, kBadGuest},
  {kTiger, kTimerZero, {{GuestRflags, '=', 0x102}, {Interruptibility, '=', 2}}, kBadGuest},
  {kTiger, kTimerZero, {{PendingDbg, '=', b(32)}}, kBadGuest},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kVmcs}}, kBadLink},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kShadowVmcs}, {LinkDword0, '=', 4}}, kTimer52},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kShadowVmcs}, {LinkDword0, '=', 0x80000004}}, kBadLink},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kScratch}, {LinkDword0, '=', 0x80000004}, {Proc, '|', kSecondary}, {Proc2, '=', b(proc2::SHADOW)}}, kTimer52},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kScratch}, {LinkDword0, '=', 5}}, kBadLink},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kScratch | 8}, {LinkDword0, '=', 4}}, kBadLink},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', kRamEnd}, {LinkDword0, '=', 4}}, kBadLink},
  {kTiger, kTimerZero, {{VmcsLinkPointer, '=', 0x300000}, {LinkDword0, '=', 4}}, "vmx.limit.link_dword"},
  // 29.3.1.6
  {kTiger, kTimerZero, pae({{Cr3Pdpte, '=', 0x401001}}), kTimer52},
  {kTiger, kTimerZero, pae({{Cr3Pdpte, '=', 0x401001}, {Cr3Pdpte + 3, '=', 3}}), kBadPdpte},
  {kTiger, kTimerZero, pae({{Cr3Pdpte, '=', b(40) | 1}}), kBadPdpte},
  {kTiger, kTimerZero, pae({{Cr3Pdpte, '=', 0x401e01}}), kTimer52},
  {kTiger, kTimerZero, pae({{Cr3Pdpte, '=', 0x401006}}), kTimer52},
  {kTiger, kTimerZero, pae({{GuestCr3, '=', kGuestCr3}, {Cr3Pdpte, '=', 0x401027}}), kBadPdpte},
  {kTiger, kTimerZero, pae({{GuestCr3, '=', 0x1000}}), "vmx.limit.cr3_pdptes"},
  {kTiger, kTimerZero, pae({{GuestCr3, '=', kRamEnd}}), "vmx.limit.cr3_pdptes"},
  {kTiger, kTimerZero, pae({{EntryIntrInfo, '=', 0x80000306}}), "vmx.limit.event_memory_pae"},
  {kTiger, kTimerZero, pae({{PendingDbg, '=', 0x4000}}), "entered(0)"},
  {kTiger, kTimerZero, pae({{PendingDbg, '=', 0x1000}}), "vmx.limit.debug_trap_memory_pae"},
  {kTiger, kTimerZero, pae({{Interruptibility, '=', 2}}), "vmx.limit.blocked_timer_pae"},
  {kTiger, kTimerZero, pae({{Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', kEptPml4 | 0x1e}, {GuestPdpte2, '=', b(59) | 1}}), kBadPdpte},
  // 29.4
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 4}}, kTimer52},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 512}}, kTimer52},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 513}}, "vmx.msrload.limit"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0xc0000100}}, "entry_failure(34, 1)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 2}, {EntryMsrIndex + 1, '=', 0xc0000101}}, "entry_failure(34, 2)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex + 1, '=', 0xc0000101}}, kTimer52},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 2}, {EntryMsrIndex, '=', 0x1234}, {EntryMsrIndex + 1, '=', 0xc0000101}}, "vmx.limit.msr_not_modelled"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 2}, {EntryMsrIndex + 1, '=', 0x1234}, {EntryMsrIndex, '=', 0xc0000101}}, "entry_failure(34, 1)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 4}, {EntryMsrIndex + 3, '=', 0x80f}}, "entry_failure(34, 4)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0x1234}, {EntryMsrReserved, '=', 1}}, "entry_failure(34, 1)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0xc0000080}, {EntryMsrValue, '=', 0xd01}}, kTimer52},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0xc0000080}, {EntryMsrValue, '=', 0xc01}}, "entry_failure(34, 1)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0x175}, {EntryMsrValue, '=', b(47)}}, "entry_failure(34, 1)"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrIndex, '=', 0xc0000100}, {GuestRflags, '=', 0}}, kBadGuest},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 5}, {EntryMsrLoadAddr, '=', kScratch}}, "vmx.limit.msr_list_tail"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrLoadAddr, '=', 0x1000}}, "vmx.limit.msr_list"},
  {kTiger, kTimerZero, {{EntryMsrLoadCount, '=', 1}, {EntryMsrLoadAddr, '=', kRamEnd}}, "entry_failure(34, 1)"},
  // what happens first
  {kTiger, kTimerZero, {{Pin, '-', b(pin::PREEMPT)}}, "vmx.limit.no_probe"},
  {kTiger, kTimerZero, {{PreemptionTimer, '=', 1}}, "vmx.limit.no_probe"},
  {kTiger, kTimerZero, {{Proc, '|', b(proc::NMIWIN) | b(proc::INTWIN)}}, kTimer52},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000306}, {GuestCr3, '=', 0x1000}}, "vmx.limit.event_memory"},
  {kTiger, kTimerZero, {{EntryIntrInfo, '=', 0x80000306}, {GuestCr3, '=', 0x1000}, {Proc, '|', kSecondary}, {Proc2, '=', b(proc2::EPT)}, {Eptp, '=', kEptPml4 | 0x1e}}, "entered"},
  {kTiger, kVmcall,    {{Proc, '|', b(proc::NMIWIN) | b(proc::INTWIN)}, {GuestRflags, '=', 0x202}}, "entered(8)"},
  {kTiger, kVmcall,    {{Proc, '|', b(proc::NMIWIN)}, {Interruptibility, '=', 8}}, "entered(18)"},
  {kTiger, kVmcall,    {{Proc, '|', b(proc::NMIWIN)}, {Interruptibility, '=', 1}, {GuestRflags, '=', 0x202}}, "entered"},
  {kTiger, kVmcall,    {{Proc, '|', b(proc::INTWIN)}, {GuestRflags, '=', 0x202}}, "entered(7)"},
  {kTiger, kVmcall,    {{Proc, '|', b(proc::INTWIN)}}, "entered(18)"},
  {kTiger, kVmcall,    {{GuestRip, '=', kGuestCode + 3}}, "vmx.limit.no_probe"},
  {kTiger, kVmcall,    {{GuestCr3, '=', kGuestCr3 | 0x20}}, "vmx.limit.probe_paging"},
  {kTiger, kVmcall,    {{PendingDbg, '=', 1}}, "vmx.limit.probe_events"},
};
// clang-format on

TEST(ArchModel, Vectors) {
  for (std::size_t i = 0; i < kVectors.size(); ++i)
    EXPECT_EQ(verdict(case_of(kVectors[i])), kVectors[i].expect) << "vector " << i;
}

TEST(ArchModel, GoldenBreaksNoRuleInAnyProfile) {
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    for (const ProbeChoice probe : {kTimerZero, kVmcall}) {
      Case c = golden_case(schema(), p);
      c.v[Probe] = probe;
      reset_to_golden(c);
      rules::Survey s;
      arch_rules().survey(c.v.data(), s);
      s.broken.each([&](std::size_t i) {
        EXPECT_EQ(arch_rules().rows[i].kind, rules::Kind::Exit)
            << schema().profiles[p].name << ' ' << arch_rules().rows[i].id;
      });
      EXPECT_EQ(verdict(c), probe == kVmcall ? "entered(18)" : "entered(52)");
    }
  }
}

TEST(ArchModel, RecordsOnlyWhatTheOutcomeDetermines) {
  const auto observe = [](std::vector<Change> set) {
    return observe_arch(case_of({kTiger, kTimerZero, set, ""}).v.data());
  };
  const auto mask = [](auto... slots) { return (0u | ... | (1u << slots)); };
  const Observation timer = observe({});
  EXPECT_EQ(timer.defined, mask(kExitReason, kExitQualification));
  EXPECT_EQ(timer.record[kExitReason], 52u);
  const Observation seven = observe({{Pin, '=', 0}});
  EXPECT_EQ(seven.defined, mask(kInstructionError));
  EXPECT_EQ(seven.record[kInstructionError], 7u);
  const Observation link = observe({{VmcsLinkPointer, '=', kVmcs}});
  EXPECT_EQ(link.record[kExitReason], 0x80000021u);
  EXPECT_EQ(link.record[kExitQualification], 4u);
  const Observation list = observe({{EntryMsrLoadCount, '=', 2}, {EntryMsrReserved + 1, '=', 1}});
  EXPECT_EQ(list.record[kExitReason], 0x80000022u);
  EXPECT_EQ(list.record[kExitQualification], 2u);
  const Observation debug = observe({{PendingDbg, '=', 0x4000}});
  EXPECT_EQ(debug.defined, mask(kExitReason, kExitIntrInfo));
  EXPECT_EQ(debug.record[kExitIntrInfo], 0x80000301u);
  EXPECT_EQ(observe({{EntryIntrInfo, '=', 0x80000306}}).defined, 0u);
  EXPECT_EQ(observe({{Context, '=', b(kNoCurrent)}}).defined, 0u);
}

TEST(ArchModel, CanBeGivenADefect) {
  const Case c = case_of({kTiger, kTimerZero, {{Pin, '|', b(27)}, {VmcsLinkPointer, '=', kVmcs}}, ""});
  const auto with = [&](rules::RowEdit e) {
    ArchModel model({e});
    Observation o;
    model.submit({&c, 1}, {&o, 1});
    return outcome_text(o.outcome);
  };
  rules::RowEdit e;
  e.row = rules::find_rule(arch_rules(), "vmx.ctl.pin.may1");
  e.drop = true;
  EXPECT_EQ(with(e), kBadLink);
  e.drop = false;
  e.outcome = fail_valid(8);
  EXPECT_EQ(with(e), kError8);
}

TEST(ArchModel, KeepsObservationsAlreadyMarked) {
  const Case c = golden_case(schema());
  Observation o = incomparable("profile_not_available");
  ArchModel().submit({&c, 1}, {&o, 1});
  EXPECT_EQ(o.reason, "profile_not_available");
}

}  // namespace
}  // namespace diffvisor::vmx
