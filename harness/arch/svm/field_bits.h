// SPDX-License-Identifier: Apache-2.0
// Names of the bits of svm_entry fields, APM 2 appendix B, and values worth trying in a field besides its boundary
// bits. A field without an entry has neither.
#pragma once

#include <array>
#include <cstdint>

#include "harness/arch/schema.h"
#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/memory_map.h"
#include "harness/arch/x86/bit_names.h"

namespace diffvisor::svm {

using x86::named;

template <FieldSlot S>
inline constexpr std::array<BitName, 0> kBitNames{};

// clang-format off
#define BIT_NAMES(slot) template <> inline constexpr auto kBitNames<slot> = std::to_array<BitName>
#define SAME_NAMES(slot, names) template <> inline constexpr auto kBitNames<slot> = names

BIT_NAMES(CapSvmFeatures)({named(svm_feature::NP, "np"), named(svm_feature::LBR_VIRT, "lbr_virt"),
  named(svm_feature::SVM_LOCK, "svm_lock"), named(svm_feature::NRIPS, "nrips"), named(svm_feature::TSC_RATE, "tsc_rate"),
  named(svm_feature::VMCB_CLEAN, "vmcb_clean"), named(svm_feature::FLUSH_BY_ASID, "flush_by_asid"),
  named(svm_feature::DECODE_ASSISTS, "decode_assists"), named(svm_feature::PAUSE_FILTER, "pause_filter"),
  named(svm_feature::PAUSE_THRESHOLD, "pause_threshold"), named(svm_feature::AVIC, "avic"),
  named(svm_feature::VMSAVE_VIRT, "vmsave_virt"), named(svm_feature::VGIF, "vgif"), named(svm_feature::GMET, "gmet"),
  named(svm_feature::X2AVIC, "x2avic"), named(svm_feature::SSS_CHECK, "sss_check"),
  named(svm_feature::SPEC_CTRL, "spec_ctrl"), named(svm_feature::ROGPT, "rogpt"), named(svm_feature::VNMI, "vnmi"),
  named(svm_feature::IBS_VIRT, "ibs_virt"), named(svm_feature::SVME_ADDR_CHK, "svme_addr_chk"),
  named(svm_feature::BUS_LOCK, "bus_lock")});
BIT_NAMES(CapFeatures)({named(feature::LONG_MODE, "long_mode"), named(feature::SHADOW_STACK, "shadow_stack"),
  named(feature::SEV, "sev")});
BIT_NAMES(Context)({named(kSvmeOff, "svme_off"), named(kCpl3, "cpl3"), named(kAddress32, "address32")});
BIT_NAMES(Probe)({named(0, "virtual_interrupt")});
BIT_NAMES(InterceptCr)({named(15, 0, "read"), named(31, 16, "write")});
BIT_NAMES(InterceptDr)({named(15, 0, "read"), named(31, 16, "write")});
BIT_NAMES(InterceptMisc1)({named(misc1::INTR, "intr"), named(misc1::NMI, "nmi"), named(misc1::SMI, "smi"),
  named(misc1::INIT, "init"), named(misc1::VINTR, "vintr"), named(5, "cr0_sel"), named(6, "rd_idtr"), named(7, "rd_gdtr"),
  named(8, "rd_ldtr"), named(9, "rd_tr"), named(10, "wr_idtr"), named(11, "wr_gdtr"), named(12, "wr_ldtr"),
  named(13, "wr_tr"), named(14, "rdtsc"), named(15, "rdpmc"), named(16, "pushf"), named(17, "popf"),
  named(misc1::CPUID, "cpuid"), named(19, "rsm"), named(20, "iret"), named(21, "intn"), named(misc1::INVD, "invd"),
  named(23, "pause"), named(misc1::HLT, "hlt"), named(misc1::INVLPG, "invlpg"), named(misc1::INVLPGA, "invlpga"),
  named(misc1::IOIO_PROT, "ioio_prot"), named(misc1::MSR_PROT, "msr_prot"), named(misc1::TASK_SWITCH, "task_switch"),
  named(misc1::FERR_FREEZE, "ferr_freeze"), named(misc1::SHUTDOWN, "shutdown")});
BIT_NAMES(InterceptMisc2)({named(misc2::VMRUN, "vmrun"), named(misc2::VMMCALL, "vmmcall"), named(misc2::VMLOAD, "vmload"),
  named(misc2::VMSAVE, "vmsave"), named(misc2::STGI, "stgi"), named(misc2::CLGI, "clgi"), named(misc2::SKINIT, "skinit"),
  named(7, "rdtscp"), named(8, "icebp"), named(9, "wbinvd"), named(10, "monitor"), named(11, "mwait"),
  named(12, "mwait_armed"), named(13, "xsetbv"), named(14, "rdpru"), named(misc2::EFER_WRITE, "efer_write"),
  named(31, 16, "cr_write_trap")});
BIT_NAMES(InterceptMisc3)({named(0, "invlpgb"), named(1, "invlpgb_illegal"), named(2, "invpcid"), named(3, "mcommit"),
  named(4, "tlbsync"), named(5, "bus_lock"), named(6, "idle_hlt")});
BIT_NAMES(TlbControl)({named(7, 0, "flush"), named(8, "larger_rap")});
BIT_NAMES(IntCtl)({named(7, 0, "v_tpr"), named(int_ctl::V_IRQ, "v_irq"), named(int_ctl::V_GIF, "v_gif"),
  named(int_ctl::V_NMI, "v_nmi"), named(int_ctl::V_NMI_MASK, "v_nmi_mask"), named(19, 16, "v_intr_prio"),
  named(int_ctl::V_IGN_TPR, "v_ign_tpr"), named(int_ctl::V_INTR_MASKING, "v_intr_masking"),
  named(int_ctl::V_GIF_ENABLE, "v_gif_enable"), named(int_ctl::V_NMI_ENABLE, "v_nmi_enable"),
  named(int_ctl::X2AVIC_ENABLE, "x2avic_enable"), named(int_ctl::AVIC_ENABLE, "avic_enable")});
BIT_NAMES(IntVector)({named(7, 0, "vector")});
BIT_NAMES(IntState)({named(0, "shadow"), named(1, "guest_interrupt_mask")});
BIT_NAMES(NestedCtl)({named(nested_ctl::NP, "np"), named(nested_ctl::SEV, "sev"), named(nested_ctl::SEV_ES, "sev_es"),
  named(nested_ctl::GMET, "gmet"), named(nested_ctl::SSS, "sss"), named(nested_ctl::VTE, "vte"),
  named(nested_ctl::ROGPT, "rogpt"), named(nested_ctl::INVLPGB, "invlpgb")});
BIT_NAMES(VirtExt)({named(0, "lbr"), named(1, "vmsave_vmload"), named(2, "ibs"), named(3, "pmc")});
BIT_NAMES(CleanBits)({named(0, "i"), named(1, "iopm"), named(2, "asid"), named(3, "tpr"), named(4, "np"), named(5, "crx"),
  named(6, "drx"), named(7, "dt"), named(8, "seg"), named(9, "cr2"), named(10, "lbr"), named(11, "avic"),
  named(12, "cet")});
BIT_NAMES(Eventinj)({named(7, 0, "vector"), named(10, 8, "type"), named(eventinj::EV, "ev"), named(eventinj::V, "valid"),
  named(63, 32, "error_code")});
BIT_NAMES(AvicPhysicalTable)({named(11, 0, "max_index"), named(51, 12, "base")});

#define EFER_NAMES {named(efer::SCE, "sce"), named(efer::LME, "lme"), named(efer::LMA, "lma"), named(efer::NXE, "nxe"), \
  named(efer::SVME, "svme"), named(efer::LMSLE, "lmsle"), named(efer::FFXSR, "ffxsr"), named(efer::TCE, "tce"), \
  named(efer::MCOMMIT, "mcommit"), named(efer::INTWB, "intwb"), named(efer::UAIE, "uaie"), named(efer::AIBRSE, "aibrse")}
