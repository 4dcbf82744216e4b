// SPDX-License-Identifier: Apache-2.0
#include "models/vmx/arch.h"

#include "harness/arch/vmx/outcome.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/exit_rules.h"
#include "models/vmx/rule_notes.h"

namespace diffvisor::vmx {
namespace {

constexpr std::uint64_t kEntryFailure = std::uint64_t{1} << 31;  // in the exit-reason field
constexpr std::uint64_t kDebugExceptionInfo = 0x80000301;        // valid, hardware exception, vector 1

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

void fill(const std::uint64_t*, Observation& o) { fill_record(o); }

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

const ModelTable& arch_table() {
  static constexpr ModelTable kTable = {"vmx.arch", kArchVersion, &arch_rules, &fill};
  return kTable;
}

}  // namespace diffvisor::vmx
