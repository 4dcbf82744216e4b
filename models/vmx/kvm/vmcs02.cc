// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/vmcs02.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/bits.h"

namespace diffvisor::vmx {
namespace {

using Values = std::array<std::uint64_t, kMaxSlots>;

constexpr std::uint64_t one(unsigned b) { return std::uint64_t{1} << b; }
template <class... B>
constexpr std::uint64_t mask(B... b) {
  return (one(b) | ...);
}
// A capability MSR: must-be-1 in the low half, may-be-1 in the high half.
constexpr std::uint64_t controls(std::uint32_t may, std::uint32_t must) { return std::uint64_t{may} << 32 | must; }

constexpr std::uint32_t kPinMust = 0x16, kProcMust = 0x04006172, kExitMust = 0x36dfb, kEntryMust = 0x11fb;
constexpr std::uint64_t kL1Pat = 0x0007040600070406;
constexpr std::uint64_t kL1Dr7 = 0x400;
constexpr std::uint64_t kL1Efer = 0xd01;
constexpr std::uint64_t kPoison = ~std::uint64_t{0};
constexpr std::uint64_t kDebugctlAlways = 0x7fc3;      // bits of every processor with VMX
constexpr std::uint64_t kDebugctlEnumerated = 0x8804;  // bus lock, freeze LBR, RTM
constexpr std::uint64_t kArVmwriteKeeps = 0x1f0ff;     // VMWRITE drops the reserved bits of access rights

void offer_everything(Values& v) {
  v[CapVmxBasic] = 0x00d8100011e57ed0;
  v[CapPinCtls] = controls(0xff, kPinMust);
  v[CapProcCtls] = controls(0xfffffffe, kProcMust);
  v[CapProc2Ctls] = controls(0xffffffff, 0);
  v[CapProc3Ctls] = ones(64);
  v[CapExitCtls] = controls(0xffffffff, kExitMust);
  v[CapExit2Ctls] = ones(64);
  v[CapEntryCtls] = controls(0xfffff3ff, kEntryMust);
  v[CapVmxMisc] = 0x600401e5;
  v[CapCr0Fixed0] = 0x80000021;
  v[CapCr0Fixed1] = 0xffffffff;
  v[CapCr4Fixed0] = 0x2000;
  v[CapCr4Fixed1] = ones(64);
  v[CapEptVpidCap] = 0x00000f0106f341c1;
  v[CapVmfuncCtls] = 1;
  v[CapMaxphyaddr] = 40;
  v[CapLinearWidth] = 48;
  v[CapEferMask] = 0xd01;
  v[CapPerfGlobalCtrlMask] = ones(64);
}

// L0's own host state and controls for L1: what the merge starts from.
Values make_vmcs01() {
  Values v{};
  offer_everything(v);
  schema().golden(v.data());
  v[Pin] = kPinMust | mask(pin::EXTINT, pin::NMI, pin::VNMI);
  v[Proc] = kProcMust | mask(proc::TSCOFF, proc::HLT, proc::MSRBM, proc::UNCONDIO, proc::SECONDARY);
  v[Proc2] = mask(proc2::EPT, proc2::VPID, proc2::TSCSCALE);
  v[Exit] = kExitMust | mask(exit_ctl::SVDBG, exit_ctl::HOST64, exit_ctl::ACKINT, exit_ctl::LDPAT, exit_ctl::LDEFER);
  v[Entry] = kEntryMust | mask(entry_ctl::LDDBG, entry_ctl::LDPAT, entry_ctl::LDEFER);
  v[HostIa32Pat] = kL1Pat;
  v[HostIa32Efer] = kL1Efer;
  v[Vpid] = 1;
  v[Eptp] = kEptPml4 | 0x1e;
  v[PostedIntrNv] = 0xf0;
  v[VmcsLinkPointer] = kPoison;
  return v;
}

constexpr Slot kAccessRights[] = {GuestCsAr, GuestSsAr, GuestDsAr,   GuestEsAr,
                                  GuestFsAr, GuestGsAr, GuestLdtrAr, GuestTrAr};
constexpr Slot kPdpteFields[] = {GuestPdpte0, GuestPdpte1, GuestPdpte2, GuestPdpte3};

std::vector<Slot> slots_of_group(std::string_view group) {
  std::vector<Slot> slots;
  for (const Field& f : schema().fields)
    if (f.group == group) slots.push_back(f.slot);
  return slots;
}

bool mapped(std::uint64_t gpa) { return gpa < kRamEnd; }

class Merge {
 public:
  Merge(const std::uint64_t* vmcs12, bool raw_debugctl) : v12_(vmcs12), raw_debugctl_(raw_debugctl) {
    static const Values vmcs01 = make_vmcs01();
    v_ = vmcs01;
  }

