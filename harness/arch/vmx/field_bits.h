// SPDX-License-Identifier: Apache-2.0
// Names of the bits of vmx_entry fields, SDM 3C chapters 27 and 29 and appendix A, and values worth trying in a field
// besides its boundary bits. A field without an entry has neither.
#pragma once

#include <array>
#include <cstdint>

#include "harness/arch/schema.h"
#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/x86/bit_names.h"

namespace diffvisor::vmx {

using x86::named;

template <FieldSlot S>
inline constexpr std::array<BitName, 0> kBitNames{};

// clang-format off
#define BIT_NAMES(slot) template <> inline constexpr auto kBitNames<slot> = std::to_array<BitName>
#define SAME_NAMES(slot, names) template <> inline constexpr auto kBitNames<slot> = x86::names

BIT_NAMES(Context)({named(kResume, "resume"), named(kLaunched, "launched"), named(kNoCurrent, "no_current"),
  named(kShadowCurrent, "shadow_current"), named(kMovSs, "mov_ss"), named(kCpl3, "cpl3")});
BIT_NAMES(Probe)({named(0, "vmcall")});
BIT_NAMES(CapVmxBasic)({named(30, 0, "revision_id"), named(44, 32, "region_size"), named(48, "width_32"),
  named(49, "dual_monitor"), named(53, 50, "memory_type"), named(54, "ins_outs_info"), named(55, "true_controls"),
  named(56, "any_error_code"), named(58, "nested_exception")});
BIT_NAMES(CapVmxMisc)({named(4, 0, "timer_rate"), named(5, "saves_ia32e"), named(6, "hlt"), named(7, "shutdown"),
  named(8, "wait_for_sipi"), named(14, "pt_in_vmx"), named(15, "smbase_in_smm"), named(24, 16, "cr3_targets"),
  named(27, 25, "msr_list_limit"), named(28, "smi_unblock"), named(29, "vmwrite_any"), named(30, "zero_length_injection"),
  named(63, 32, "mseg_revision")});
BIT_NAMES(CapEptVpidCap)({named(0, "execute_only"), named(6, "walk_4"), named(7, "walk_5"), named(8, "uncacheable"),
  named(14, "write_back"), named(16, "page_2m"), named(17, "page_1g"), named(20, "invept"), named(21, "accessed_dirty"),
  named(22, "violation_info"), named(23, "shadow_stack"), named(25, "invept_single"), named(26, "invept_all"),
  named(32, "invvpid"), named(40, "invvpid_address"), named(41, "invvpid_single"), named(42, "invvpid_all"),
  named(43, "invvpid_single_globals")});
BIT_NAMES(CapFeatures)({named(feature::SGX, "sgx"), named(feature::RTM, "rtm"), named(feature::BUSLOCK, "buslock"),
  named(feature::LAM, "lam"), named(feature::FRED, "fred"), named(feature::X2APIC, "x2apic"), named(feature::CET, "cet"),
  named(feature::TME, "tme"), named(feature::SMM_DUAL, "smm_dual")});

BIT_NAMES(Pin)({named(pin::EXTINT, "extint"), named(pin::NMI, "nmi"), named(pin::VNMI, "vnmi"),
  named(pin::PREEMPT, "preempt"), named(pin::POSTED, "posted")});
BIT_NAMES(Proc)({named(proc::INTWIN, "intwin"), named(proc::TSCOFF, "tscoff"), named(proc::HLT, "hlt"),
  named(proc::INVLPG, "invlpg"), named(proc::MWAIT, "mwait"), named(proc::RDPMC, "rdpmc"), named(proc::RDTSC, "rdtsc"),
  named(proc::CR3LD, "cr3ld"), named(proc::CR3ST, "cr3st"), named(proc::TERTIARY, "tertiary"),
  named(proc::CR8LD, "cr8ld"), named(proc::CR8ST, "cr8st"), named(proc::TPRSH, "tprsh"), named(proc::NMIWIN, "nmiwin"),
  named(proc::MOVDR, "movdr"), named(proc::UNCONDIO, "uncondio"), named(proc::IOBM, "iobm"), named(proc::MTF, "mtf"),
  named(proc::MSRBM, "msrbm"), named(proc::MONITOR, "monitor"), named(proc::PAUSE, "pause"),
  named(proc::SECONDARY, "secondary")});
BIT_NAMES(Proc2)({named(proc2::VAPICACC, "vapicacc"), named(proc2::EPT, "ept"), named(proc2::DESC, "desc"),
  named(proc2::RDTSCP, "rdtscp"), named(proc2::VX2APIC, "vx2apic"), named(proc2::VPID, "vpid"),
  named(proc2::WBINVD, "wbinvd"), named(proc2::URG, "urg"), named(proc2::APICREG, "apicreg"), named(proc2::VID, "vid"),
  named(proc2::PLE, "ple"), named(proc2::RDRAND, "rdrand"), named(proc2::INVPCID, "invpcid"),
  named(proc2::VMFUNC, "vmfunc"), named(proc2::SHADOW, "shadow"), named(proc2::ENCLS, "encls"),
  named(proc2::RDSEED, "rdseed"), named(proc2::PML, "pml"), named(proc2::EPTVE, "eptve"),
  named(proc2::PTCONCEAL, "ptconceal"), named(proc2::XSAVES, "xsaves"), named(proc2::PASID, "pasid"),
  named(proc2::MBE, "mbe"), named(proc2::SPP, "spp"), named(proc2::PTGPA, "ptgpa"),
  named(proc2::TSCSCALE, "tscscale"), named(proc2::UWAIT, "uwait"), named(proc2::PCONFIG, "pconfig"),
  named(proc2::ENCLV, "enclv"), named(proc2::BUSLOCK, "buslock"), named(proc2::NOTIFY, "notify")});
BIT_NAMES(Proc3)({named(proc3::LOADIWKEY, "loadiwkey"), named(proc3::HLAT, "hlat"), named(proc3::EPTPW, "eptpw"),
  named(proc3::GPV, "gpv"), named(proc3::IPIV, "ipiv"), named(proc3::SEAMGPAW, "seamgpaw"),
  named(proc3::MSRLIST, "msrlist"), named(proc3::VSPECCTRL, "vspecctrl"), named(proc3::APICTMR, "apictmr"),
  named(proc3::PBNDKB, "pbndkb"), named(proc3::PEBSGPA, "pebsgpa")});
BIT_NAMES(Exit)({named(exit_ctl::SVDBG, "svdbg"), named(exit_ctl::HOST64, "host64"), named(exit_ctl::LDPGC, "ldpgc"),
  named(exit_ctl::ACKINT, "ackint"), named(exit_ctl::SVPAT, "svpat"), named(exit_ctl::LDPAT, "ldpat"),
  named(exit_ctl::SVEFER, "svefer"), named(exit_ctl::LDEFER, "ldefer"), named(exit_ctl::SVPREEMPT, "svpreempt"),
  named(exit_ctl::CLRBND, "clrbnd"), named(exit_ctl::PTCONCEAL, "ptconceal"), named(exit_ctl::CLRRTIT, "clrrtit"),
  named(exit_ctl::CLRLBR, "clrlbr"), named(exit_ctl::CLRUINV, "clruinv"), named(exit_ctl::LDCET, "ldcet"),
  named(exit_ctl::LDPKRS, "ldpkrs"), named(exit_ctl::SVPGC, "svpgc"), named(exit_ctl::SECONDARY, "secondary")});
BIT_NAMES(Exit2)({named(exit2::SVFRED, "svfred"), named(exit2::LDFRED, "ldfred"),
  named(exit2::LDSPECCTRL, "ldspecctrl"), named(exit2::PBSHSTK, "pbshstk")});
BIT_NAMES(Entry)({named(entry_ctl::LDDBG, "lddbg"), named(entry_ctl::IA32E, "ia32e"), named(entry_ctl::SMM, "smm"),
  named(entry_ctl::DEACTDM, "deactdm"), named(entry_ctl::LDPGC, "ldpgc"), named(entry_ctl::LDPAT, "ldpat"),
  named(entry_ctl::LDEFER, "ldefer"), named(entry_ctl::LDBND, "ldbnd"), named(entry_ctl::PTCONCEAL, "ptconceal"),
  named(entry_ctl::LDRTIT, "ldrtit"), named(entry_ctl::LDUINV, "lduinv"), named(entry_ctl::LDCET, "ldcet"),
  named(entry_ctl::LDLBR, "ldlbr"), named(entry_ctl::LDPKRS, "ldpkrs"), named(entry_ctl::LDFRED, "ldfred"),
  named(entry_ctl::LDSPECCTRL, "ldspecctrl"), named(entry_ctl::SEAMTELEM, "seamtelem")});
BIT_NAMES(VmFunctionControl)({named(0, "eptp_switching")});
BIT_NAMES(Eptp)({named(2, 0, "memory_type"), named(5, 3, "walk"), named(6, "accessed_dirty"), named(7, "shadow_stack")});
BIT_NAMES(TprThreshold)({named(3, 0, "threshold")});

#define EFER_NAMES {named(efer::SCE, "sce"), named(efer::LME, "lme"), named(efer::LMA, "lma"), named(efer::NXE, "nxe")}
#define S_CET_NAMES {named(0, "sh_stk_en"), named(1, "wr_shstk_en"), named(2, "endbr_en"), named(3, "leg_iw_en"), \
  named(4, "no_track_en"), named(5, "suppress_dis"), named(10, "suppress"), named(11, "tracker"), \
  named(63, 12, "bitmap_base")}