#define CET_NAMES {named(cet::SH_STK_EN, "sh_stk_en"), named(cet::WR_SHSTK_EN, "wr_shstk_en")}
#define ATTR_NAMES {named(3, 0, "type"), named(attr::S, "s"), named(6, 5, "dpl"), named(attr::P, "p"), \
  named(attr::AVL, "avl"), named(attr::L, "l"), named(attr::DB, "db"), named(attr::G, "g")}
BIT_NAMES(CapEferMask)(EFER_NAMES);
BIT_NAMES(Efer)(EFER_NAMES);
BIT_NAMES(SCet)(CET_NAMES);
BIT_NAMES(UCet)(CET_NAMES);
SAME_NAMES(CapCr4Mask, x86::kCr4Names);
SAME_NAMES(Cr0, x86::kCr0Names);
SAME_NAMES(Cr4, x86::kCr4Names);
SAME_NAMES(Rflags, x86::kRflagsNames);
SAME_NAMES(Cr3Pdpte, x86::kPdpteNames);
#define SEGMENT(NAME) SAME_NAMES(NAME##Selector, x86::kSelectorNames); BIT_NAMES(NAME##Attr)(ATTR_NAMES)
#include "harness/arch/x86/segments.def"
#undef SEGMENT
#undef EFER_NAMES
#undef CET_NAMES
#undef ATTR_NAMES
#undef BIT_NAMES
#undef SAME_NAMES

