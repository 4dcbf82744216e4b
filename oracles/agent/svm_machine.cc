// SPDX-License-Identifier: Apache-2.0
// SVM of this machine: what APM 2 15.4 wants before VMRUN, and the nested tables.
#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/memory_map.h"
#include "oracles/agent/agent.h"

namespace diffvisor::agent {
namespace {

using namespace svm;

constexpr u32 kEferMsr = 0xc0000080, kVmCr = 0xc0010114, kVmHsavePa = 0xc0010117;
constexpr u64 kDisabled = u64{1} << 4;  // VM_CR.SVMDIS
constexpr u64 kPresentWritableUser = 7, kAccessed = 0x20, kDirty = 0x40;
constexpr u64 kUpper = kPresentWritableUser | kAccessed;
constexpr u64 kNestedPdpt = kNestedPml4 + kPage, kNestedPd = kNestedPml4 + 2 * kPage,
              kNestedPt = kNestedPml4 + 3 * kPage;
constexpr u64 kWindowPages = (kGuestWindowEnd - kGuestWindow) / kPage;
constexpr u64 kGuestTablePages = 4;

bool operating;

// A walk of the guest's tables counts as a write of them: their pages are dirty from the start, and tell nothing. Of
// any other page the dirty bit tells that the guest wrote it.
constexpr u64 leaf(u64 index) {
  return (kGuestWindow + index * kPage) | kUpper | (index < kGuestTablePages ? kDirty : 0);
}
static_assert(kGuestCr3 == kGuestWindow);

void build_nested_tables() {
  memset(at<void>(kNestedPml4), 0, kNestedTablesEnd - kNestedPml4);
  restore_nested_tables();
}

}  // namespace

bool has_svm() {
  if (cpuid(0x80000000, 0).eax < 0x8000000a || (cpuid(0x80000001, 0).ecx >> 2 & 1) == 0) return false;
  u64 vm_cr;
  return !try_rdmsr(kVmCr, &vm_cr) || (vm_cr & kDisabled) == 0;
}

bool enter_svm_operation() {
  if (operating) return true;
  if (!has_svm()) return false;
  wrmsr(kEferMsr, rdmsr(kEferMsr) | u64{1} << efer::SVME);
  agent_efer = rdmsr(kEferMsr);
  wrmsr(kVmHsavePa, kHostSave);
  memset(at<void>(kHostSave), 0, kPage);
  memset(at<void>(kVmcb), 0, 2 * kPage);
  memset(at<void>(kMsrpm), 0xff, 2 * kPage);
  memset(at<void>(kIopm), 0xff, 3 * kPage);
  build_nested_tables();
  operating = true;
  return true;
}

void restore_nested_tables() {
  *at<u64>(kNestedPml4) = kNestedPdpt | kUpper;
  *at<u64>(kNestedPdpt) = kNestedPd | kUpper;
  *at<u64>(kNestedPd + (kGuestWindow >> 21) * 8) = kNestedPt | kUpper;
  for (u64 i = 0; i < kWindowPages; ++i) at<u64>(kNestedPt)[i] = leaf(i);
}

void restore_written_pages() {
  for (u64 i = 0; i < kWindowPages; ++i) {
    if ((at<u64>(kNestedPt)[i] & kDirty) == 0) continue;
    restore_page(kGuestWindow + i * kPage);
    at<u64>(kNestedPt)[i] = leaf(i);
  }
}

}  // namespace diffvisor::agent
