// SPDX-License-Identifier: Apache-2.0
#include "oracles/machines/random_cases.h"

#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/arch/svm/schema.h"
#include "harness/arch/vmx/schema.h"
#include "oracles/agent/insn_step_codec.h"
#include "oracles/agent/svm_entry_codec.h"
#include "oracles/agent/vmx_entry_codec.h"

namespace diffvisor {
namespace {

bool is_vmx_hazard(const Field& f) {
  switch (f.slot) {
    case vmx::HostCr3:
    case vmx::HostRip:  // the way home
    case vmx::ExitMsrLoadCount:
    case vmx::ExitMsrLoadAddr:  // a bad list is a VMX abort
    case vmx::ExitMsrStoreCount:
    case vmx::ExitMsrStoreAddr:
    case vmx::ActivityState:
    case vmx::PreemptionTimer:
    case vmx::Pin:  // a guest that sleeps for ever
      return true;
    default:
      return f.role != Role::State;
  }
}

bool vmx_entered(rules::Outcome o) { return vmx::kind_of(o) == vmx::OutcomeKind::Entered; }

constexpr Variant kVmxVariants[] = {{"probe timer", vmx::Probe, vmx::kTimerZero},
                                    {"probe vmcall", vmx::Probe, vmx::kVmcall}};

bool is_svm_hazard(const Field& f) {
  switch (f.slot) {
    case svm::VmcbAddress:     // some of them cannot be
    case svm::InterceptMisc1:  // a guest that halts or shuts down
    case svm::InterceptMisc2:
    case svm::InterceptExc:
    case svm::NestedCtl:
    case svm::Ncr3:  // the way into the agent's memory
    case svm::Rip:
    case svm::Rsp:  // the same without any paging
    case svm::Cr3:  // Bochs 2.7 crashes beyond MAXPHYADDR
    case svm::Cr0:  // and panics on long mode without protection
      return true;
    default:
      return f.role != Role::State;
  }
}

bool svm_entered(rules::Outcome o) { return svm::kind_of(o) == svm::OutcomeKind::Entered; }

constexpr Variant kSvmVariants[] = {{"probe vmmcall", svm::Probe, svm::kVmmcall}};

bool is_insn_hazard(const Field& f) { return f.role != Role::State; }

bool insn_ran(rules::Outcome) { return true; }

constexpr Variant kInsnVariants[] = {{"real 16", insn::ModeOf, insn::kReal16},
                                     {"virtual 8086", insn::ModeOf, insn::kVirtual8086},
                                     {"protected 32", insn::ModeOf, insn::kProtected32},
                                     {"long 64", insn::ModeOf, insn::kLong64}};

}  // namespace

std::span<const RandomDomain> random_domains() {
  static const RandomDomain kDomains[] = {
      {"vmx_entry", agent::vmx_entry_codec(), &is_vmx_hazard, &vmx::settle_facts, &vmx_entered, &vmx::outcome_text,
       kVmxVariants},
      {"svm_entry", agent::svm_entry_codec(), &is_svm_hazard, &svm::settle_facts, &svm_entered, &svm::outcome_text,
       kSvmVariants},
      // PUSH RAX
      {"x86_insn", agent::insn_step_codec(), &is_insn_hazard, &insn::settle, &insn_ran, &insn::outcome_text,
       kInsnVariants, "\x50"},
  };
  return kDomains;
}

const RandomDomain* find_random_domain(std::string_view name) {
  for (const RandomDomain& d : random_domains())
    if (d.name == name) return &d;
  return nullptr;
}

Case golden_of(const RandomDomain& domain, std::uint16_t profile, const Variant& variant) {
  Case c = golden_case(domain.codec.schema(), profile);
  c[variant.slot] = variant.value;
  reset_to_golden(c);
  for (const char b : domain.code) c.areas[0].push_back(static_cast<std::byte>(b));
  return c;
}

Case flipped(Rng& rng, const RandomDomain& domain, const Case& from, unsigned flips) {
  Case c = from;
  while (flips > 0) {
    const Field& f = rng.pick(c.schema->fields);
    if (domain.is_hazard(f)) continue;
    c[f.slot] ^= std::uint64_t{1} << rng.below(f.width);
    --flips;
  }
  domain.normalise(c.v.data());
  return c;
}

}  // namespace diffvisor