template <FieldSlot S>
inline constexpr std::array<std::uint64_t, 0> kInteresting{};

#define INTERESTING(slot) template <> inline constexpr auto kInteresting<slot> = std::to_array<std::uint64_t>

INTERESTING(Context)({0, 1u << kSvmeOff, 1u << kCpl3, 1u << kAddress32, 1u << kSvmeOff | 1u << kCpl3});
INTERESTING(VmcbAddress)({kVmcb, kVmcb | 1, kVmcb | 0x800, kVmcb | 0x8000000000, kVmcb | 0x10000000000,
  kVmcb | 0x8000000000000000, kVmcb | 0x100000000, 0});
INTERESTING(InterceptExc)({0xffffffff, 0, 2, 0x4000});
INTERESTING(Asid)({0, 1, 2, 0xf, 0x10, 0x7fff, 0x8000, 0xffffffff});
INTERESTING(TlbControl)({0, 1, 2, 3, 4, 7, 0xff, 0x100});
#define TABLES {kMsrpm, kIopm, kIopm | 1, kIopm | 0xfff, agent::kRamEnd, 0xfffffff000, 0xffffffe000, 0xffffffd000, \
  0xffffffc000, 0xffffffcfff, 0x10000000000, 0x800000000000, 0xffffffffe000, 0xffffffffd000, 0xffffffffffffe000, \
  0xfffffffffffff000}
INTERESTING(MsrpmBase)(TABLES);
INTERESTING(IopmBase)(TABLES);
#undef TABLES
INTERESTING(NestedCtl)({0, 1, 2, 3, 8, 0x100});
INTERESTING(Ncr3)({kNestedPml4, kEmptyTables, kNestedPml4 | 1, kNestedPml4 | 0x18, kNestedPml4 | 0xfff, kNestedPml4 | 0x10000000000,
  kNestedPml4 | 0x800000000000});
