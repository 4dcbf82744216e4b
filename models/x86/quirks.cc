// SPDX-License-Identifier: Apache-2.0
#include "models/x86/quirks.h"

namespace diffvisor::x86 {
namespace {

constexpr QuirkRow kRows[kQuirks] = {
#define QUIRK(constant, id, tag, story) {id, tag, story},
#include "models/x86/quirks.def"
#undef QUIRK
};

}  // namespace

const QuirkRow& quirk_row(Quirk q) { return kRows[static_cast<std::size_t>(q)]; }

std::string_view unseen_because(Quirk q) {
#define UNSEEN(constant, why) \
  if (q == Quirk::constant) return why;
#include "models/x86/unseen_quirks.def"
#undef UNSEEN
  return {};
}

std::optional<Quirk> find_quirk(std::string_view id) {
  for (std::size_t i = 0; i < kQuirks; ++i)
    if (kRows[i].id == id) return static_cast<Quirk>(i);
  return std::nullopt;
}

}  // namespace diffvisor::x86
