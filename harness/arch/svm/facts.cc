// SPDX-License-Identifier: Apache-2.0
// The PDPTE facts: four quadwords at CR3[31:5] << 5, which a guest with PAE paging and without nested paging loads.
#include <algorithm>

#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"

namespace diffvisor::svm {
namespace {

using namespace agent;

constexpr std::size_t kPdpteBytes = 8 * kPdpteFacts;

Gpa table_of(const std::uint64_t* v) { return v[Cr3] & 0xffffffe0; }
bool settable(Gpa table) {
  return in_scratch(table, kPdpteBytes) || inside(table, kPdpteBytes, kGuestCr3, kGuestCr3 + kPage);
}

}  // namespace

void settle_facts(std::uint64_t* v) {
  if (above_ram(table_of(v), kPdpteBytes)) std::fill_n(v + Cr3Pdpte, kPdpteFacts, kReadsAboveRam);
}

bool fact_is_placed(const std::uint64_t* v, Slot) {
  return settable(table_of(v)) || above_ram(table_of(v), kPdpteBytes);
}

std::size_t fact_writes(const std::uint64_t* v, MemoryWrite* out) {
  const Gpa table = table_of(v);
  if (!settable(table)) return 0;
  std::size_t count = 0;
  for (unsigned i = 0; i < kPdpteFacts; ++i) {
    const Gpa at = table + 8 * i;
    if (v[Cr3Pdpte + i] != (at == kGuestCr3 ? kGoldenPml4Entry : 0)) out[count++] = {at, v[Cr3Pdpte + i], 8};
  }
  return count;
}

}  // namespace diffvisor::svm
