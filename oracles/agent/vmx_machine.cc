// SPDX-License-Identifier: Apache-2.0
// VMX operation of this machine: VMXON (SDM 3C 33), which VMCS fields exist, and the cleansing entry.
#include <initializer_list>

#include "harness/arch/vmx/memory_map.h"
#include "oracles/agent/agent.h"
#include "oracles/agent/vmcs_fields.h"

namespace diffvisor::agent {
namespace {

using namespace vmx;

constexpr u64 kCleansingVmcs = 0x153000;
constexpr u32 kFeatureControl = 0x3a, kVmxBasic = 0x480, kVmxCr0Fixed0 = 0x486, kVmxCr0Fixed1 = 0x487,
              kVmxCr4Fixed0 = 0x488, kVmxCr4Fixed1 = 0x489;

bool operating;
bool has_cet_fields;
bool cleansing_launched;
u64 missing[4];  // bit (slot - Pin)
u64 rare_present;
u64 cleansing_stack[8];

bool is_missing(unsigned slot) { return missing[(slot - Pin) / 64] >> (slot - Pin) % 64 & 1; }

void learn_fields() {
  vmclear(kVmcs);
  vmptrld(kVmcs);
  each_vmcs_field([](u32 encoding, unsigned slot) {
    if (vmwrite(encoding, 0)) return;
    missing[(slot - Pin) / 64] |= u64{1} << (slot - Pin) % 64;
  });
  has_cet_fields = !is_missing(GuestSCet);
  unsigned rare = 0;
  each_vmcs_field([&rare](u32, unsigned slot) {
    if (class_of(slot) != FieldClass::Rare) return;
    if (!is_missing(slot)) rare_present |= u64{1} << rare;
    ++rare;
  });
}

void write_rare_fields(const u64* block) {
  unsigned rare = 0;
  each_vmcs_field([&](u32 encoding, unsigned slot) {
    if (class_of(slot) != FieldClass::Rare) return;
    if (rare_present >> rare++ & 1) vmwrite(encoding, block[slot - Pin]);
  });
}

void set(unsigned slot, u64 value) { vmwrite(encoding_of(slot), value); }
void set(std::initializer_list<FieldSlot> slots, u64 value) {
  for (const FieldSlot slot : slots) set(slot, value);
}

// A guest that shares the agent's address space and runs one IRET.
void build_cleansing_vmcs() {
  *at<u32>(kCleansingVmcs) = vmcs_revision();
  vmclear(kCleansingVmcs);
  vmptrld(kCleansingVmcs);
  each_vmcs_field([](u32 encoding, unsigned) { vmwrite(encoding, 0); });
  set(Pin, allowed_control(0, 1u << pin::NMI | 1u << pin::VNMI));
  set(Proc, allowed_control(1, 0));
  set(Exit, allowed_control(2, 1u << exit_ctl::HOST64 | 1u << exit_ctl::LDEFER));
  set(Entry, allowed_control(3, 1u << entry_ctl::IA32E | 1u << entry_ctl::LDEFER));
  set(ExceptionBitmap, ~u32{0});  // any exception leaves the guest
  set({HostCr0, GuestCr0}, agent_cr0);
  set({HostCr3, GuestCr3}, kHostCr3);
  set({HostCr4, GuestCr4}, agent_cr4);
  set({HostIa32Efer, GuestIa32Efer}, agent_efer);
  set({HostCsSelector, GuestCsSelector}, AGENT_CODE);
  set(HostIa32SysenterCs, AGENT_CODE);  // as the golden case has it
  set({HostSsSelector, HostDsSelector, HostEsSelector, GuestSsSelector, GuestDsSelector, GuestEsSelector}, AGENT_DATA);
  set({HostFsSelector, HostGsSelector, GuestFsSelector, GuestGsSelector}, AGENT_DATA);
  set({GuestCsLimit, GuestSsLimit, GuestDsLimit, GuestEsLimit, GuestFsLimit, GuestGsLimit}, ~u32{0});
  set(GuestCsAr, 0xa09b);
  set({GuestSsAr, GuestDsAr, GuestEsAr, GuestFsAr, GuestGsAr}, 0xc093);
  set(GuestLdtrAr, 0x10000);  // unusable
  set({HostTrSelector, GuestTrSelector}, AGENT_TASK);
  set({HostTrBase, GuestTrBase}, kHostTss);
  set(GuestTrAr, 0x8b);
  set(GuestTrLimit, 0x67);
  set({HostGdtrBase, GuestGdtrBase}, kHostGdt);
  set({HostIdtrBase, GuestIdtrBase}, kHostIdt);
  set(GuestGdtrLimit, 0x37);
  set(GuestIdtrLimit, 0xfff);
  set(GuestDr7, 0x400);
  set(GuestRflags, 2);
  set(VmcsLinkPointer, ~u64{0});
  set(HostRip, kVmExitEntry);
}

}  // namespace

u32 vmcs_revision() { return static_cast<u32>(rdmsr(kVmxBasic)) & 0x7fffffff; }

u32 allowed_control(unsigned index, u32 wanted) {
  const bool flexible = rdmsr(kVmxBasic) >> 55 & 1;
  const u64 allowed = rdmsr((flexible ? 0x48d : 0x481) + index);
  return (wanted | static_cast<u32>(allowed)) & static_cast<u32>(allowed >> 32);
}

bool has_vmx() { return cpuid(1, 0).ecx >> 5 & 1; }

bool enter_vmx_operation() {
  if (operating) return true;
  if (!has_vmx()) return false;
  const u64 feature_control = rdmsr(kFeatureControl);
  if ((feature_control & 1) == 0) wrmsr(kFeatureControl, feature_control | 5);
  write_cr0((read_cr0() | rdmsr(kVmxCr0Fixed0)) & rdmsr(kVmxCr0Fixed1));
  write_cr4((read_cr4() | 1u << cr4::VMXE | rdmsr(kVmxCr4Fixed0)) & rdmsr(kVmxCr4Fixed1));
  agent_cr0 = read_cr0();
  agent_cr4 = read_cr4();
  for (const u64 region : {kVmxonRegion, kVmcs, kShadowVmcs}) {
    memset(at<void>(region), 0, kPage);
    *at<u32>(region) = vmcs_revision();
  }
  if (!vmxon(kVmxonRegion)) return false;
  learn_fields();
  operating = true;
  return true;
}

u64 missing_field_word(unsigned word) { return missing[word]; }

void write_fields(const u64* block) {
  write_class<FieldClass::Core>(block);
  if (has_cet_fields) write_class<FieldClass::Cet>(block);
  if (rare_present != 0) write_rare_fields(block);
}

void end_nmi_blocking() {
  if (cleansing_launched) {
    vmptrld(kCleansingVmcs);
  } else {
    build_cleansing_vmcs();
  }
  u64* const frame = cleansing_stack;
  frame[0] = address_of(reinterpret_cast<const void*>(&cleansing_guest_end));
  frame[1] = AGENT_CODE;
  frame[2] = 2;
  frame[3] = address_of(cleansing_stack + 8);
  frame[4] = AGENT_DATA;
  constexpr u32 kRip = encoding_of(GuestRip), kRsp = encoding_of(GuestRsp);
  vmwrite(kRip, address_of(reinterpret_cast<const void*>(&cleansing_guest)));
  vmwrite(kRsp, address_of(frame));
  const unsigned how = cleansing_launched ? ENTER_RESUME : 0;
  constexpr u32 kExitReasonField = 0x4402, kVmcall = 18;
  if (enter(how) != 0 || vmread(kExitReasonField) != kVmcall) panic("the cleansing entry failed");
  cleansing_launched = true;
  unblock_nmi();
}

}  // namespace diffvisor::agent