#define AR_NAMES {named(3, 0, "type"), named(ar::S, "s"), named(6, 5, "dpl"), named(ar::P, "p"), \
  named(ar::AVL, "avl"), named(ar::L, "l"), named(ar::DB, "db"), named(ar::G, "g"), named(ar::UNUSABLE, "unusable")}

SAME_NAMES(CapCr0Fixed0, kCr0Names);
SAME_NAMES(CapCr0Fixed1, kCr0Names);
SAME_NAMES(CapCr4Fixed0, kCr4Names);
SAME_NAMES(CapCr4Fixed1, kCr4Names);
BIT_NAMES(CapEferMask)(EFER_NAMES);
SAME_NAMES(HostCr0, kCr0Names);
SAME_NAMES(GuestCr0, kCr0Names);
SAME_NAMES(HostCr4, kCr4Names);
SAME_NAMES(GuestCr4, kCr4Names);
BIT_NAMES(HostIa32Efer)(EFER_NAMES);
BIT_NAMES(GuestIa32Efer)(EFER_NAMES);
BIT_NAMES(HostIa32SCet)(S_CET_NAMES);
BIT_NAMES(GuestSCet)(S_CET_NAMES);
SAME_NAMES(GuestRflags, kRflagsNames);
BIT_NAMES(GuestIa32Debugctl)({named(0, "lbr"), named(1, "btf"), named(2, "bld"), named(6, "tr"), named(7, "bts"),
  named(8, "btint"), named(9, "bts_off_os"), named(10, "bts_off_usr"), named(11, "freeze_lbrs_on_pmi"),
  named(12, "freeze_perfmon_on_pmi"), named(13, "uncore_pmi"), named(14, "freeze_while_smm"), named(15, "rtm")});
