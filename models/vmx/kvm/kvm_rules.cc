// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/kvm_rules.h"

#include <algorithm>
#include <array>

#include "harness/arch/vmx/outcome.h"
#include "harness/rules/compile.h"
#include "models/def_rows.h"
#include "models/vmx/kvm/kvm_expr.h"
#include "models/vmx/kvm/set_msr.h"

namespace diffvisor::vmx {
namespace {

using rules::FreeCondition;
using rules::Kind;
using rules::Rule;
using rules::Slice;

// ---- named conditions

bool set_msr_accepts_holds(const std::uint64_t* v, Slice a, Slice b) {
  return kvm_set_msr(v, static_cast<std::uint32_t>(v[a.slot]), v[b.slot]) != MsrVerdict::Refuses;
}
bool set_msr_known_holds(const std::uint64_t* v, Slice a, Slice b) {
  return kvm_set_msr(v, static_cast<std::uint32_t>(v[a.slot]), v[b.slot]) != MsrVerdict::Unknown;
}

// A harmless register, or one that is never writable.
bool make_set_msr(std::uint64_t* v, const rules::Locks& locks, Slice a, Slice, bool want, Rng&) {
  if (locks[a.slot] != 0) return false;
  v[a.slot] = want ? kFillerMsr : 0x480;
  return true;
}

constexpr std::array<FreeCondition, 2> kFunctions = {{
    {"set_msr_accepts", set_msr_accepts_holds, make_set_msr, 0},
    {"set_msr_known", set_msr_known_holds, make_set_msr, 0},
}};

// ---- rows

// One phase for each step of KVM, and two for each entry of the list: reading it, and writing the register.
constexpr unsigned kListPhase = 200;
constexpr std::uint8_t phase_of(unsigned place) {
  return static_cast<std::uint8_t>(place < 97 ? place : kListPhase + 2 * kEntryMsrFacts);
}
constexpr std::uint8_t list_phase(unsigned entry, unsigned step) {
  return static_cast<std::uint8_t>(kListPhase + 2 * (entry - 1) + step);
}

constexpr const char* kPermission = "nested.c nested_vmx_check_permission";
constexpr const char* kRun = "nested.c nested_vmx_run";
constexpr const char* kExec = "nested.c nested_check_vm_execution_controls";
constexpr const char* kEptp = "nested.c nested_vmx_check_eptp";
constexpr const char* kExit = "nested.c nested_check_vm_exit_controls";
constexpr const char* kEntry = "nested.c nested_check_vm_entry_controls";
constexpr const char* kAddressSpace = "nested.c nested_vmx_check_address_space_size";
constexpr const char* kHost = "nested.c nested_vmx_check_host_state";
constexpr const char* kPages = "nested.c nested_get_vmcs12_pages";
constexpr const char* kGuest = "nested.c nested_vmx_check_guest_state";
constexpr const char* kLink = "nested.c nested_vmx_check_vmcs_link_ptr";
constexpr const char* kSegments = "vmx.c vmx_guest_state_valid";
constexpr const char* kLoadCr3 = "nested.c nested_vmx_load_cr3";
constexpr const char* kMsrLoad = "nested.c nested_vmx_load_msr";

constexpr Outcome kGp = make_outcome(OutcomeKind::GeneralProtection);
constexpr Outcome kFailInvalid = make_outcome(OutcomeKind::FailInvalid);
constexpr Outcome k7 = fail_valid(7);
constexpr Outcome k8 = fail_valid(8);
constexpr Outcome q(unsigned qualification) { return fail_guest(qualification); }
constexpr Outcome kNobodyKnows = make_outcome(OutcomeKind::Unjudged);

constexpr auto make_rows() {
  using namespace kvm;
  using rules::covers;
  using rules::in;
  using rules::pat;
  using rules::same;
  using rules::subset;
  return std::to_array<Rule>({
#define ROW(place, id, section, outcome, when, must, specs) \
  Rule{id, section, Kind::Check, phase_of(place), 0, outcome, when, must},
#define LIMIT(place, id, section, when, must, specs) \
  Rule{id, section, Kind::Limit, phase_of(place), 0, kNobodyKnows, when, must},
#define MSR_ROW(i, step, id, when, must, specs) \
  Rule{id, kMsrLoad, Kind::Check, list_phase(i, step), i, fail_msr(i), when, must},
#define MSR_LIMIT(i, step, id, when, must, specs) \
  Rule{id, kMsrLoad, Kind::Limit, list_phase(i, step), i, kNobodyKnows, when, must},
#include "models/vmx/kvm/kvm_rows.def"
#undef ROW
#undef LIMIT
#undef MSR_ROW
#undef MSR_LIMIT
  });
}

constexpr auto kRows = make_rows();

constexpr auto kNotes = std::to_array<models::KvmRowNote>({
#define ROW(place, id, section, outcome, when, must, specs) {place, specs},
#define LIMIT(place, id, section, when, must, specs) {place, specs},
#define MSR_ROW(i, step, id, when, must, specs) {98, specs},
#define MSR_LIMIT(i, step, id, when, must, specs) {98, specs},
#include "models/vmx/kvm/kvm_rows.def"
#undef ROW
#undef LIMIT
#undef MSR_ROW
#undef MSR_LIMIT
});
static_assert(kNotes.size() == kRows.size());
static_assert(std::ranges::is_sorted(kRows, {}, &Rule::phase));

constexpr rules::RuleSet kSet = rules::make_rule_set<kRows, kFunctions>();

constexpr auto kExceptions = std::to_array<models::KvmException>({
#include "models/vmx/kvm/kvm_exceptions.def"
});

constexpr auto kClaims = std::to_array<rules::Claim>({
    {"kvm.exec.mode_based_execute_needs_ept", "kvm.exec.proc2.never_offered", "KVM 6.1 never offers the control"},
    {"kvm.host.as.guest_mode", "kvm.host.as.host64", "L1 is in long mode, so a 32-bit host fails first"},
    {"kvm.host.as.pcide", "kvm.host.as.host64", "L1 is in long mode, so a 32-bit host fails first"},
    {"kvm.host.as.rip_high", "kvm.host.as.host64", "L1 is in long mode, so a 32-bit host fails first"},
    {"kvm.host.ss.null", "kvm.host.as.host64", "L1 is in long mode, so a 32-bit host fails first"},
});

constexpr models::KvmTable kTable = {&kSet, kNotes, kClaims, kExceptions};

}  // namespace

const rules::RuleSet& kvm_rules() { return kSet; }
const models::KvmTable& kvm_table() { return kTable; }

}  // namespace diffvisor::vmx
