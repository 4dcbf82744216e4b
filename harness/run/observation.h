// SPDX-License-Identifier: Apache-2.0
// What one executor saw of one case. A flat value described by the domain's observation schema, so that comparing,
// masking, printing and JSON need to know no domain.
#pragma once

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

inline constexpr std::size_t kMaxRecord = 32;

struct Observation {
  Status status = Status::Incomparable;
  std::string_view reason = "not_run";  // static text, lower case with underscores
  rules::Outcome outcome = 0;           // the domain's outcome code
  std::uint32_t defined = 0;            // bit i: record[i] means something for this outcome
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
  o.defined |= 1u << slot;
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