BIT_NAMES(GuestBndcfgs)({named(0, "en"), named(1, "bndpreserve"), named(63, 12, "base")});
#define SEGMENT(NAME) SAME_NAMES(Guest##NAME##Selector, kSelectorNames); BIT_NAMES(Guest##NAME##Ar)(AR_NAMES)
#include "harness/arch/x86/segments.def"
#undef SEGMENT
SAME_NAMES(HostEsSelector, kSelectorNames);
SAME_NAMES(HostCsSelector, kSelectorNames);
SAME_NAMES(HostSsSelector, kSelectorNames);
SAME_NAMES(HostDsSelector, kSelectorNames);
SAME_NAMES(HostFsSelector, kSelectorNames);
SAME_NAMES(HostGsSelector, kSelectorNames);
SAME_NAMES(HostTrSelector, kSelectorNames);
BIT_NAMES(Interruptibility)({named(0, "sti"), named(1, "mov_ss"), named(2, "smi"), named(3, "nmi"), named(4, "enclave")});
BIT_NAMES(PendingDbg)({named(3, 0, "b"), named(11, "bus_lock"), named(12, "enabled"), named(14, "bs"), named(16, "rtm")});
BIT_NAMES(EntryIntrInfo)({named(7, 0, "vector"), named(10, 8, "type"), named(11, "error_code"), named(13, "nested"),
  named(31, "valid")});
