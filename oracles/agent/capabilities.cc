// SPDX-License-Identifier: Apache-2.0
// Command Capabilities: what this machine says it is (SDM 3D appendix A, CPUID, APM 2 15.4).
#include "oracles/agent/agent.h"

namespace diffvisor::agent {

namespace {

void read_state(Capabilities* out) {
  out->cr0 = read_cr0();
  out->cr2 = read_cr2();
  out->cr3 = read_cr3();
  out->cr4 = read_cr4();
  out->efer = rdmsr(0xc0000080);
  asm volatile("mov %%dr6, %0; mov %%dr7, %1" : "=r"(out->dr6), "=r"(out->dr7));
  TableRegister gdtr, idtr;
  asm volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
  out->gdtr_base = gdtr.base;
  out->idtr_base = idtr.base;
}

}  // namespace

Answer read_capabilities(Capabilities* out) {
  memset(out, 0, sizeof *out);
  out->has_vmx = enter_vmx_operation();
  out->has_svm = enter_svm_operation();
  read_state(out);
  const u32 widths = cpuid(0x80000008, 0).eax;
  out->maxphyaddr = widths & 0xff;
  out->linear_width = widths >> 8 & 0xff;
  for (unsigned word = 0; word < 4; ++word) out->missing_fields[word] = missing_field_word(word);
  for (std::size_t i = 0; i < kMsrsReadCount; ++i) {
    MsrReading& reading = out->msrs[i];
    reading.index = kMsrsRead[i];
    reading.readable = try_rdmsr(reading.index, &reading.value);
  }
  const u32 last_basic = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;
  for (std::size_t i = 0; i < kLeavesReadCount; ++i) {
    const u32 leaf = kLeavesRead[i][0], subleaf = kLeavesRead[i][1];
    // Past its last leaf a CPU answers with that of the last one.
    const bool exists = leaf <= (leaf >= 0x80000000 ? last_extended : last_basic);
    const CpuidResult r = exists ? cpuid(leaf, subleaf) : CpuidResult{};
    out->cpuid[i] = {leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx};
  }
  return Answer::Done;
}

}  // namespace diffvisor::agent
