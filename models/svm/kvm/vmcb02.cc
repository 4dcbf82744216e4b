// SPDX-License-Identifier: Apache-2.0
#include "models/svm/kvm/vmcb02.h"

#include <algorithm>

#include "harness/arch/svm/schema.h"

namespace diffvisor::svm {
namespace {

using Values = std::array<std::uint64_t, kMaxSlots>;

template <class... B>
constexpr std::uint64_t mask(B... b) {
  return ((std::uint64_t{1} << b) | ...);
}

constexpr std::uint64_t kEveryEfer = 0x36fd01 & ~mask(efer::LMSLE);
constexpr std::uint64_t kInjection = 0x1f01ff;  // V_TPR, V_IRQ, V_INTR_PRIO, V_IGN_TPR

// L0's own control area and processor: what the merge starts from.
Values make_vmcb01() {
  Values v{};
  v[CapCr4Mask] = v[CapNasid] = v[CapSvmFeatures] = ~std::uint64_t{0};
  v[CapFeatures] = mask(feature::LONG_MODE);
  schema().golden(v.data());
  v[NestedCtl] = mask(nested_ctl::NP);
  v[IntCtl] = mask(int_ctl::V_INTR_MASKING);
  return v;
}

std::uint64_t merged_int_ctl(const std::uint64_t* v12) {
  constexpr std::uint64_t kVgif = mask(int_ctl::V_GIF, int_ctl::V_GIF_ENABLE);
  const bool vgif =
      (v12[CapSvmFeatures] >> svm_feature::VGIF & 1) != 0 && (v12[IntCtl] >> int_ctl::V_GIF_ENABLE & 1) != 0;
  return v12[IntCtl] & (vgif ? kInjection | kVgif : kInjection);
}

std::uint64_t merged_efer(const std::uint64_t* v12) {
  const bool paging = (v12[Cr0] >> cr0::PG & 1) != 0, lme = (v12[Efer] >> efer::LME & 1) != 0;
  const std::uint64_t e = v12[Efer] | mask(efer::SVME);
  return lme && !paging ? e & ~mask(efer::LME, efer::LMA) : e;
}

void copy_processor(const std::uint64_t* v12, Values& v) {
  for (const Slot s : {CapMaxphyaddr, CapLinearWidth, CapCBit}) v[s] = v12[s];
  v[CapEferMask] = kEveryEfer | (v12[CapEferMask] & mask(efer::LMSLE));
}

void copy_registers(const std::uint64_t* v12, Values& v) {
  v[Cr0] = v12[Cr0] & ~mask(cr0::CD, cr0::NW);
  v[Cr4] = v12[Cr4] | mask(cr4::MCE);
  v[Efer] = merged_efer(v12);
  v[Dr6] = v12[Dr6] | 0xffff0ff0;
  v[Dr7] = v12[Dr7] | 0x400;
  v[Rflags] = v12[Rflags] | 2;
  for (const Slot s : {Cr3, Cr2, Rsp, Rax, Rip}) v[s] = v12[s];
}

}  // namespace

Values merge_vmcb02(const std::uint64_t* vmcb12) {
  static const Values vmcb01 = make_vmcb01();
  Values v = vmcb01;
  copy_processor(vmcb12, v);
  v[IntCtl] |= merged_int_ctl(vmcb12);
  for (const Slot s : {IntVector, IntState, Eventinj}) v[s] = vmcb12[s];
  copy_registers(vmcb12, v);
  std::copy(vmcb12 + Cpl, vmcb12 + Rsp, v.begin() + Cpl);  // the segments
  return v;
}

Values as_l2_runs(const std::uint64_t* vmcb12) {
  Values v;
  std::copy_n(vmcb12, kMaxSlots, v.begin());
  v[IntCtl] = merged_int_ctl(vmcb12);
  v[NestedCtl] &= mask(nested_ctl::NP);
  return v;
}

}  // namespace diffvisor::svm