BIT_NAMES(LinkDword0)({named(30, 0, "revision_id"), named(31, "shadow")});
SAME_NAMES(GuestPdpte0, kPdpteNames);
SAME_NAMES(GuestPdpte1, kPdpteNames);
SAME_NAMES(GuestPdpte2, kPdpteNames);
SAME_NAMES(GuestPdpte3, kPdpteNames);
SAME_NAMES(Cr3Pdpte, kPdpteNames);
#undef EFER_NAMES
#undef S_CET_NAMES
#undef AR_NAMES
#undef BIT_NAMES
#undef SAME_NAMES

template <FieldSlot S>
inline constexpr std::array<std::uint64_t, 0> kInteresting{};

#define INTERESTING(slot) template <> inline constexpr auto kInteresting<slot> = std::to_array<std::uint64_t>

// The instruction, a state that fits it, and each flag that fails it alone.
INTERESTING(Context)({0, 1u << kLaunched, 1u << kResume, 1u << kResume | 1u << kLaunched, 1u << kNoCurrent,
  1u << kShadowCurrent, 1u << kMovSs, 1u << kCpl3, 1u << kResume | 1u << kMovSs});
INTERESTING(Vpid)({0, 1, 0xffff});
INTERESTING(Cr3TargetCount)({0, 1, 4, 5, 0x1ff, 0x200});
INTERESTING(IoBitmapA)({0, kScratch, kRamEnd, kRamEnd - kPage});
INTERESTING(IoBitmapB)({0, kScratch, kRamEnd, kRamEnd - kPage});
INTERESTING(MsrBitmap)({0, kScratch, kRamEnd, kRamEnd - kPage});
INTERESTING(VirtualApicAddr)({kScratch, kScratchEnd - kPage, kRamEnd});
INTERESTING(ApicAccessAddr)({0, kScratch, 0xfee00000});
INTERESTING(Vtpr)({0, 0xf, 0x10, 0x7f, 0x80, 0xf0, 0xff});
INTERESTING(TprThreshold)({0, 1, 8, 0xf, 0x10});
INTERESTING(PostedIntrNv)({0, 0xff, 0x100});
INTERESTING(PostedIntrDescAddr)({0, kScratch, kScratch + 0x20, kScratch + 0x40});
INTERESTING(Eptp)({kEptPml4 | 0x1e, kEptPml4 | 0x5e, kEptPml4 | 0x9e, kEptPml4 | 0x18, kEptPml4 | 0x26, 0});
INTERESTING(PmlAddress)({0, kScratch, kRamEnd});
INTERESTING(EptpListAddress)({0, kScratch});
INTERESTING(VmreadBitmap)({0, kScratch});
INTERESTING(VmwriteBitmap)({0, kScratch});
INTERESTING(VeInfoAddress)({0, kScratch});
INTERESTING(Spptp)({0, kScratch});
INTERESTING(TscMultiplier)({0, 1, 0x1000000000000});
INTERESTING(ExitMsrStoreCount)({0, 1, 2, 512});
INTERESTING(ExitMsrStoreAddr)({kExitMsrStoreList});
INTERESTING(ExitMsrLoadCount)({0, 1, 2, 512});
INTERESTING(ExitMsrLoadAddr)({kExitMsrLoadList});
INTERESTING(ExceptionBitmap)({0xffffffff, 0, 2, ~2u});
INTERESTING(PreemptionTimer)({0, 1, 0xffffffff});
INTERESTING(GuestRsp)({kGuestStackTop, 0, 0x7fffffffffff, 0x800000000000});

