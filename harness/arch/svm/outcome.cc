// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/svm/outcome.h"

#include <charconv>

#include <fmt/format.h>

#include "harness/base/spelled.h"

namespace diffvisor::svm {

std::string outcome_text(Outcome o) {
  switch (kind_of(o)) {
    case OutcomeKind::Entered:
      return o == kEntered ? "entered" : fmt::format("entered(0x{:x})", number_of(o));
    case OutcomeKind::InvalidOpcode:
      return "#UD";
    case OutcomeKind::GeneralProtection:
      return "#GP(0)";
    case OutcomeKind::Invalid:
      return "vmexit_invalid";
    case OutcomeKind::Unjudged:
      return "unjudged";
  }
  return fmt::format("unknown(0x{:x})", o);
}

bool parse_outcome(std::string_view text, Outcome& out) {
  constexpr std::string_view kNumbered = "entered(0x";
  for (const Outcome plain : {kEntered, kInvalid, make_outcome(OutcomeKind::InvalidOpcode),
                              make_outcome(OutcomeKind::GeneralProtection), make_outcome(OutcomeKind::Unjudged)})
    if (text == outcome_text(plain)) return out = plain, true;
  if (!text.starts_with(kNumbered)) return false;
  std::uint32_t number = 0;
  const auto [at, ec] = std::from_chars(text.data() + kNumbered.size(), text.data() + text.size(), number, 16);
  out = entered(number);
  return ec == std::errc{} && outcome_text(out) == text && at + 1 == text.data() + text.size();
}

std::string outcome_word(Outcome o) {
  switch (kind_of(o)) {
    case OutcomeKind::Entered:
      return o == kEntered ? "entered" : "entered_" + spelled(number_of(o), 16);
    case OutcomeKind::InvalidOpcode:
      return "invalid_opcode";
    case OutcomeKind::GeneralProtection:
      return "general_protection";
    case OutcomeKind::Invalid:
      return "vmexit_invalid";
    case OutcomeKind::Unjudged:
      return "unjudged";
  }
  return "unknown_" + spelled(o, 16);
}

}  // namespace diffvisor::svm
