// SPDX-License-Identifier: Apache-2.0
// SDM 3C 29.2.1: checks on VM-execution, VM-exit and VM-entry control fields. Failure: VMfailValid(7).
#pragma once

#include <array>

#include "models/vmx/terms.h"

namespace diffvisor::vmx::arch {

inline constexpr std::string_view kExecution = "29.2.1.1", kExitSection = "29.2.1.2", kEntrySection = "29.2.1.3";

constexpr Slice must_be_1(Slot capability) { return bits(capability, 31, 0); }
constexpr Slice may_be_1(Slot capability) { return bits(capability, 63, 32); }

constexpr Expr eptp_switching() { return secondary(proc2::VMFUNC) && bit(VmFunctionControl, 0); }
constexpr Expr posted() { return bit(Pin, pin::POSTED); }

// Vectors that push an error code; #CP (21) is not among them.
constexpr Expr vector_with_error_code() {
  return eq(bits(EntryIntrInfo, 7, 5), 0) && in(bits(EntryIntrInfo, 4, 0), {8, 10, 11, 12, 13, 14, 17});
}
constexpr Expr vector_without_error_code() {
  return eq(bits(EntryIntrInfo, 7, 5), 0) &&
         in(bits(EntryIntrInfo, 4, 0),
            {0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31});
}
// A hardware exception into a guest that is not in real mode, on a processor that ties error codes to vectors.
constexpr Expr strict_exception() {
  return injecting(3) && (!unrestricted() || bit(GuestCr0, cr0::PE)) && clear(CapVmxBasic, 56);
}
constexpr Expr mtf_offered() { return bit(CapProcCtls, 32 + proc::MTF); }
constexpr Expr fred_vector() {
  return feature_bit(feature::FRED) && bit(GuestCr4, cr4::FRED) && eq(bits(EntryIntrInfo, 7, 2), 0) &&
         in(bits(EntryIntrInfo, 1, 0), {1, 2});
}
constexpr Expr length_at_most_15() { return le(all(EntryInstructionLen), 15); }
constexpr Expr length_checked(unsigned type) { return injecting(type) && clear(CapVmxMisc, 30); }

// clang-format off
inline constexpr auto kExecutionControlRules = std::to_array<Rule>({
  control("vmx.ctl.pin.must1",            kExecution, always(),                          covers(all(Pin), must_be_1(CapPinCtls))),
  control("vmx.ctl.pin.may1",             kExecution, always(),                          subset(all(Pin), may_be_1(CapPinCtls))),
  control("vmx.ctl.proc.must1",           kExecution, always(),                          covers(all(Proc), must_be_1(CapProcCtls))),
  control("vmx.ctl.proc.may1",            kExecution, always(),                          subset(all(Proc), may_be_1(CapProcCtls))),
  control("vmx.ctl.proc2.must1",          kExecution, bit(Proc, proc::SECONDARY),        covers(all(Proc2), must_be_1(CapProc2Ctls))),
  control("vmx.ctl.proc2.may1",           kExecution, bit(Proc, proc::SECONDARY),        subset(all(Proc2), may_be_1(CapProc2Ctls))),
  control("vmx.ctl.proc3.may1",           kExecution, bit(Proc, proc::TERTIARY),         subset(all(Proc3), all(CapProc3Ctls))),
  control("vmx.ctl.cr3tgt",               kExecution, always(),                          le(all(Cr3TargetCount), bits(CapVmxMisc, 24, 16))),
  control("vmx.ctl.iobm_a.align",         kExecution, bit(Proc, proc::IOBM),             page_aligned(IoBitmapA)),
  control("vmx.ctl.iobm_a.width",         kExecution, bit(Proc, proc::IOBM),             vmx_width(IoBitmapA)),
  control("vmx.ctl.iobm_b.align",         kExecution, bit(Proc, proc::IOBM),             page_aligned(IoBitmapB)),
  control("vmx.ctl.iobm_b.width",         kExecution, bit(Proc, proc::IOBM),             vmx_width(IoBitmapB)),
  control("vmx.ctl.msrbm.align",          kExecution, bit(Proc, proc::MSRBM),            page_aligned(MsrBitmap)),
  control("vmx.ctl.msrbm.width",          kExecution, bit(Proc, proc::MSRBM),            vmx_width(MsrBitmap)),
  control("vmx.ctl.vapic.align",          kExecution, tpr_shadow(),                      page_aligned(VirtualApicAddr)),
  control("vmx.ctl.vapic.width",          kExecution, tpr_shadow(),                      vmx_width(VirtualApicAddr)),
  control("vmx.ctl.tprthr.rsvd",          kExecution, tpr_shadow() && !secondary(proc2::VID), zero(TprThreshold, 31, 4)),
  control("vmx.ctl.tprthr.vtpr",          kExecution, tpr_shadow() && !secondary(proc2::VID) && !secondary(proc2::VAPICACC),
                                                      le(bits(TprThreshold, 3, 0), bits(Vtpr, 7, 4))),
  control("vmx.ctl.nmi.vnmi",             kExecution, clear(Pin, pin::NMI),              clear(Pin, pin::VNMI)),
  control("vmx.ctl.nmi.window",           kExecution, clear(Pin, pin::VNMI),             clear(Proc, proc::NMIWIN)),
  control("vmx.ctl.apicacc.align",        kExecution, secondary(proc2::VAPICACC),        page_aligned(ApicAccessAddr)),
  control("vmx.ctl.apicacc.width",        kExecution, secondary(proc2::VAPICACC),        vmx_width(ApicAccessAddr)),
  control("vmx.ctl.tprsh.need_vx2apic",   kExecution, !tpr_shadow() && bit(Proc, proc::SECONDARY), clear(Proc2, proc2::VX2APIC)),
  control("vmx.ctl.tprsh.need_apicreg",   kExecution, !tpr_shadow() && bit(Proc, proc::SECONDARY), clear(Proc2, proc2::APICREG)),
  control("vmx.ctl.tprsh.need_vid",       kExecution, !tpr_shadow() && bit(Proc, proc::SECONDARY), clear(Proc2, proc2::VID)),
  control("vmx.ctl.tprsh.need_ipiv",      kExecution, !tpr_shadow() && bit(Proc, proc::TERTIARY),  clear(Proc3, proc3::IPIV)),
  control("vmx.ctl.x2apic_vs_apicacc",    kExecution, secondary(proc2::VX2APIC),         clear(Proc2, proc2::VAPICACC)),
  control("vmx.ctl.vid.extint",           kExecution, secondary(proc2::VID),             bit(Pin, pin::EXTINT)),
  control("vmx.ctl.pi.vid",               kExecution, posted(),                          secondary(proc2::VID)),
  control("vmx.ctl.pi.ack",               kExecution, posted(),                          bit(Exit, exit_ctl::ACKINT)),
  control("vmx.ctl.pi.vector",            kExecution, posted(),                          zero(PostedIntrNv, 15, 8)),
  control("vmx.ctl.pi.desc_align",        kExecution, posted(),                          zero(PostedIntrDescAddr, 5, 0)),
  control("vmx.ctl.pi.desc_width",        kExecution, posted(),                          width(PostedIntrDescAddr)),
  control("vmx.ctl.vpid",                 kExecution, secondary(proc2::VPID),            nonzero(all(Vpid))),
  control("vmx.ctl.eptp.memtype",         kExecution, ept(),                             (eq(bits(Eptp, 2, 0), 0) && bit(CapEptVpidCap, 8)) ||
                                                                                         (eq(bits(Eptp, 2, 0), 6) && bit(CapEptVpidCap, 14))),
  control("vmx.ctl.eptp.walk",            kExecution, ept(),                             (eq(bits(Eptp, 5, 3), 3) && bit(CapEptVpidCap, 6)) ||
                                                                                         (eq(bits(Eptp, 5, 3), 4) && bit(CapEptVpidCap, 7))),
  control("vmx.ctl.eptp.ad",              kExecution, ept() && clear(CapEptVpidCap, 21), clear(Eptp, 6)),
  control("vmx.ctl.eptp.sss",             kExecution, ept() && clear(CapEptVpidCap, 23), clear(Eptp, 7)),
  control("vmx.ctl.eptp.rsvd_lo",         kExecution, ept(),                             zero(Eptp, 11, 8)),
  control("vmx.ctl.eptp.width",           kExecution, ept(),                             width(Eptp)),
  control("vmx.ctl.pml.ept",              kExecution, secondary(proc2::PML),             bit(Proc2, proc2::EPT)),
  control("vmx.ctl.pml.align",            kExecution, secondary(proc2::PML),             page_aligned(PmlAddress)),
  control("vmx.ctl.pml.width",            kExecution, secondary(proc2::PML),             vmx_width(PmlAddress)),
  control("vmx.ctl.urg.ept",              kExecution, unrestricted(),                    bit(Proc2, proc2::EPT)),
  control("vmx.ctl.mbe.ept",              kExecution, secondary(proc2::MBE),             bit(Proc2, proc2::EPT)),
  control("vmx.ctl.spp.ept",              kExecution, secondary(proc2::SPP),             bit(Proc2, proc2::EPT)),
  control("vmx.ctl.spp.align",            kExecution, secondary(proc2::SPP),             page_aligned(Spptp)),
  control("vmx.ctl.spp.width",            kExecution, secondary(proc2::SPP),             vmx_width(Spptp)),
  control("vmx.ctl.vmfunc.rsvd",          kExecution, secondary(proc2::VMFUNC),          subset(all(VmFunctionControl), all(CapVmfuncCtls))),
  control("vmx.ctl.vmfunc.eptpsw_ept",    kExecution, eptp_switching(),                  bit(Proc2, proc2::EPT)),
  control("vmx.ctl.eptplist.align",       kExecution, eptp_switching(),                  page_aligned(EptpListAddress)),
  control("vmx.ctl.eptplist.width",       kExecution, eptp_switching(),                  vmx_width(EptpListAddress)),
  control("vmx.ctl.vmread_bm.align",      kExecution, secondary(proc2::SHADOW),          page_aligned(VmreadBitmap)),
  control("vmx.ctl.vmread_bm.width",      kExecution, secondary(proc2::SHADOW),          vmx_width(VmreadBitmap)),
  control("vmx.ctl.vmwrite_bm.align",     kExecution, secondary(proc2::SHADOW),          page_aligned(VmwriteBitmap)),
  control("vmx.ctl.vmwrite_bm.width",     kExecution, secondary(proc2::SHADOW),          vmx_width(VmwriteBitmap)),
  control("vmx.ctl.veinfo.align",         kExecution, secondary(proc2::EPTVE),           page_aligned(VeInfoAddress)),
  control("vmx.ctl.veinfo.width",         kExecution, secondary(proc2::EPTVE),           vmx_width(VeInfoAddress)),
  control("vmx.ctl.ptgpa.ept",            kExecution, secondary(proc2::PTGPA),           bit(Proc2, proc2::EPT)),
  control("vmx.ctl.ptgpa.entry",          kExecution, secondary(proc2::PTGPA),           bit(Entry, entry_ctl::LDRTIT)),
  control("vmx.ctl.ptgpa.exit",           kExecution, secondary(proc2::PTGPA),           bit(Exit, exit_ctl::CLRRTIT)),
  control("vmx.ctl.tscmul",               kExecution, secondary(proc2::TSCSCALE),        nonzero(all(TscMultiplier))),
  control("vmx.ctl.pasid.lo_align",       kExecution, secondary(proc2::PASID),           page_aligned(LowPasidDirAddr)),
  control("vmx.ctl.pasid.lo_width",       kExecution, secondary(proc2::PASID),           width(LowPasidDirAddr)),
  control("vmx.ctl.pasid.hi_align",       kExecution, secondary(proc2::PASID),           page_aligned(HighPasidDirAddr)),
  control("vmx.ctl.pasid.hi_width",       kExecution, secondary(proc2::PASID),           width(HighPasidDirAddr)),
  control("vmx.ctl.hlat.ept",             kExecution, tertiary(proc3::HLAT),             ept()),
  control("vmx.ctl.hlat.rsvd",            kExecution, tertiary(proc3::HLAT),             zero(Hlatp, 2, 0) && zero(Hlatp, 11, 5)),
  control("vmx.ctl.hlat.width",           kExecution, tertiary(proc3::HLAT),             width(Hlatp)),
  control("vmx.ctl.eptpw.ept",            kExecution, tertiary(proc3::EPTPW),            ept()),
  control("vmx.ctl.gpv.ept",              kExecution, tertiary(proc3::GPV),              ept()),
  control("vmx.ctl.ipiv.align",           kExecution, tertiary(proc3::IPIV),             zero(PidPointerTable, 2, 0)),
  control("vmx.ctl.ipiv.width",           kExecution, tertiary(proc3::IPIV),             width(PidPointerTable)),
  control("vmx.ctl.ipiv.last",            kExecution, tertiary(proc3::IPIV),             last_fits(PidPointerTable, all(LastPidPointerIndex), 8, 0, CapMaxphyaddr)),
  control("vmx.ctl.pebsgpa.ept",          kExecution, tertiary(proc3::PEBSGPA),          ept()),
  control("vmx.ctl.apictmr.vid",          kExecution, tertiary(proc3::APICTMR),          secondary(proc2::VID)),
  control("vmx.ctl.apictmr.rdtsc",        kExecution, tertiary(proc3::APICTMR),          clear(Proc, proc::RDTSC)),
});

inline constexpr auto kExitControlRules = std::to_array<Rule>({
  control("vmx.ctl.exit.must1",           kExitSection, always(),                        covers(all(Exit), must_be_1(CapExitCtls))),
  control("vmx.ctl.exit.may1",            kExitSection, always(),                        subset(all(Exit), may_be_1(CapExitCtls))),
  control("vmx.ctl.exit2.may1",           kExitSection, bit(Exit, exit_ctl::SECONDARY),  subset(all(Exit2), all(CapExit2Ctls))),
  control("vmx.ctl.exit.preempt",         kExitSection, clear(Pin, pin::PREEMPT),        clear(Exit, exit_ctl::SVPREEMPT)),
  control("vmx.ctl.exit.msrstore.align",  kExitSection, nonzero(all(ExitMsrStoreCount)), zero(ExitMsrStoreAddr, 3, 0)),
  control("vmx.ctl.exit.msrstore.width",  kExitSection, nonzero(all(ExitMsrStoreCount)), vmx_width(ExitMsrStoreAddr)),
  control("vmx.ctl.exit.msrstore.last",   kExitSection, nonzero(all(ExitMsrStoreCount)), last_fits(ExitMsrStoreAddr, all(ExitMsrStoreCount), 16, 1, CapMaxphyaddr)),
  control("vmx.ctl.exit.msrload.align",   kExitSection, nonzero(all(ExitMsrLoadCount)),  zero(ExitMsrLoadAddr, 3, 0)),
  control("vmx.ctl.exit.msrload.width",   kExitSection, nonzero(all(ExitMsrLoadCount)),  vmx_width(ExitMsrLoadAddr)),
  control("vmx.ctl.exit.msrload.last",    kExitSection, nonzero(all(ExitMsrLoadCount)),  last_fits(ExitMsrLoadAddr, all(ExitMsrLoadCount), 16, 1, CapMaxphyaddr)),
});

inline constexpr auto kEntryControlRules = std::to_array<Rule>({
  control("vmx.ctl.entry.must1",          kEntrySection, always(),                       covers(all(Entry), must_be_1(CapEntryCtls))),
  control("vmx.ctl.entry.may1",           kEntrySection, always(),                       subset(all(Entry), may_be_1(CapEntryCtls))),
  control("vmx.ctl.inj.type1",            kEntrySection, injecting(),                    !eq(event_type(), 1)),
  control("vmx.ctl.inj.type7_cap",        kEntrySection, injecting(7),                   mtf_offered() || feature_bit(feature::FRED)),
  control("vmx.ctl.inj.nmi_vec",          kEntrySection, injecting(2),                   eq(event_vector(), 2)),
  control("vmx.ctl.inj.hwx_vec",          kEntrySection, injecting(3),                   le(event_vector(), 31)),
  control("vmx.ctl.inj.other_vec",        kEntrySection, injecting(7),                   (eq(event_vector(), 0) && mtf_offered()) || fred_vector()),
  control("vmx.ctl.inj.ec_nonhwx",        kEntrySection, injecting() && !eq(event_type(), 3), clear(EntryIntrInfo, 11)),
  control("vmx.ctl.inj.ec_realmode",      kEntrySection, injecting(3) && unrestricted() && clear(GuestCr0, cr0::PE), clear(EntryIntrInfo, 11)),
  control("vmx.ctl.inj.ec_missing",       kEntrySection, strict_exception() && vector_with_error_code(),    bit(EntryIntrInfo, 11)),
  control("vmx.ctl.inj.ec_extra",         kEntrySection, strict_exception() && vector_without_error_code(), clear(EntryIntrInfo, 11)),
  control("vmx.ctl.inj.rsvd",             kEntrySection, injecting(),                    zero(EntryIntrInfo, 30, 14) && clear(EntryIntrInfo, 12) &&
                                                                                         (clear(EntryIntrInfo, 13) || (eq(event_type(), 3) && bit(CapVmxBasic, 58)))),
  control("vmx.ctl.inj.errcode",          kEntrySection, injecting() && bit(EntryIntrInfo, 11), zero(EntryExceptionErrorCode, 31, 16)),
  control("vmx.ctl.inj.ilen_max_swint",   kEntrySection, injecting(4),                   length_at_most_15()),
  control("vmx.ctl.inj.ilen_zero_swint",  kEntrySection, length_checked(4),              nonzero(all(EntryInstructionLen))),
  control("vmx.ctl.inj.ilen_max_privswx", kEntrySection, injecting(5),                   length_at_most_15()),
  control("vmx.ctl.inj.ilen_zero_privswx", kEntrySection, length_checked(5),             nonzero(all(EntryInstructionLen))),
  control("vmx.ctl.inj.ilen_max_swx",     kEntrySection, injecting(6),                   length_at_most_15()),
  control("vmx.ctl.inj.ilen_zero_swx",    kEntrySection, length_checked(6),              nonzero(all(EntryInstructionLen))),
  control("vmx.ctl.entry.msrload.align",  kEntrySection, nonzero(all(EntryMsrLoadCount)), zero(EntryMsrLoadAddr, 3, 0)),
  control("vmx.ctl.entry.msrload.width",  kEntrySection, nonzero(all(EntryMsrLoadCount)), vmx_width(EntryMsrLoadAddr)),
  control("vmx.ctl.entry.msrload.last",   kEntrySection, nonzero(all(EntryMsrLoadCount)), last_fits(EntryMsrLoadAddr, all(EntryMsrLoadCount), 16, 1, CapMaxphyaddr)),
  control("vmx.ctl.entry.smm_outside",    kEntrySection, always(),                       clear(Entry, entry_ctl::SMM)),
  control("vmx.ctl.entry.deact_outside",  kEntrySection, always(),                       clear(Entry, entry_ctl::DEACTDM)),
  control("vmx.ctl.entry.smm_both",       kEntrySection, bit(Entry, entry_ctl::SMM),     clear(Entry, entry_ctl::DEACTDM)),
});
// clang-format on

}  // namespace diffvisor::vmx::arch