INTERESTING(HostCr3)({kHostCr3, kHostCr3 | 1, kHostCr3 | 0x18});
INTERESTING(HostRip)({kVmExitEntry, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x100000000});
#define PATS {0, 0x0007040600070406, 0x0606060606060606, 0x0101010101010101, 2, 3, 0x0200000000000000, 0x80}
INTERESTING(HostIa32Pat)(PATS);
INTERESTING(GuestIa32Pat)(PATS);
#undef PATS
INTERESTING(HostIa32Efer)({0xd01, 0xd00, 0x500, 0xc01, 0x901, 1, 0});
INTERESTING(GuestIa32Efer)({0xd01, 0xd00, 0x500, 0xc01, 0x901, 1, 0});

INTERESTING(GuestCr0)({0x80010033, 0x80000021, 0x80000031, 0x00000031, 0x00000030, 0x80000030, 0x80000020, 0xe0010033});
INTERESTING(GuestCr4)({0x2620, 0x2020, 0x2000, 0x2600, 0x22620, 0x802620, 0x2630});
INTERESTING(GuestCr3)({kGuestCr3, kGuestCr3 | 0x20, kScratch, kScratch + 0x20, kScratch + kPage, kRamEnd, kHostCr3});
INTERESTING(GuestDr7)({0, 0x400, 0xffff2fff, 0x100000000});
INTERESTING(GuestRflags)({2, 0x202, 0x102, 0x302, 0x20002, 0x20202, 0x3002, 0x23202, 0x246, 0});
INTERESTING(GuestIa32PerfGlobalCtrl)({0, 1, 0xf, 0x10, 0x100, 0x100000000, 0x700000000, 0x1000000000000});
INTERESTING(HostIa32PerfGlobalCtrl)({0, 1, 0xf, 0x10, 0x100, 0x100000000, 0x700000000, 0x1000000000000});

