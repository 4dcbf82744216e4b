// SPDX-License-Identifier: Apache-2.0
// The words rule rows are written with: the builders of rules/expr.h, guest modes, events, and one constructor for each
// kind of row.
#pragma once

#include <string_view>

#include "harness/arch/svm/fields.h"
#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/memory_map.h"
#include "harness/arch/svm/outcome.h"
#include "harness/rules/expr.h"
#include "harness/rules/rule.h"
#include "models/svm/conditions.h"

namespace diffvisor::svm::arch {

using namespace rules;

// Ascending phases: a rule of a lower one decides first. All consistency checks have one outcome, so their order cannot
// be seen; PDPTEs come last because they are memory, which a case spells out only in places.
enum Phase : std::uint8_t {
  kSvmePhase = 1,
  kCplPhase = 2,
  kOperandPhase = 3,
  kVmcbLimitPhase = 5,  // every later rule reads the VMCB
  kCheckPhase = 10,
  kPdpteLimitPhase = 19,
  kPdptePhase = 20,
  kSuccessLimitPhase = 100,
  kExitPhase = 110,  // and following, one for each event in order of priority
};

// ---- rows
constexpr Rule instruction(std::string_view id, std::string_view section, Phase phase, OutcomeKind outcome,
                           const Expr& when, const Expr& must) {
  return {id, section, Kind::Check, phase, 0, make_outcome(outcome), when, must};
}
constexpr Rule check(std::string_view id, std::string_view section, const Expr& when, const Expr& must) {
  return {id, section, Kind::Check, kCheckPhase, 0, kInvalid, when, must};
}
constexpr Rule limit(std::string_view id, unsigned phase, const Expr& when, const Expr& must) {
  return {id, "", Kind::Limit, static_cast<std::uint8_t>(phase), 0, make_outcome(OutcomeKind::Unjudged), when, must};
}
// priority 0 is the first event to be looked for.
constexpr Rule exit_event(std::string_view id, std::string_view section, unsigned priority, svm::Outcome outcome,
                          const Expr& when) {
  return {id, section, Kind::Exit, static_cast<std::uint8_t>(kExitPhase + priority), 0, outcome, when, never()};
}

// ---- what the processor offers
constexpr Expr svm_has(unsigned n) { return bit(CapSvmFeatures, n); }
constexpr Expr shadow_stacks() { return bit(CapFeatures, feature::SHADOW_STACK); }

// ---- addresses
constexpr Expr legal_address(Slot s) { return condition(kLegalAddress, all(s), all(CapCBit)); }
constexpr Expr legal_table(Slot s, TableCondition size) { return condition(size, all(s), all(CapCBit)); }

// ---- guest mode: EFER.LMA is not looked at, the processor computes it
constexpr Expr paging() { return bit(Cr0, cr0::PG); }
constexpr Expr long_mode() { return bit(Efer, efer::LME) && paging(); }
constexpr Expr not_long_mode() { return clear(Efer, efer::LME) || clear(Cr0, cr0::PG); }
constexpr Expr pae_paging() { return paging() && bit(Cr4, cr4::PAE) && clear(Efer, efer::LME); }
constexpr Expr nested_paging() { return bit(NestedCtl, nested_ctl::NP) && svm_has(svm_feature::NP); }
constexpr Expr no_nested_paging() { return clear(NestedCtl, nested_ctl::NP) || !svm_has(svm_feature::NP); }

// ---- events
constexpr Expr injecting() { return bit(Eventinj, eventinj::V); }
constexpr Slice event_type() { return bits(Eventinj, 10, 8); }
constexpr Slice event_vector() { return bits(Eventinj, 7, 0); }
constexpr Expr injecting(eventinj::Type type) { return injecting() && eq(event_type(), type); }
// A virtual interrupt that certainly exits before the first instruction: V_TPR is 0 and the priority is not.
constexpr Expr virtual_interrupt_exits() {
  return eq(bits(IntCtl, int_ctl::V_IRQ, 0), 1u << int_ctl::V_IRQ) && nonzero(bits(IntCtl, 19, 16)) &&
         bit(InterceptMisc1, misc1::VINTR) && bit(Rflags, rflags::IF) && clear(IntState, 0) && !injecting();
}
constexpr Expr virtual_interrupt_possible() { return bit(IntCtl, int_ctl::V_IRQ) && bit(Rflags, rflags::IF); }

// ---- where CR3 may point so that its PDPTEs are what the case says (see fact_is_placed)
static_assert(agent::kScratch % 0x20000 == 0 && agent::kScratchEnd - agent::kScratch == 0x20000);
constexpr Expr pdptes_are_placed() {
  return eq(bits(Cr3, 31, 17), agent::kScratch >> 17) || eq(bits(Cr3, 31, 12), agent::kGuestCr3 >> 12);
}

// ---- the guest that certainly executes VMMCALL first
constexpr Expr golden_tables() {
  return eq(all(Cr3), agent::kGuestCr3) && eq(all(Cr3Pdpte), kGoldenPml4Entry) && eq(all(Cr3Pdpte + 1), 0) &&
         eq(all(Cr3Pdpte + 2), 0) && eq(all(Cr3Pdpte + 3), 0) && clear(Cr4, cr4::LA57);
}
// The golden page directory serves PAE paging too.
inline constexpr Gpa kPaeDirectory = agent::kGuestCr3 + 2 * kPage;
constexpr Expr pae_tables() { return eq(bits(Cr3Pdpte, 63, 12), kPaeDirectory >> 12) && eq(bits(Cr3Pdpte, 8, 0), 1); }
constexpr Expr flat_code() { return eq(all(CsBase), 0) && eq(all(CsLimit), 0xffffffff) && eq(all(CsAttr), 0xc9b); }
constexpr Expr at_vmmcall() { return eq(all(Rip), agent::kGuestCode) && clear(Rflags, rflags::VM); }

}  // namespace diffvisor::svm::arch