INTERESTING(IntCtl)({0, 0x100, 0xf0100, 0xf010f, 0x100100, 0x110f, 0x1000000, 0x4000000, 0x4000800, 0x80000000, 0xf0101});
INTERESTING(IntVector)({0, 2, 0x20, 0xff});
INTERESTING(Cr0)({0x80010033, 0x80000031, 0x31, 0x30, 0x80000030, 0xe0010033, 0xa0010033, 0x100000033, 0x80000033});
INTERESTING(Cr4)({0x620, 0x20, 0, 0x600, 0x20620, 0x800620, 0x2620, 0x630});
INTERESTING(Efer)({0x1d01, 0x1901, 0x1c01, 0x1801, 0x1000, 0xd01, 0x5d01, 0x9d01, 0x3d01, 0x1d03});
INTERESTING(Cr3)({agent::kGuestCr3, agent::kGuestCr3 | 0x18, agent::kGuestCr3 | 0x40, agent::kGuestCr3 | 0xfe7,
  agent::kScratch, agent::kScratch + 0x20, agent::kRamEnd, agent::kGuestCr3 | 0x10000000000,
  agent::kGuestCr3 | 0x800000000000, agent::kGuestCr3 | 0x8000000000000000});
INTERESTING(Dr7)({0x400, 0, 0xffff27ff, 0x100000400});
INTERESTING(Dr6)({0xffff0ff0, 0, 0xffff4ff0, 0x1ffff0ff0});
INTERESTING(GPat)({0x0007040600070406, 0, 0x0606060606060606, 0x0101010101010101, 2, 3, 0x0200000000000000, 0x80, 8});
INTERESTING(SCet)({0, 1, 3, 4, 0x1000});
INTERESTING(UCet)({0, 1, 3});
INTERESTING(Rflags)({2, 0x202, 0x102, 0x20002, 0x20202, 0x3002, 0x246, 0, 0x20003002});
INTERESTING(Cpl)({0, 1, 3, 0xff});
#define SEGMENT(NAME) \
  INTERESTING(NAME##Base)({0, 0x100000000, 0xffffffff, 0x7fffffffffff, 0x800000000000, 0xffff800000000000}); \
  INTERESTING(NAME##Limit)({0xffffffff, 0xffff, 0xfffff, 0xfff, 0})
SEGMENT(Cs);
SEGMENT(Ss);
SEGMENT(Ds);
SEGMENT(Es);
SEGMENT(Gdtr);
SEGMENT(Idtr);
#undef SEGMENT
INTERESTING(CsAttr)({0xa9b, 0xc9b, 0xe9b, 0x9b, 0x29b, 0xafb, 0xa93, 0xa1b, 0x93, 0xf3});
INTERESTING(SsAttr)({0xc93, 0x93, 0xcf3, 0, 0x10, 0xf3});
INTERESTING(Rip)({agent::kGuestCode, agent::kGuestCode32, 0xffffffff, 0x7fffffffffff, 0x800000000000, 0x1000000000000000,
  0xffff800000000000});
INTERESTING(IntState)({0, 1, 2, 3});
// One of each type, with the vectors at which a rule changes.
INTERESTING(Eventinj)({0, 0x80000020, 0x80000202, 0x80000203, 0x80000302, 0x80000303, 0x80000304, 0x80000305, 0x80000306,
  0x80000309, 0x8000030d, 0x80000b0d, 0x1200000b0d | 0x80000000, 0x8000030f, 0x8000031e, 0x8000031f, 0x80000320,
  0x800003ff, 0x80000480, 0x80000100, 0x80000500, 0x80000600, 0x80000700, 0x80001306, 0x80000b06, 0x302, 0x80000300,
  0x80000301, 0x80000308, 0x8000030e});
INTERESTING(Cr3Pdpte)({0, 1, 0x401001, 0x401007, 0x401027, 0x401019, 0x401021, 0x401101, 0x401e01, 0x401401,
  0x8000000000000001, 0x10000000001, 0x800000000001, 0x40000000401001, 0x1e0});
#undef INTERESTING
// clang-format on

}  // namespace diffvisor::svm
