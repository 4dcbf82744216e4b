// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/msrs.h"

#include <array>
#include <bit>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/base/bits.h"

namespace diffvisor::vmx {
namespace {

constexpr Msr kMsrs[] = {
#define MSR(first, last, name, rule) {first, last, #name, MsrRule::rule},
#include "harness/arch/vmx/msrs.def"
#undef MSR
};

static_assert([] {
  for (std::size_t i = 1; i < std::size(kMsrs); ++i)
    if (kMsrs[i].first <= kMsrs[i - 1].last) return false;
  return true;
}());

constexpr std::size_t kMsrRules = static_cast<std::size_t>(MsrRule::Pkrs) + 1;
static_assert(MsrRule::Anything < MsrRule::Never && static_cast<int>(MsrRule::Never) == 1);

// Each survey asks about every entry of a list, twice, so the table is looked up and not searched.
constexpr std::uint32_t kLowMsrs = 0x900, kHighMsr = 0xc0000080, kHighMsrs = 0x84;

constexpr std::uint32_t place_of(std::uint32_t index) {
  if (index < kLowMsrs) return index;
  return index - kHighMsr < kHighMsrs ? kLowMsrs + (index - kHighMsr) : kLowMsrs + kHighMsrs;
}

// 1 + the index in kMsrs, 0 for what is not modelled; the last place is that of all other MSRs.
constexpr auto kMsrAt = [] {
  std::array<std::uint8_t, kLowMsrs + kHighMsrs + 1> at{};
  for (std::size_t i = 0; i < std::size(kMsrs); ++i)
    for (std::uint32_t index = kMsrs[i].first; index <= kMsrs[i].last; ++index)
      at[place_of(index)] = static_cast<std::uint8_t>(i + 1);
  return at;
}();
static_assert(kMsrAt.back() == 0 && std::size(kMsrs) < 255);

constexpr Wrmsr legal_if(bool condition) { return condition ? Wrmsr::Legal : Wrmsr::Faults; }
constexpr Wrmsr legal_within(std::uint64_t value, std::uint64_t mask) { return legal_if((value & ~mask) == 0); }
constexpr bool has(const std::uint64_t* v, unsigned feature) { return (v[CapFeatures] >> feature & 1) != 0; }
Wrmsr canonical(const std::uint64_t* v, std::uint64_t value) {
  return legal_if(is_canonical(value, v[CapLinearWidth]));
}

// SDM 3A 12.11: 2, 3 and everything above 6 is reserved. Unlike PAT, MTRRs have no UC-.
constexpr bool is_mtrr_type(std::uint64_t type) { return type < 8 && (0x73 >> type & 1) != 0; }

constexpr bool are_mtrr_types(std::uint64_t bytes) {
  for (; bytes != 0; bytes >>= 8)
    if (!is_mtrr_type(bytes & 0xff)) return false;
  return true;
}

constexpr bool are_pat_types(std::uint64_t bytes) {
  for (; bytes != 0; bytes >>= 8)
    if ((bytes & 0xff) > 7 || (0xf3 >> (bytes & 0xff) & 1) == 0) return false;
  return true;
}

// An address in bits 63:12. Whether TME key bits are reserved here depends on the MSR; that stays open.
Wrmsr physical(const std::uint64_t* v, std::uint64_t value) {
  if (shift_right(value, v[CapMaxphyaddr] + v[CapTmeKeyidBits]) != 0) return Wrmsr::Faults;
  return shift_right(value, v[CapMaxphyaddr]) != 0 ? Wrmsr::NotModelled : Wrmsr::Legal;
}

Wrmsr mtrr_phys(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  const bool mask = (index & 1) != 0;
  if (mask ? (value & 0x7ff) != 0 : (value & 0xf00) != 0 || !is_mtrr_type(value & 0xff)) return Wrmsr::Faults;
  return physical(v, value);
}

// SDM 3A 11.4.4 and 11.12.1. Legal writes depend on the APIC's present mode and would take the agent's APIC away.
Wrmsr apic_base(const std::uint64_t* v, std::uint64_t value) {
  const bool enabled = (value >> 11 & 1) != 0, x2apic = (value >> 10 & 1) != 0;
  if ((value & 0x2ff) != 0 || (x2apic && (!enabled || !has(v, feature::X2APIC)))) return Wrmsr::Faults;
  return physical(v, value) == Wrmsr::Faults ? Wrmsr::Faults : Wrmsr::NotModelled;
}

// SDM 1 17.2.1. Bits 13:12 are the low end of the bitmap's page number; processors disagree about them.
Wrmsr cet(const std::uint64_t* v, std::uint64_t value) {
  if (!has(v, feature::CET) || (value & 0x3c0) != 0 || (value >> 10 & 3) == 3) return Wrmsr::Faults;
  if (!is_canonical(value, v[CapLinearWidth])) return Wrmsr::Faults;
  return (value & 0x3000) != 0 ? Wrmsr::NotModelled : Wrmsr::Legal;
}

// SDM 1 17.2.3: bits 1:0 are reserved; bit 2 matters only to the supervisor token.
Wrmsr shadow_stack(const std::uint64_t* v, std::uint64_t value) {
  if (!has(v, feature::CET) || (value & 3) != 0 || !is_canonical(value, v[CapLinearWidth])) return Wrmsr::Faults;
  return (value & 4) != 0 ? Wrmsr::NotModelled : Wrmsr::Legal;
}

// Whether judge() may say NotModelled.
constexpr bool leaves_open(MsrRule rule) {
  switch (rule) {
    case MsrRule::Low32OrOpen:
    case MsrRule::ApicBase:
    case MsrRule::MtrrPhys:
    case MsrRule::Cet:
    case MsrRule::ShadowStack:
      return true;
    case MsrRule::Anything:
    case MsrRule::Never:
    case MsrRule::Low32:
    case MsrRule::Canonical:
    case MsrRule::Pat:
    case MsrRule::Efer:
    case MsrRule::Debugctl:
    case MsrRule::PerfGlobalCtrl:
    case MsrRule::SpecCtrl:
    case MsrRule::PredCmd:
    case MsrRule::MtrrFixed:
    case MsrRule::MtrrDefType:
    case MsrRule::ShadowStackTable:
    case MsrRule::Pkrs:
      return false;
  }
  return true;
}

Wrmsr judge(const std::uint64_t* v, std::uint32_t index, std::uint64_t value, MsrRule rule) {
  switch (rule) {
    case MsrRule::Anything:
      return Wrmsr::Legal;
    case MsrRule::Never:
      return Wrmsr::Faults;
    case MsrRule::Low32:
      return legal_within(value, 0xffffffff);
    case MsrRule::Low32OrOpen:
      return value >> 32 != 0 ? Wrmsr::NotModelled : Wrmsr::Legal;
    case MsrRule::Canonical:
      return canonical(v, value);
    case MsrRule::Pat:
      return legal_if(are_pat_types(value));
    case MsrRule::Efer:
      return legal_within(value, v[CapEferMask]);
    case MsrRule::Debugctl:
      return legal_within(value, v[CapDebugctlMask]);
    case MsrRule::PerfGlobalCtrl:
      return v[CapPerfGlobalCtrlMask] == 0 ? Wrmsr::Faults : legal_within(value, v[CapPerfGlobalCtrlMask]);
    case MsrRule::SpecCtrl:
      return v[CapSpecCtrlMask] == 0 ? Wrmsr::Faults : legal_within(value, v[CapSpecCtrlMask]);
    case MsrRule::PredCmd:
      return (v[CapSpecCtrlMask] & 1) == 0 ? Wrmsr::Faults : legal_within(value, 1);
    case MsrRule::ApicBase:
      return apic_base(v, value);
    case MsrRule::MtrrPhys:
      return mtrr_phys(v, index, value);
    case MsrRule::MtrrFixed:
      return legal_if(are_mtrr_types(value));
    case MsrRule::MtrrDefType:
      return legal_if((value & ~std::uint64_t{0xcff}) == 0 && is_mtrr_type(value & 0xff));
    case MsrRule::Cet:
      return cet(v, value);
    case MsrRule::ShadowStack:
      return shadow_stack(v, value);
    case MsrRule::ShadowStackTable:
      return has(v, feature::CET) ? canonical(v, value) : Wrmsr::Faults;
    case MsrRule::Pkrs:
      return (v[CapCr4Fixed1] >> cr4::PKS & 1) == 0 ? Wrmsr::Faults : legal_within(value, 0xffffffff);
  }
  return Wrmsr::NotModelled;
}

}  // namespace

std::span<const Msr> msrs() { return kMsrs; }

const Msr* find_msr(std::uint32_t index) {
  const std::uint8_t at = kMsrAt[place_of(index)];
  return at == 0 ? nullptr : &kMsrs[at - 1];
}

Wrmsr wrmsr(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  if (index == kFillerMsr) return Wrmsr::Legal;  // what nearly every list entry is
  const Msr* m = find_msr(index);
  return m == nullptr ? Wrmsr::NotModelled : judge(v, index, value, m->rule);
}

bool is_modelled(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  const Msr* m = find_msr(index);
  return m != nullptr && (!leaves_open(m->rule) || judge(v, index, value, m->rule) != Wrmsr::NotModelled);
}

std::uint64_t wrmsr_faults_each(const std::uint64_t* const* states, std::uint64_t among, std::size_t index,
                                std::size_t value) {
  // Rule by rule: a jump that goes elsewhere for each state costs more than all the rest.
  std::array<std::uint64_t, kMsrRules> with{};
  for (; among != 0; among &= among - 1) {
    const int i = std::countr_zero(among);
    const Msr* m = find_msr(static_cast<std::uint32_t>(states[i][index]));
    with[static_cast<std::size_t>(m == nullptr ? MsrRule::Anything : m->rule)] |= among & (~among + 1);
  }
  std::uint64_t out = with[static_cast<std::size_t>(MsrRule::Never)];
  for (std::size_t r = static_cast<std::size_t>(MsrRule::Never) + 1; r < kMsrRules; ++r)
    for (std::uint64_t left = with[r]; left != 0; left &= left - 1) {
      const std::uint64_t* v = states[std::countr_zero(left)];
      if (judge(v, static_cast<std::uint32_t>(v[index]), v[value], static_cast<MsrRule>(r)) == Wrmsr::Faults)
        out |= left & (~left + 1);
    }
  return out;
}

std::optional<std::uint64_t> value_for(Rng& rng, const std::uint64_t* v, std::uint32_t index, std::uint64_t value,
                                       Wrmsr wanted) {
  const Msr* m = find_msr(index);
  const MsrRule rule = m == nullptr ? MsrRule::Never : m->rule;
  if (rule == MsrRule::Never || rule == MsrRule::Anything) {  // whatever the value
    return wrmsr(v, index, value) == wanted ? std::optional(value) : std::nullopt;
  }
  // Where any value is legal 0 is.
  if (wanted == Wrmsr::Legal && judge(v, index, 0, rule) != Wrmsr::Legal) return std::nullopt;
  const std::uint64_t masks[] = {0xffffffff,
                                 0xfffffff8,
                                 v[CapEferMask],
                                 v[CapDebugctlMask],
                                 v[CapPerfGlobalCtrlMask],
                                 v[CapSpecCtrlMask],
                                 ones(static_cast<unsigned>(v[CapMaxphyaddr])) & ~ones(12)};
  for (const std::uint64_t mask : masks)
    if (judge(v, index, value & mask, rule) == wanted) return value & mask;
  const std::uint64_t near[] = {sign_extend(value, v[CapLinearWidth]),
                                sign_extend(value, v[CapLinearWidth]) & ~ones(14),
                                0x0606060606060606,
                                0,
                                2,
                                ~std::uint64_t{0}};
  for (const std::uint64_t other : near)
    if (judge(v, index, other, rule) == wanted) return other;
  for (unsigned tries = 0; tries < 64; ++tries) {
    const std::uint64_t other = value ^ std::uint64_t{1} << rng.below(64);
    if (judge(v, index, other, rule) == wanted) return other;
  }
  return std::nullopt;
}

}  // namespace diffvisor::vmx
