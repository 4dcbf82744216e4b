// SPDX-License-Identifier: Apache-2.0
// What one executor saw of one case. A flat value described by the domain's observation schema, so that comparing,
// masking, printing and JSON need to know no domain.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "harness/rules/rule.h"

namespace diffvisor {

enum class Status : std::uint8_t {
  Ran,           // outcome and record are meaningful
  Incomparable,  // this executor cannot judge this case; `reason` says why
  Died,          // the case killed the executor or hung it; `reason` says how
};

inline constexpr std::size_t kMaxRecord = 160;

// Slots of a record.
class SlotSet {
 public:
  constexpr SlotSet() = default;
  constexpr SlotSet(std::uint64_t low) : w_{low} {}  // NOLINT(google-explicit-constructor): most records are short

  constexpr bool test(std::size_t i) const { return w_[i / 64] >> (i % 64) & 1; }
  constexpr void set(std::size_t i) { w_[i / 64] |= std::uint64_t{1} << (i % 64); }
  constexpr void reset(std::size_t i) { w_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  // Slots first .. first + count - 1.
  constexpr void set_range(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) set(i);
  }
  constexpr bool none() const { return (w_[0] | w_[1] | w_[2]) == 0; }
  constexpr std::uint64_t word(std::size_t i) const { return w_[i]; }
  constexpr std::uint64_t& word(std::size_t i) { return w_[i]; }
  bool operator==(const SlotSet&) const = default;

  static constexpr std::size_t kWords = (kMaxRecord + 63) / 64;

 private:
  std::array<std::uint64_t, kWords> w_{};
};
static_assert(SlotSet::kWords == 3);

// Bits of a record slot that the reference leaves open: the manual says they are undefined.
struct Loose {
  std::uint8_t slot = 0;
  std::uint64_t bits = 0;  // 0: an unused entry
};
inline constexpr std::size_t kMaxLoose = 6;

struct Observation {
  Status status = Status::Incomparable;
  std::string_view reason = "not_run";  // static text, lower case with underscores
  rules::Outcome outcome = 0;           // the domain's outcome code
  std::uint32_t form = 0;               // what the case exercised, as the reference counts it; see Behaviour::forms
  SlotSet defined;                      // record[i] means something for this outcome
  std::array<Loose, kMaxLoose> loose{};
  std::array<std::uint64_t, kMaxRecord> record{};
};

inline Observation incomparable(std::string_view reason) {
  Observation o;
  o.reason = reason;
  return o;
}
inline Observation died(std::string_view how) {
  Observation o;
  o.status = Status::Died;
  o.reason = how;
  return o;
}
inline Observation ran(rules::Outcome outcome) {
  Observation o;
  o.status = Status::Ran;
  o.reason = {};
  o.outcome = outcome;
  return o;
}

inline void set(Observation& o, unsigned slot, std::uint64_t value) {
  o.record[slot] = value;
  o.defined.set(slot);
}

// What another process or a guest says it saw: slots that `record` does not have are dropped, those it does not define
// stay 0.
inline void take_record(Observation& o, std::span<const std::uint64_t> defined, std::span<const std::uint64_t> record) {
  const std::size_t slots = std::min({record.size(), 64 * defined.size(), kMaxRecord});
  for (std::size_t i = 0; i < slots; ++i)
    if ((defined[i / 64] >> (i % 64) & 1) != 0) set(o, static_cast<unsigned>(i), record[i]);
}

struct RecordField {
  std::string_view name;
  std::uint8_t width;  // bits, for printing
};

struct ObservationSchema {
  std::span<const RecordField> fields;          // index = index in Observation::record
  std::string (*outcome_text)(rules::Outcome);  // "entry_failure(33, 0)"
  std::string (*outcome_word)(rules::Outcome);  // letters, dots, underscores only: for bucket ids
  bool (*outcome_matches)(rules::Outcome expected, rules::Outcome seen);  // expected may leave parts open
  bool (*outcome_of)(std::string_view text, rules::Outcome& out);  // inverse of outcome_text; false if it is no outcome
  // Two ways to report one defect (an error number, an exit qualification): a differing report, not a missed check.
  bool (*same_family)(rules::Outcome a, rules::Outcome b);
};

}  // namespace diffvisor
