// SPDX-License-Identifier: Apache-2.0
#include "harness/arch/insn/outcome.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "harness/base/digest.h"
#include "harness/base/rng.h"

namespace diffvisor::insn {
namespace {

constexpr std::array<std::string_view, 32> kVectors = {
    "#DE", "#DB", "#NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#9",  "#TS", "#NP", "#SS", "#GP", "#PF", "#15",
    "#MF", "#AC", "#MC",  "#XM", "#VE", "#CP", "#22", "#23", "#24", "#25", "#26", "#27", "#28", "#29", "#30", "#31"};
constexpr std::array<std::string_view, 7> kKinds = {"done",         "",        "triple_fault", "halt", "port_access",
                                                    "unhandleable", "unjudged"};
constexpr std::string_view kCauses[] = {
    "none",
#define CAUSE(constant, name, text) name,
#include "harness/arch/insn/causes.def"
#undef CAUSE
};

}  // namespace

std::string outcome_text(Outcome o) {
  const OutcomeKind kind = kind_of(o);
  if (kind != OutcomeKind::Exception)
    return std::string(kKinds[std::min<std::size_t>(static_cast<std::size_t>(kind), 6)]);
  return std::string(kVectors[number_of(o) % 32]);
}

bool parse_outcome(std::string_view text, Outcome& out) {
  if (text.empty()) return false;
  if (const auto* v = std::ranges::find(kVectors, text); v != kVectors.end()) {
    out = make_outcome(OutcomeKind::Exception, static_cast<std::uint32_t>(v - kVectors.begin()));
    return true;
  }
  const auto* k = std::ranges::find(kKinds, text);
  if (k == kKinds.end()) return false;
  out = make_outcome(static_cast<OutcomeKind>(k - kKinds.begin()));
  return true;
}

std::string outcome_word(Outcome o) {
  std::string word = outcome_text(o);
  std::erase(word, '#');
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

std::string_view cause_name(Cause c) { return kCauses[static_cast<std::size_t>(c) % std::size(kCauses)]; }

std::uint64_t memory_digest(const MemoryChange* changes, std::size_t count) {
  std::uint64_t h = 0;
  for (std::size_t i = 0; i < count; ++i) h = mix64(mix64(h ^ changes[i].address) + changes[i].value);
  return h;
}

}  // namespace diffvisor::insn
