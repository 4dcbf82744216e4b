// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/conditions.h"

#include "harness/arch/vmx/memory_map.h"
#include "harness/rules/leaf.h"

namespace diffvisor::vmx::arch {
namespace {

using rules::Locks;
using rules::put;
using rules::Slice;

// Rows of their own forbid these in the list: no way out for a row that wants a legal entry.
constexpr bool is_refused(std::uint32_t index) {
  return index == 0xc0000100 || index == 0xc0000101 || index >> 8 == 8 || index == 0x9b;
}

// Gives the entry a value with this verdict; failing that, another MSR that has one.
bool give_verdict(std::uint64_t* v, const Locks& locks, Slice a, Slice b, Wrmsr wanted, Rng& rng) {
  const auto value_of = [&](std::uint32_t index) { return value_for(rng, v, index, v[b.slot], wanted); };
  const auto here = value_of(static_cast<std::uint32_t>(v[a.slot]));
  if (here && put(v, locks, b.slot, *here)) return true;
  for (unsigned tries = 0; tries < 32; ++tries) {
    const Msr& m = rng.pick(msrs());
    const auto index = static_cast<std::uint32_t>(m.first + rng.below(m.last - m.first + 1));
    if (is_refused(index)) continue;
    const auto value = value_of(index);
    const std::uint64_t old = v[a.slot];
    if (!value || !put(v, locks, a.slot, index)) continue;
    if (put(v, locks, b.slot, *value)) return true;
    v[a.slot] = old;
  }
  return false;
}

}  // namespace

bool make_msr_modelled(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  if (want) return give_verdict(v, locks, a, b, Wrmsr::Legal, rng);
  for (unsigned tries = 0; tries < 32; ++tries) {
    const auto index = static_cast<std::uint32_t>(rng.next());
    if (find_msr(index) == nullptr && put(v, locks, a.slot, index)) return true;
  }
  return false;
}

bool make_wrmsr_legal(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  return give_verdict(v, locks, a, b, want ? Wrmsr::Legal : Wrmsr::Faults, rng);
}

bool make_cr3_fit_with_keys(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  const std::uint64_t width = v[CapMaxphyaddr] + v[b.slot];
  if (width > 60) return want;
  const std::uint64_t high = ones(61) & ~ones(static_cast<unsigned>(width));
  if (want) return put(v, locks, a.slot, v[a.slot] & ~high);
  return put(v, locks, a.slot, v[a.slot] | std::uint64_t{1} << (width + rng.below(61 - width)));
}

bool make_link_have_revision(std::uint64_t* v, const Locks& locks, Slice a, Slice b, bool want, Rng& rng) {
  const std::uint64_t flip = want ? 0 : std::uint64_t{1} << rng.below(31);
  const std::uint64_t dword = (v[b.slot] & ~ones(31)) | ((v[CapVmxBasic] & ones(31)) ^ flip);
  if (!put(v, locks, b.slot, dword)) return false;
  for (unsigned tries = 0; want && v[a.slot] >= kRamEnd && tries < 32; ++tries) {
    const Gpa page = kScratch + kPage * rng.below((kScratchEnd - kScratch) / kPage);
    if (put(v, locks, a.slot, page | (v[a.slot] & (kPage - 1)))) break;
  }
  return true;
}

}  // namespace diffvisor::vmx::arch
