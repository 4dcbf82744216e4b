// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/vmx/outcome.h"

#include <charconv>

#include <fmt/format.h>

#include "harness/base/spelled.h"

namespace diffvisor::vmx {
namespace {

// The basic exit reason of an entered guest; kAnyExit says only that guest state was loaded.
std::string entered_word(std::uint32_t reason) { return reason == kAnyExit ? "entered" : "entered_" + spelled(reason); }

}  // namespace

std::string outcome_text(Outcome o) {
  const std::uint32_t n = number_of(o);
  switch (kind_of(o)) {
    case OutcomeKind::Entered:
      return n == kAnyExit ? "entered" : fmt::format("entered({})", n);
    case OutcomeKind::InvalidOpcode:
      return "#UD";
    case OutcomeKind::GeneralProtection:
      return "#GP(0)";
    case OutcomeKind::FailInvalid:
      return "vmfail_invalid";
    case OutcomeKind::FailValid:
      return fmt::format("vmfail_valid({})", n);
    case OutcomeKind::FailGuest:
      return fmt::format("entry_failure(33, {})", n);
    case OutcomeKind::FailMsr:
      return fmt::format("entry_failure(34, {})", n);
    case OutcomeKind::Unjudged:
      return "unjudged";
  }
  return fmt::format("unknown(0x{:x})", o);
}

bool parse_outcome(std::string_view text, Outcome& out) {
  struct Form {
    std::string_view head;
    OutcomeKind kind;
  };
  constexpr Form kNumbered[] = {{"entered(", OutcomeKind::Entered},
                                {"vmfail_valid(", OutcomeKind::FailValid},
                                {"entry_failure(33, ", OutcomeKind::FailGuest},
                                {"entry_failure(34, ", OutcomeKind::FailMsr}};
  for (const Outcome plain :
       {kEntered, make_outcome(OutcomeKind::InvalidOpcode), make_outcome(OutcomeKind::GeneralProtection),
        make_outcome(OutcomeKind::FailInvalid), make_outcome(OutcomeKind::Unjudged)})
    if (text == outcome_text(plain)) return out = plain, true;
  for (const Form& f : kNumbered) {
    if (!text.starts_with(f.head)) continue;
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data() + f.head.size(), end, number);
    out = make_outcome(f.kind, number);
    return ec == std::errc{} && outcome_text(out) == text && at + 1 == end;
  }
  return false;
}

std::string outcome_word(Outcome o) {
  const std::uint32_t n = number_of(o);
  switch (kind_of(o)) {
    case OutcomeKind::Entered:
      return entered_word(n);
    case OutcomeKind::InvalidOpcode:
      return "invalid_opcode";
    case OutcomeKind::GeneralProtection:
      return "general_protection";
    case OutcomeKind::FailInvalid:
      return "vmfail_invalid";
    case OutcomeKind::FailValid:
      return "vmfail_valid_" + spelled(n);
    case OutcomeKind::FailGuest:
      return "entry_failure_guest_" + spelled(n);
    case OutcomeKind::FailMsr:
      return "entry_failure_msr_" + spelled(n);
    case OutcomeKind::Unjudged:
      return "unjudged";
  }
  return "unknown_" + spelled(o);
}

}  // namespace diffvisor::vmx
