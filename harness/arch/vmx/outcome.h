// SPDX-License-Identifier: Apache-2.0
// What a VMLAUNCH or VMRESUME can come to, packed into one word: kind in the top byte, its number below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/arch/x86/outcome.h"

namespace diffvisor::vmx {

using x86::kAnyExit;
using x86::make_outcome;
using x86::number_of;
using x86::Outcome;

enum class OutcomeKind : std::uint8_t {
  Entered,            // guest state was loaded; the number is the basic reason of the first VM exit, or kAnyExit
  InvalidOpcode,      // #UD
  GeneralProtection,  // #GP(0)
  FailInvalid,        // VMfailInvalid: CF
  FailValid,          // VMfailValid: ZF, the number is the VM-instruction error
  FailGuest,          // exit reason 33; the number is the exit qualification
  FailMsr,            // exit reason 34; the number is the 1-based index of the entry
  Unjudged,           // outcome of Limit rows: nobody can say
};

constexpr OutcomeKind kind_of(Outcome o) { return x86::kind_of<OutcomeKind>(o); }

inline constexpr Outcome kEntered = make_outcome(OutcomeKind::Entered, kAnyExit);
constexpr Outcome entered(std::uint32_t exit_reason) { return make_outcome(OutcomeKind::Entered, exit_reason); }
constexpr Outcome fail_valid(std::uint32_t error) { return make_outcome(OutcomeKind::FailValid, error); }
constexpr Outcome fail_guest(std::uint32_t qualification) {
  return make_outcome(OutcomeKind::FailGuest, qualification);
}
constexpr Outcome fail_msr(std::uint32_t index) { return make_outcome(OutcomeKind::FailMsr, index); }

constexpr bool outcome_matches(Outcome expected, Outcome seen) {
  return x86::outcome_matches<OutcomeKind>(expected, seen);
}

// "entered", "entered(52)", "vmfail_valid(7)", "entry_failure(33, 4)", "#GP(0)"
std::string outcome_text(Outcome o);
// The outcome that outcome_text() writes so; false if there is none.
bool parse_outcome(std::string_view text, Outcome& out);
// Letters and underscores only, digits spelled: "entry_failure_guest_four"
std::string outcome_word(Outcome o);

// Observation::record of vmx_entry.
enum RecordSlot : unsigned {
  kInstructionError,
  kExitReason,
  kExitQualification,
  kExitIntrInfo,
  kExitIntrErrorCode,
  kIdtVectoringInfo,
  kIdtVectoringErrorCode,
  kRecordSlots
};

}  // namespace diffvisor::vmx