  Values result() {
    processor();
    execution_controls();
    tpr_shadow();
    entry_controls();
    guest_registers();
    guest_segments_and_events();
    pdptes();
    msr_list();
    return v_;
  }

 private:
  bool bit12(Slot s, unsigned b) const { return v12_[s] >> b & 1; }
  bool has2(unsigned b) const { return bit12(Proc, proc::SECONDARY) && bit12(Proc2, b); }
  void copy(Slot s) { v_[s] = v12_[s]; }

  void processor() {
    for (const Slot s : {CapMaxphyaddr, CapLinearWidth, CapFeatures, CapTmeKeyidBits}) copy(s);
    v_[CapDebugctlMask] = kDebugctlAlways | (v12_[CapDebugctlMask] & kDebugctlEnumerated);
  }

  void execution_controls() {
    const bool posted = bit12(Pin, pin::POSTED) && mapped(v12_[PostedIntrDescAddr]);
    v_[Pin] |= v12_[Pin] & ~mask(pin::PREEMPT, pin::POSTED);
    if (posted) v_[Pin] |= mask(pin::POSTED);
    v_[Proc] |= v12_[Proc] & ~mask(proc::IOBM, proc::MSRBM);
    if (bit12(Proc, proc::MSRBM) && !mapped(v12_[MsrBitmap])) v_[Proc] &= ~mask(proc::MSRBM);
    if (bit12(Proc, proc::SECONDARY)) v_[Proc2] |= v12_[Proc2] & ~mask(proc2::PML, proc2::SHADOW);
    // L2's multiplier counts only together with the offset; otherwise L1's own, unscaled, is in force.
    v_[TscMultiplier] = bit12(Proc, proc::TSCOFF) && has2(proc2::TSCSCALE) ? v12_[TscMultiplier] : one(48);
  }

  // An unmapped virtual-APIC page either switches the shadow off or leaves an address that the processor must refuse.
  void tpr_shadow() {
    const bool wanted = bit12(Proc, proc::TPRSH), page = mapped(v12_[VirtualApicAddr]);
    const bool can_do_without = bit12(Proc, proc::CR8LD) && bit12(Proc, proc::CR8ST) && !has2(proc2::VAPICACC);
    if (wanted && !page && can_do_without) v_[Proc] &= ~mask(proc::TPRSH);
    if (!(v_[Proc] & mask(proc::TPRSH))) v_[Proc] |= mask(proc::CR8LD, proc::CR8ST);
    if (!wanted) return;
    v_[VirtualApicAddr] = page ? v12_[VirtualApicAddr] : kPoison;
    copy(Vtpr);
    copy(TprThreshold);
  }

  void entry_controls() {
    v_[Entry] |= v12_[Entry] & ~mask(entry_ctl::LDPGC);
    copy(EntryIntrInfo);
    copy(EntryExceptionErrorCode);
    copy(EntryInstructionLen);
  }

