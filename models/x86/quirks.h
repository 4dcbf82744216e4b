// SPDX-License-Identifier: Apache-2.0
// Switchable defects of the instruction model, and its two personalities.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace diffvisor::x86 {

enum class Quirk : std::uint8_t {
#define QUIRK(constant, id, tag, story) constant,
#include "models/x86/quirks.def"
#undef QUIRK
  Count
};
inline constexpr std::size_t kQuirks = static_cast<std::size_t>(Quirk::Count);

class Quirks {
 public:
  bool test(Quirk q) const { return bits_[static_cast<std::size_t>(q)]; }
  void set(Quirk q) { bits_.set(static_cast<std::size_t>(q)); }
  bool any() const { return bits_.any(); }

 private:
  std::bitset<kQuirks> bits_;
};

struct QuirkRow {
  std::string_view id, tag, story;
};
const QuirkRow& quirk_row(Quirk q);
// Why no campaign against emulators can show the defect; "" where one does.
std::string_view unseen_because(Quirk q);
std::optional<Quirk> find_quirk(std::string_view id);

// x86.arch: the manual. x86.kvm: coverage, order of checks and outcomes of KVM 6.1's emulator (spec 09).
struct Personality {
  bool kvm = false;
};

}  // namespace diffvisor::x86
