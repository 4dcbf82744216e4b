// SPDX-License-Identifier: Apache-2.0
// What a VMRUN can come to, packed into one word: kind in the top byte, its number below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace diffvisor::svm {

using Outcome = std::uint32_t;

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
inline constexpr std::uint32_t kAnyExit = 0xffff;

constexpr Outcome make_outcome(OutcomeKind kind, std::uint32_t number = 0) {
  return static_cast<std::uint32_t>(kind) << 24 | (number & 0xffffff);
}
constexpr OutcomeKind kind_of(Outcome o) { return static_cast<OutcomeKind>(o >> 24); }
constexpr std::uint32_t number_of(Outcome o) { return o & 0xffffff; }

inline constexpr Outcome kEntered = make_outcome(OutcomeKind::Entered, kAnyExit);
inline constexpr Outcome kInvalid = make_outcome(OutcomeKind::Invalid);
constexpr Outcome entered(std::uint32_t exit_code) { return make_outcome(OutcomeKind::Entered, exit_code); }

// What `seen` must be for `expected`: equal, or any entry when the expected exit is open.
constexpr bool outcome_matches(Outcome expected, Outcome seen) {
  return expected == seen || (expected == kEntered && kind_of(seen) == OutcomeKind::Entered);
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
