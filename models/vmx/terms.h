// SPDX-License-Identifier: Apache-2.0
// The words rule rows are written with: the builders of rules/expr.h, controls as they act (a secondary control counts
// as 0 while its activation bit is 0), and one constructor for each kind of row.
#pragma once

#include <string_view>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/golden.h"
#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/outcome.h"
#include "harness/rules/expr.h"
#include "harness/rules/rule.h"

namespace diffvisor::vmx::arch {

using rules::all;
using rules::always;
using rules::bit;
using rules::bits;
using rules::canonical;
using rules::clear;
using rules::condition;
using rules::covers;
using rules::eq;
using rules::Expr;
using rules::fits;
using rules::high_equal;
using rules::in;
using rules::Kind;
using rules::last_fits;
using rules::le;
using rules::never;
using rules::nonzero;
using rules::pat;
using rules::Rule;
using rules::same;
using rules::Slice;
using rules::subset;
using rules::zero;

// Ascending phases: a rule of a lower one decides first. 29.1, 29.2 and 29.3.1 give this order; inside 29.2 and inside
// 29.3.1 it is open. Limits come right before the first rule that would read what they guard.
enum Phase : std::uint8_t {
  kCplPhase = 1,
  kNoCurrentPhase = 2,
  kShadowCurrentPhase = 3,
  kMovSsPhase = 4,
  kLaunchStatePhase = 5,
  kControlLimitPhase = 9,
  kControlPhase = 10,    // 29.2: controls (error 7) and host state (error 8)
  kHostLimitPhase = 12,  // every later outcome loads host state
  kGuestLimitPhase = 19,
  kGuestPhase = 20,  // 29.3.1
  kMsrListPhase = 29,
  kMsrEntryPhase = 30,  // + 2i: entry i is not modelled; + 2i + 1: its checks
  kMsrTailPhase = 40,
  kSuccessLimitPhase = 100,
  kExitPhase = 110,  // and following, one for each event in order of priority
};

// ---- rows
constexpr Rule control(std::string_view id, std::string_view section, const Expr& when, const Expr& must) {
  return {id, section, Kind::Check, kControlPhase, 0, fail_valid(7), when, must};
}
constexpr Rule host(std::string_view id, std::string_view section, const Expr& when, const Expr& must) {
  return {id, section, Kind::Check, kControlPhase, 0, fail_valid(8), when, must};
}
constexpr Rule guest(std::string_view id, std::string_view section, const Expr& when, const Expr& must,
                     unsigned qualification = 0) {
  return {id, section, Kind::Check, kGuestPhase, 0, fail_guest(qualification), when, must};
}
constexpr Rule limit(std::string_view id, unsigned phase, const Expr& when, const Expr& must) {
  return {id, "", Kind::Limit, static_cast<std::uint8_t>(phase), 0, make_outcome(OutcomeKind::Unjudged), when, must};
}
// priority 0 is the first event to be looked for.
constexpr Rule exit_event(std::string_view id, std::string_view section, unsigned priority, vmx::Outcome outcome,
                          const Expr& when) {
  return {id, section, Kind::Exit, static_cast<std::uint8_t>(kExitPhase + priority), 0, outcome, when, never()};
}

// ---- controls as they act
constexpr Expr secondary(unsigned n) { return bit(Proc, proc::SECONDARY) && bit(Proc2, n); }
constexpr Expr tertiary(unsigned n) { return bit(Proc, proc::TERTIARY) && bit(Proc3, n); }
constexpr Expr tpr_shadow() { return bit(Proc, proc::TPRSH); }
constexpr Expr ept() { return secondary(proc2::EPT); }
constexpr Expr unrestricted() { return secondary(proc2::URG); }
constexpr Expr ia32e() { return bit(Entry, entry_ctl::IA32E); }
constexpr Expr not_ia32e() { return clear(Entry, entry_ctl::IA32E); }
constexpr Expr host64() { return bit(Exit, exit_ctl::HOST64); }
constexpr Expr host32() { return clear(Exit, exit_ctl::HOST64); }
constexpr Expr feature_bit(unsigned n) { return bit(CapFeatures, n); }

// ---- addresses
constexpr Expr page_aligned(Slot s) { return zero(s, 11, 0); }
// Physical width, and 32 bits where VMX_BASIC[48] says that VMX structures lie below 4 GiB.
constexpr Expr vmx_width(Slot s) { return fits(all(s), CapMaxphyaddr) && (clear(CapVmxBasic, 48) || zero(s, 63, 32)); }
constexpr Expr width(Slot s) { return fits(all(s), CapMaxphyaddr); }
constexpr Expr linear(Slot s) { return canonical(s, CapLinearWidth); }

// ---- injected event
constexpr Expr injecting() { return bit(EntryIntrInfo, 31); }
constexpr Slice event_type() { return bits(EntryIntrInfo, 10, 8); }
constexpr Slice event_vector() { return bits(EntryIntrInfo, 7, 0); }
constexpr Expr injecting(unsigned type) { return injecting() && eq(event_type(), type); }

// ---- guest mode
constexpr Expr v86() { return bit(GuestRflags, rflags::VM); }
constexpr Expr not_v86() { return clear(GuestRflags, rflags::VM); }
constexpr Expr paging() { return bit(GuestCr0, cr0::PG); }
// 32-bit PAE paging: the only mode that loads PDPTEs.
constexpr Expr pae_paging() { return paging() && bit(GuestCr4, cr4::PAE) && not_ia32e(); }

// ---- where a page may lie so that its facts hold (see fact_is_placed): scratch pages, or above RAM.
static_assert(kScratch % 0x20000 == 0 && kScratchEnd - kScratch == 0x20000);
static_assert(kRamEnd == 1u << 26 && kDevices == 0x3fbu << 22 && kDevicesEnd == std::uint64_t{1} << 32);
constexpr Expr in_scratch(Slot s) { return eq(bits(s, 63, 17), kScratch >> 17); }
constexpr Expr above_ram(Slot s) {
  return nonzero(bits(s, 63, 32)) || (nonzero(bits(s, 31, 26)) && le(bits(s, 31, 22), 0x3fa));
}

}  // namespace diffvisor::vmx::arch