#define CODE_AR {0xa09b, 0xc09b, 0x9b, 0x209b, 0xa09f, 0xc09f, 0xa0fb, 0xc0fb, 0xf3, 0x93, 0xc093, 0x1a09b}
#define DATA_AR {0xc093, 0x93, 0xc097, 0xf3, 0xc0f3, 0xc09b, 0xc0fb, 0xc09f, 0x10000, 0x1c093, 0xc0d3}
INTERESTING(GuestCsAr)(CODE_AR);
INTERESTING(GuestSsAr)(DATA_AR);
INTERESTING(GuestDsAr)(DATA_AR);
INTERESTING(GuestEsAr)(DATA_AR);
INTERESTING(GuestFsAr)(DATA_AR);
INTERESTING(GuestGsAr)(DATA_AR);
#undef CODE_AR
#undef DATA_AR
INTERESTING(GuestLdtrAr)({0x82, 0x10000, 0x8082, 0x10082});
INTERESTING(GuestTrAr)({0x8b, 0x83, 0x808b, 0x89, 0x81, 0x1008b});
#define SEGMENT(NAME) \
  INTERESTING(Guest##NAME##Limit)({0xffffffff, 0xffff, 0xfffff, 0x100000, 0xfff, 0, 0xffff0fff}); \
  INTERESTING(Guest##NAME##Base)({0, 0x100000000, 0xffffffff, 0x7fffffffffff, 0x800000000000, 0xffff800000000000}); \
  INTERESTING(Guest##NAME##Selector)({0, 8, 0x10, 0x18, 0xb, 0x13, 4, 0x1000})
#include "harness/arch/x86/segments.def"
#undef SEGMENT
INTERESTING(GuestRip)({kGuestCode, kGuestCode32, 0xffffffff, 0x100000000, 0x7fffffffffff, 0x800000000000,
  0xffff7fffffffffff, 0xffff800000000000, 0xffffffffffffffff, 0x8000000000000000});
INTERESTING(GuestSsp)({0, kScratch, kScratch | 4, 1, 0x100000000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000});
INTERESTING(Interruptibility)({0, 1, 2, 3, 4, 8, 9, 10, 16, 18});
INTERESTING(ActivityState)({0, 1, 2, 3, 4});
INTERESTING(PendingDbg)({0, 0x4000, 0x1001, 0x100f, 1, 0x1000, 0x5001, 0x10000, 0x11000, 0x800, 0x100000000});
// One of each kind, with the vectors at which a rule changes.
INTERESTING(EntryIntrInfo)({0, 0x80000020, 0x80000202, 0x80000203, 0x80000301, 0x80000300, 0x80000306, 0x80000b08,
  0x80000b0d, 0x80000b0e, 0x80000b11, 0x8000030d, 0x80000312, 0x80000315, 0x80000b15, 0x8000031f, 0x80000320, 0x80000480,
  0x80000501, 0x80000603, 0x80000604, 0x80000700, 0x80000701, 0x80000120, 0x80002b0e, 0x80000820, 0x30d});
INTERESTING(EntryExceptionErrorCode)({0, 0xffff, 0x8000, 0x10000, 0x7fff});
INTERESTING(EntryInstructionLen)({0, 1, 2, 15, 16});
INTERESTING(VmcsLinkPointer)({~std::uint64_t{0}, kShadowVmcs, kVmcs, kScratch, kScratch + kPage, kRamEnd, kVmxonRegion});
INTERESTING(LinkDword0)({4, 0x2b, 0x11e57ed0, 0x80000004, 0x8000002b, 0x91e57ed0, 0, 0xffffffff});
#define PDPTES {0, 1, 0x401001, 0x401007, 0x401027, 0x401019, 0x401021, 0x401101, 0x401e01, 0x8000000000000001, 0x10000000001}
INTERESTING(GuestPdpte0)(PDPTES);
INTERESTING(GuestPdpte1)(PDPTES);
INTERESTING(GuestPdpte2)(PDPTES);
INTERESTING(GuestPdpte3)(PDPTES);
INTERESTING(Cr3Pdpte)(PDPTES);
#undef PDPTES
INTERESTING(EntryMsrLoadCount)({0, 1, 2, 3, 4, 5, 512, 513});
INTERESTING(EntryMsrLoadAddr)({kEntryMsrList, kScratch, kScratch + 0x10, kRamEnd});
INTERESTING(EntryMsrIndex)({kFillerMsr, 0xc0000080, 0xc0000082, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0x10, 0x1b,
  0x3a, 0x9b, 0x174, 0x175, 0x176, 0x1d9, 0x200, 0x201, 0x277, 0x2ff, 0x38f, 0x480, 0x6a2, 0x800, 0x8ff, 0x900});
INTERESTING(EntryMsrReserved)({0, 1, 0x80000000});
INTERESTING(EntryMsrValue)({0, 1, 0xd01, 0xd00, 0x0007040600070406, 0xfee00900, 0x7fffffffffff, 0x800000000000,
  0xffff800000000000, 0xffffffff, 0x100000000});
#undef INTERESTING
// clang-format on

}  // namespace diffvisor::vmx
