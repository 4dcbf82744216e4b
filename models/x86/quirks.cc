// SPDX-License-Identifier: Apache-2.0
#include "models/x86/quirks.h"

#include <unordered_map>

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
  // The judge looks names up for each case that an emulator is known to do otherwise.
  static const std::unordered_map<std::string_view, Quirk> by_name = [] {
    std::unordered_map<std::string_view, Quirk> all;
    for (std::size_t i = 0; i < kQuirks; ++i) all.emplace(kRows[i].id, static_cast<Quirk>(i));
    return all;
  }();
  const auto found = by_name.find(id);
  if (found == by_name.end()) return std::nullopt;
  return found->second;
}

}  // namespace diffvisor::x86
