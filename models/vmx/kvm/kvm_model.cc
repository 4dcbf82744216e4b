// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/kvm/kvm_model.h"

#include <algorithm>
#include <array>
#include <optional>

#include "harness/arch/vmx/fields.h"
#include "harness/arch/vmx/outcome.h"
#include "models/vmx/arch.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/kvm/kvm_rules.h"
#include "models/vmx/kvm/vmcs02.h"
#include "models/vmx/terms.h"

namespace diffvisor::vmx {
namespace {

using rules::Kind;
using rules::Rule;
using rules::RuleSet;
using rules::Survey;

constexpr std::uint32_t kTimerExit = 52;
constexpr unsigned kAfterTheList = 99, kEverything = 255;  // between the phases of arch_rules()
constexpr std::string_view kWaitForSipi = "vmx.limit.wait_for_sipi";

Observation observation(Outcome outcome) {
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome;
  fill_record(o);
  return o;
}

Observation judged(const Rule& row, Outcome outcome) {
  if (row.kind != Kind::Limit) return observation(outcome);
  return incomparable(row.id == kUserspaceRow ? "userspace_exit" : row.id);
}

std::optional<KvmRuling> software(const std::uint64_t* v, const rules::EditedRules& table) {
  const auto row = models::deciding_row(table, v);
  if (!row) return std::nullopt;
  return KvmRuling{KvmStage::Software, *row, judged(table.set().rows[*row], table.outcome(*row))};
}

// Any control or host failure is reported as error 7; L0's host state is legal, so only controls can fail.
std::optional<KvmRuling> processor(const std::uint64_t* v, bool raw_debugctl) {
  const RuleSet& arch = arch_rules();
  const auto vmcs02 = merge_vmcs02(v, raw_debugctl);
  Survey s;
  arch.survey(vmcs02.data(), s);
  const auto fails_with = [](OutcomeKind kind) {
    return [kind](const Rule& r) { return r.kind == Kind::Check && kind_of(r.outcome) == kind; };
  };
  if (const auto row = models::first_row(arch, s.broken, fails_with(OutcomeKind::FailValid)))
    return KvmRuling{KvmStage::Processor, *row, observation(fail_valid(7))};
  if (const auto row = models::first_row(arch, s.broken, fails_with(OutcomeKind::FailGuest)))
    return KvmRuling{KvmStage::Processor, *row, observation(arch.rows[*row].outcome)};
  return std::nullopt;
}

// Only KVM's own timer ends the wait without somebody else's help.
KvmRuling halted(const std::uint64_t* v) {
  const bool timer = v[Pin] >> pin::PREEMPT & 1;
  return {KvmStage::Halted, arch_rules().rows.size(),
          timer ? observation(entered(kTimerExit)) : incomparable("kvm_halted")};
}

// The first exit is that of the manual's table; the guest runs active whatever the field says.
KvmRuling entered_guest(const std::uint64_t* v) {
  const RuleSet& arch = arch_rules();
  std::array<std::uint64_t, kMaxSlots> active;
  std::copy_n(v, kMaxSlots, active.begin());
  active[ActivityState] = 0;
  Survey s;
  arch.survey(active.data(), s);
  const auto row = models::first_row(arch, s.broken, [](const Rule& r) { return r.kind == Kind::Exit; });
  if (!row) return {KvmStage::Entered, arch.rows.size(), observation(kEntered)};
  return {KvmStage::Entered, *row, observation(arch.rows[*row].outcome)};
}

// Where in the manual's order an outcome of this kind stands.
unsigned manual_phase(Outcome o) {
  switch (kind_of(o)) {
    case OutcomeKind::InvalidOpcode:
    case OutcomeKind::GeneralProtection:
    case OutcomeKind::FailInvalid:
      return 0;
    case OutcomeKind::FailValid:
      return number_of(o) < 7 || number_of(o) == 26 ? 0 : arch::kControlPhase;
    case OutcomeKind::FailGuest:
      return arch::kGuestPhase;
    case OutcomeKind::FailMsr:
      return number_of(o) <= kEntryMsrFacts ? arch::kMsrEntryPhase + 2 * number_of(o) + 1 : kAfterTheList;
    case OutcomeKind::Entered:
    case OutcomeKind::Unjudged:
      return kEverything;
  }
  return kEverything;
}

// The reference's limits (unplaced memory, a host state that loses L1) hold for KVM too, as soon as the entry gets that
// far. `late`: the processor judged, after the whole MSR list.
std::optional<std::string_view> limit(const std::uint64_t* v, Outcome outcome, bool late) {
  const RuleSet& arch = arch_rules();
  const unsigned reached = late ? kAfterTheList : manual_phase(outcome);
  if (reached < arch::kControlPhase) return std::nullopt;
  Survey s;
  arch.survey(v, s);
  const bool timer = (v[Pin] >> pin::PREEMPT & 1) && v[PreemptionTimer] == 0;
  const auto row = models::first_row(arch, s.broken, [&](const Rule& r) {
    return r.kind == Kind::Limit && r.phase < reached && !(timer && r.id == kWaitForSipi);
  });
  if (!row) return std::nullopt;
  return arch.rows[*row].id;
}

}  // namespace

KvmRuling kvm_ruling(const std::uint64_t* v, const rules::EditedRules& table, bool raw_debugctl) {
  KvmRuling r;
  if (const auto stopped = software(v, table)) {
    r = *stopped;
  } else if (!runs_vmcs02(v)) {
    r = halted(v);
  } else if (const auto refused = processor(v, raw_debugctl)) {
    r = *refused;
  } else {
    r = entered_guest(v);
  }
  if (r.seen.status == Status::Ran)
    if (const auto why = limit(v, r.seen.outcome, r.stage == KvmStage::Processor)) r.seen = incomparable(*why);
  return r;
}

KvmModel::KvmModel(const KvmKernel& kernel)
    : KvmExecutor("vmx.kvm", kernel.version), table_(kvm_rules(), kernel.edits), raw_debugctl_(kernel.raw_debugctl) {}

}  // namespace diffvisor::vmx
