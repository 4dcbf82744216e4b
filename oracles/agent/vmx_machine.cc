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
constexpr u32 kFeatureControl = 0x3a, kVmxBasic = 0x480, kVmxMisc = 0x485;

bool operating;
bool has_cet_fields;
bool cleansing_launched;
u64 missing[4];  // bit (slot - Pin)
u64 rare_present;
u64 cleansing_stack[8];

bool is_missing(unsigned slot) { return missing[(slot - Pin) / 64] >> (slot - Pin) % 64 & 1; }

u32 revision() { return static_cast<u32>(rdmsr(kVmxBasic)) & 0x7fffffff; }

// The controls with the bits this machine insists on. `index`: 0 pin, 1 processor, 2 exit, 3 entry.
u32 control(unsigned index, u32 wanted) {
  const bool flexible = rdmsr(kVmxBasic) >> 55 & 1;
  const u64 allowed = rdmsr((flexible ? 0x48d : 0x481) + index);
  return (wanted | static_cast<u32>(allowed)) & static_cast<u32>(allowed >> 32);
}

void learn_fields() {
  vmclear(kVmcs);
  vmptrld(kVmcs);
  each_vmcs_field([](u32 encoding, unsigned slot) {
    if (vmwrite(encoding, 0)) return;
    missing[(slot - Pin) / 64] |= u64{1} << (slot - Pin) % 64;
  });
  has_cet_fields = !is_missing(GuestSCet);
  unsigned rare = 0;
  each_vmcs_field([&rare](u32 encoding, unsigned slot) {
    if (class_of(encoding) != FieldClass::Rare) return;
    if (!is_missing(slot)) rare_present |= u64{1} << rare;
    ++rare;
  });
}

void write_rare_fields(const u64* block) {
  unsigned rare = 0;
  each_vmcs_field([&](u32 encoding, unsigned slot) {
    if (class_of(encoding) != FieldClass::Rare) return;
    if (rare_present >> rare++ & 1) vmwrite(encoding, block[slot - Pin]);
  });
}

// A guest that shares the agent's address space and runs one IRET.
void build_cleansing_vmcs() {
  *at<u32>(kCleansingVmcs) = revision();
  vmclear(kCleansingVmcs);
  vmptrld(kCleansingVmcs);
  each_vmcs_field([](u32 encoding, unsigned) { vmwrite(encoding, 0); });
  vmwrite(0x4000, control(0, 1u << pin::NMI | 1u << pin::VNMI));
  vmwrite(0x4002, control(1, 0));
  vmwrite(0x400c, control(2, 1u << exit_ctl::HOST64 | 1u << exit_ctl::LDEFER));
  vmwrite(0x4012, control(3, 1u << entry_ctl::IA32E | 1u << entry_ctl::LDEFER));
  vmwrite(0x4004, ~u32{0});  // any exception leaves the guest
  for (const u64 offset : {u64{0}, u64{0x400}}) {
    vmwrite(0x6800 + offset, agent_cr0);
    vmwrite(0x6802 + offset, kHostCr3);
    vmwrite(0x6804 + offset, agent_cr4);
    vmwrite(0x2806 - (offset != 0 ? 4 : 0) + offset, agent_efer);
  }
  for (const u32 segment : {0u, 2u, 4u, 6u, 8u, 10u}) {  // ES CS SS DS FS GS
    const bool code = segment == 2;
    vmwrite(0x0800 + segment, code ? AGENT_CODE : AGENT_DATA);
    vmwrite(0x0c00 + segment, code ? AGENT_CODE : AGENT_DATA);
    vmwrite(0x4800 + segment, ~u32{0});
    vmwrite(0x4814 + segment, code ? 0xa09b : 0xc093);
  }
  vmwrite(0x0c0c, AGENT_TASK);
  vmwrite(0x080e, AGENT_TASK);
  vmwrite(0x480e, 0x67);
  vmwrite(0x4822, 0x8b);
  vmwrite(0x4820, 0x10000);  // LDTR unusable
  for (const u32 field : {0x6814u, 0x6c0au}) vmwrite(field, kHostTss);
  for (const u32 field : {0x6816u, 0x6c0cu}) vmwrite(field, kHostGdt);
  for (const u32 field : {0x6818u, 0x6c0eu}) vmwrite(field, kHostIdt);
  vmwrite(0x4810, 0x37);
  vmwrite(0x4812, 0xfff);
  vmwrite(0x681a, 0x400);
  vmwrite(0x6820, 2);
  vmwrite(0x2800, ~u64{0});
  vmwrite(0x6c16, kVmExitEntry);
}

}  // namespace

bool has_vmx() { return cpuid(1, 0).ecx >> 5 & 1; }

bool enter_vmx_operation() {
  if (operating) return true;
  if (!has_vmx()) return false;
  const u64 feature_control = rdmsr(kFeatureControl);
  if ((feature_control & 1) == 0) wrmsr(kFeatureControl, feature_control | 5);
  write_cr0((read_cr0() | rdmsr(0x486)) & rdmsr(0x487));
  write_cr4((read_cr4() | 1u << cr4::VMXE | rdmsr(0x488)) & rdmsr(0x489));
  agent_cr0 = read_cr0();
  agent_cr4 = read_cr4();
  for (const u64 region : {kVmxonRegion, kVmcs, kShadowVmcs}) {
    memset(at<void>(region), 0, kPage);
    *at<u32>(region) = revision();
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
  vmwrite(0x681e, address_of(reinterpret_cast<const void*>(&cleansing_guest)));
  vmwrite(0x681c, address_of(frame));
  const unsigned how = cleansing_launched ? ENTER_RESUME : 0;
  if (enter(how) != 0 || vmread(0x4402) != 18) panic("the cleansing entry failed");
  cleansing_launched = true;
  unblock_nmi();
}

}  // namespace diffvisor::agent