  void guest_registers() {
    const bool debug = bit12(Entry, entry_ctl::LDDBG);
    v_[GuestCr0] = (v12_[GuestCr0] & ~mask(cr0::NW, cr0::CD)) | mask(cr0::NE);
    v_[GuestCr4] = (v12_[GuestCr4] & ~mask(cr4::MCE)) | mask(cr4::VMXE);
    copy(GuestCr3);
    v_[GuestDr7] = ((debug ? v12_[GuestDr7] : kL1Dr7) & 0xffff2bff) | 0x400;
    // LBR and BTF never reach the processor, unless unmasked.
    const std::uint64_t keeps = raw_debugctl_ ? ~std::uint64_t{0} : v12_[CapDebugctlMask] & kDebugctlEnumerated;
    v_[GuestIa32Debugctl] = debug ? v12_[GuestIa32Debugctl] & keeps : 0;
    v_[GuestIa32Pat] = bit12(Entry, entry_ctl::LDPAT) ? v12_[GuestIa32Pat] : kL1Pat;
    v_[GuestBndcfgs] = bit12(Entry, entry_ctl::LDBND) ? v12_[GuestBndcfgs] : 0;
    v_[GuestIa32Efer] = guest_efer();
    copy(GuestSysenterEsp);
    copy(GuestSysenterEip);
    copy(GuestRflags);
  }

  // The hardware copy has no LME without LMA.
  std::uint64_t guest_efer() const {
    const std::uint64_t long_mode = mask(efer::LME, efer::LMA);
    const bool ia32e = bit12(Entry, entry_ctl::IA32E);
    std::uint64_t e = (kL1Efer & ~long_mode) | (ia32e ? long_mode : 0);
    if (bit12(Entry, entry_ctl::LDEFER)) e = v12_[GuestIa32Efer];
    return e & mask(efer::LMA) ? e : e & ~mask(efer::LME);
  }

  void guest_segments_and_events() {
    static const std::vector<Slot> segments = slots_of_group("segments");
    for (const Slot s : segments) copy(s);
    for (const Slot s : kAccessRights) v_[s] &= kArVmwriteKeeps;
    copy(GuestRip);
    copy(Interruptibility);
    copy(PendingDbg);
  }

  void pdptes() {
    const bool ept = has2(proc2::EPT);
    for (unsigned i = 0; i < 4; ++i) {
      const Slot to = kPdpteFields[i];
      v_[to] = v12_[ept ? to : static_cast<Slot>(Cr3Pdpte + i)];
    }
  }

  // Loads of SYSENTER_ESP and SYSENTER_EIP replace what the processor judges, after KVM has made them canonical.
  void msr_list() {
    const unsigned width = bit12(GuestCr4, cr4::LA57) ? 57 : 48;
    const auto n = std::min<std::uint64_t>(v12_[EntryMsrLoadCount], kEntryMsrFacts);
    for (unsigned i = 0; i < n; ++i) {
      const std::uint64_t value = sign_extend(v12_[EntryMsrValue + i], width);
      if (v12_[EntryMsrIndex + i] == 0x175) v_[GuestSysenterEsp] = value;
      if (v12_[EntryMsrIndex + i] == 0x176) v_[GuestSysenterEip] = value;
    }
  }

  const std::uint64_t* v12_;
  bool raw_debugctl_;
  Values v_;
};

}  // namespace

Values merge_vmcs02(const std::uint64_t* vmcs12, bool raw_debugctl) { return Merge(vmcs12, raw_debugctl).result(); }

bool runs_vmcs02(const std::uint64_t* vmcs12) {
  const auto on = [&](Slot s, unsigned b) { return (vmcs12[s] >> b & 1) != 0; };
  const bool window = on(Proc, proc::INTWIN) && on(GuestRflags, rflags::IF);
  if (vmcs12[ActivityState] == 3) return false;
  return vmcs12[ActivityState] != 1 || on(EntryIntrInfo, 31) || on(Proc, proc::NMIWIN) || window;
}

}  // namespace diffvisor::vmx
