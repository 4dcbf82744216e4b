// SPDX-License-Identifier: Apache-2.0
// What a VMRUN can come to, packed into one word: kind in the top byte, its number below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/arch/x86/outcome.h"

namespace diffvisor::svm {

using x86::kAnyExit;
using x86::make_outcome;
using x86::number_of;
using x86::Outcome;

enum class OutcomeKind : std::uint8_t {
  Entered,            // guest state was loaded; the number is EXITCODE of the first #VMEXIT, or kAnyExit
  InvalidOpcode,      // #UD
  GeneralProtection,  // #GP(0)
  Invalid,            // VMEXIT_INVALID: a consistency check failed
  Unjudged,           // outcome of Limit rows: nobody can say
};

// EXITCODE, APM 2 appendix C.
inline constexpr std::uint64_t kInvalidExitCode = ~std::uint64_t{0};
enum ExitCode : std::uint32_t {
  kExceptionExit = 0x40,  // + vector
  kInterruptExit = 0x60,
  kNmiExit = 0x61,
  kVirtualInterruptExit = 0x64,
  kHltExit = 0x78,
  kVmrunExit = 0x80,
  kVmmcallExit = 0x81,
  kNestedPageFaultExit = 0x400,
};

constexpr OutcomeKind kind_of(Outcome o) { return x86::kind_of<OutcomeKind>(o); }

inline constexpr Outcome kEntered = make_outcome(OutcomeKind::Entered, kAnyExit);
inline constexpr Outcome kInvalid = make_outcome(OutcomeKind::Invalid);
constexpr Outcome entered(std::uint32_t exit_code) { return make_outcome(OutcomeKind::Entered, exit_code); }

constexpr bool outcome_matches(Outcome expected, Outcome seen) {
  return x86::outcome_matches<OutcomeKind>(expected, seen);
}

// "entered", "entered(0x81)", "vmexit_invalid", "#GP(0)"
std::string outcome_text(Outcome o);
// The outcome that outcome_text() writes so; false if there is none.
bool parse_outcome(std::string_view text, Outcome& out);
// Letters and underscores only, digits spelled: "entered_eight_one"
std::string outcome_word(Outcome o);

// Observation::record of svm_entry: VMCB fields after the #VMEXIT.
enum RecordSlot : unsigned {
  kExitCode,
  kExitInfo1,
  kExitInfo2,
  kExitIntInfo,
  kExitRip,
  kExitRflags,
  kExitEfer,
  kExitCpl,
  kExitDsBase,
  kRecordSlots
};

}  // namespace diffvisor::svm
