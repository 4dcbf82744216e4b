// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/msrs.h"

#include <array>
#include <bit>
#include <initializer_list>
#include <utility>

#include "harness/arch/vmx/fields.h"
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

constexpr std::size_t kMsrRules = static_cast<std::size_t>(MsrRule::Unknown) + 1;

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

constexpr auto kRuleAt = [] {
  std::array<MsrRule, kMsrAt.size()> at{};
  for (std::size_t i = 0; i < at.size(); ++i) at[i] = kMsrAt[i] == 0 ? MsrRule::Unknown : kMsrs[kMsrAt[i] - 1].rule;
  return at;
}();

constexpr MsrRule rule_of(std::uint32_t index) { return kRuleAt[place_of(index)]; }

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

constexpr std::uint32_t set_of(std::initializer_list<MsrRule> rules) {
  std::uint32_t set = 0;
  for (const MsrRule r : rules) set |= std::uint32_t{1} << static_cast<unsigned>(r);
  return set;
}
constexpr bool is_in(MsrRule rule, std::uint32_t set) { return (set >> static_cast<unsigned>(rule) & 1) != 0; }
static_assert(kMsrRules <= 32);

// Rules by which judge() may say NotModelled, and those by which it never says Faults.
constexpr std::uint32_t kLeavesOpen = set_of(
    {MsrRule::Low32OrOpen, MsrRule::ApicBase, MsrRule::MtrrPhys, MsrRule::Cet, MsrRule::ShadowStack, MsrRule::Unknown});
constexpr std::uint32_t kNeverFaults = set_of({MsrRule::Anything, MsrRule::Low32OrOpen, MsrRule::Unknown});

// Inline: most callers know the rule.
[[gnu::always_inline]] inline Wrmsr judge(const std::uint64_t* v, std::uint32_t index, std::uint64_t value,
                                          MsrRule rule) {
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
    case MsrRule::Unknown:
      break;
  }
  return Wrmsr::NotModelled;
}

template <MsrRule R>
std::uint64_t judge_each(const std::uint64_t* const* states, std::uint64_t among, std::size_t index, std::size_t value,
                         Wrmsr verdict) {
  std::uint64_t out = 0;
  for (; among != 0; among &= among - 1) {
    const int i = std::countr_zero(among);
    const std::uint64_t* v = states[i];
    out |= std::uint64_t{judge(v, static_cast<std::uint32_t>(v[index]), v[value], R) == verdict} << i;
  }
  return out;
}

template <MsrRule R>
std::optional<std::uint64_t> value_by(Rng& rng, const std::uint64_t* v, std::uint32_t index, std::uint64_t value,
                                      Wrmsr wanted) {
  const auto is_wanted = [&](std::uint64_t x) { return judge(v, index, x, R) == wanted; };
  if constexpr (R == MsrRule::Never || R == MsrRule::Anything || R == MsrRule::Unknown)  // whatever the value
    return is_wanted(value) ? std::optional(value) : std::nullopt;
  // Where any value is legal 0 is.
  if (wanted == Wrmsr::Legal && !is_wanted(0)) return std::nullopt;
  const std::uint64_t masks[] = {0xffffffff,
                                 0xfffffff8,
                                 v[CapEferMask],
                                 v[CapDebugctlMask],
                                 v[CapPerfGlobalCtrlMask],
                                 v[CapSpecCtrlMask],
                                 ones(static_cast<unsigned>(v[CapMaxphyaddr])) & ~ones(12)};
  for (const std::uint64_t mask : masks)
    if (is_wanted(value & mask)) return value & mask;
  const std::uint64_t near[] = {sign_extend(value, v[CapLinearWidth]),
                                sign_extend(value, v[CapLinearWidth]) & ~ones(14),
                                0x0606060606060606,
                                0,
                                2,
                                ~std::uint64_t{0}};
  for (const std::uint64_t other : near)
    if (is_wanted(other)) return other;
  for (unsigned tries = 0; tries < 64; ++tries) {
    const std::uint64_t other = value ^ std::uint64_t{1} << rng.below(64);
    if (is_wanted(other)) return other;
  }
  return std::nullopt;
}

constexpr auto kJudgeEach = []<std::size_t... R>(std::index_sequence<R...>) {
  return std::array{&judge_each<static_cast<MsrRule>(R)>...};
}
(std::make_index_sequence<kMsrRules>{});

constexpr auto kValueBy = []<std::size_t... R>(std::index_sequence<R...>) {
  return std::array{&value_by<static_cast<MsrRule>(R)>...};
}
(std::make_index_sequence<kMsrRules>{});

}  // namespace

std::span<const Msr> msrs() { return kMsrs; }

const Msr* find_msr(std::uint32_t index) {
  const std::uint8_t at = kMsrAt[place_of(index)];
  return at == 0 ? nullptr : &kMsrs[at - 1];
}

Wrmsr wrmsr(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  return judge(v, index, value, rule_of(index));
}

bool is_modelled(const std::uint64_t* v, std::uint32_t index, std::uint64_t value) {
  const MsrRule rule = rule_of(index);
  return !is_in(rule, kLeavesOpen) || judge(v, index, value, rule) != Wrmsr::NotModelled;
}

std::uint64_t wrmsr_each(const std::uint64_t* const* states, std::uint64_t among, std::size_t index, std::size_t value,
                         Wrmsr verdict) {
  // Rule by rule: a jump that goes elsewhere for each state costs more than all the rest.
  std::array<std::uint64_t, kMsrRules> with{};
  std::uint32_t rules = 0;
  for (; among != 0; among &= among - 1) {
    const auto rule =
        static_cast<std::size_t>(rule_of(static_cast<std::uint32_t>(states[std::countr_zero(among)][index])));
    with[rule] |= among & (~among + 1);
    rules |= std::uint32_t{1} << rule;
  }
  const std::uint32_t never = verdict == Wrmsr::Faults        ? kNeverFaults
                              : verdict == Wrmsr::NotModelled ? ~kLeavesOpen
                                                              : 0;
  std::uint64_t out = 0;
  for (rules &= ~never; rules != 0; rules &= rules - 1) {
    const auto rule = static_cast<std::size_t>(std::countr_zero(rules));
    out |= kJudgeEach[rule](states, with[rule], index, value, verdict);
  }
  return out;
}

std::optional<std::uint64_t> value_for(Rng& rng, const std::uint64_t* v, std::uint32_t index, std::uint64_t value,
                                       Wrmsr wanted) {
  return kValueBy[static_cast<std::size_t>(rule_of(index))](rng, v, index, value, wanted);
}

}  // namespace diffvisor::vmx
