// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/arch.h"

#include <fmt/format.h>

#include "harness/arch/vmx/outcome.h"
#include "harness/base/check.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/exit_rules.h"
#include "models/vmx/rule_notes.h"

namespace diffvisor::vmx {
namespace {

constexpr std::uint64_t kEntryFailure = std::uint64_t{1} << 31;  // in the exit-reason field
constexpr std::uint64_t kDebugExceptionInfo = 0x80000301;        // valid, hardware exception, vector 1

// Rows are in phase order, so the lowest bit is the lowest phase.
std::size_t first_broken(const rules::RuleBits& broken) {
  for (std::size_t w = 0; w < rules::kMaxRules / 64; ++w)
    if (broken.word(w) != 0) return w * 64 + static_cast<std::size_t>(std::countr_zero(broken.word(w)));
  CHECK(false);  // the last row always applies
  return 0;
}

void set(Observation& o, RecordSlot slot, std::uint64_t value) {
  o.record[slot] = value;
  o.defined |= 1u << slot;
}

// The qualification of every exit named by a rule is cleared, SDM 3C 30.2.1, except that of a debug exception.
void fill_entered(Observation& o, std::uint32_t reason) {
  if (reason == kAnyExit) return;
  set(o, kExitReason, reason);
  if (reason == arch::kExceptionExit) {
    set(o, kExitIntrInfo, kDebugExceptionInfo);
  } else {
    set(o, kExitQualification, 0);
  }
}

Observation observation_of(std::size_t row, rules::Outcome outcome) {
  const rules::Rule& rule = arch_rules().rows[row];
  if (rule.kind == rules::Kind::Limit) return incomparable(rule.id);
  Observation o;
  o.status = Status::Ran;
  o.reason = "";
  o.outcome = outcome;
  fill_record(o);
  return o;
}

}  // namespace

void fill_record(Observation& o) {
  const std::uint32_t n = number_of(o.outcome);
  switch (kind_of(o.outcome)) {
    case OutcomeKind::Entered:
      fill_entered(o, n);
      break;
    case OutcomeKind::FailValid:
      set(o, kInstructionError, n);
      break;
    case OutcomeKind::FailGuest:
      set(o, kExitReason, kEntryFailure | 33);
      set(o, kExitQualification, n);
      break;
    case OutcomeKind::FailMsr:
      set(o, kExitReason, kEntryFailure | 34);
      set(o, kExitQualification, n);
      break;
    case OutcomeKind::InvalidOpcode:
    case OutcomeKind::GeneralProtection:
    case OutcomeKind::FailInvalid:
    case OutcomeKind::Unjudged:
      break;
  }
}

Observation observe_arch(const std::uint64_t* v) {
  rules::Survey survey;
  arch_rules().survey(v, survey);
  const std::size_t row = first_broken(survey.broken);
  return observation_of(row, arch_rules().rows[row].outcome);
}

ArchModel::ArchModel(const std::vector<rules::RowEdit>& edits)
    : info_{"vmx.arch", fmt::format("{} {:016x}", kArchVersion, rules::rules_digest(arch_rules())), Trust::Reference},
      rules_(arch_rules(), edits) {}

Observation ArchModel::observe(const std::uint64_t* v) const {
  if (!rules_.edited()) return observe_arch(v);
  rules::Survey plain;
  arch_rules().survey(v, plain);
  const std::size_t row = first_broken(rules_.ruling(v, rules_.survey(v, plain)).deciders);
  return observation_of(row, rules_.outcome(row));
}

void ArchModel::submit(std::span<const Case> cases, std::span<Observation> out) {
  CHECK(cases.size() == out.size());
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (out[i].reason == "not_run") out[i] = observe(cases[i].v.data());
}

}  // namespace diffvisor::vmx
