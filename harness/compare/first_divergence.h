// SPDX-License-Identifier: Apache-2.0
// Where two executors part: the first step of a case after which they differ, and in which fields. The end of a
// sequence says little, for one wrong flag may have led them to different places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/run/domain.h"
#include "harness/run/executor.h"

namespace diffvisor::compare {

struct FieldView {
  std::string field;  // "outcome", or of the record
  std::string reference, seen;
  std::string bits;  // those that differ, by name where they have one: "cf, 3"; empty for what is a number
  auto operator<=>(const FieldView&) const = default;
};

struct FirstDivergence {
  unsigned step = 1, steps = 1;   // step 1 is the first
  std::vector<FieldView> fields;  // as the observation has them; none: they agree, or nobody knows
  auto operator<=>(const FirstDivergence&) const = default;
};

// Cases of a domain whose schema has a Context field of this name have so many steps beside the first.
inline constexpr std::string_view kFurtherSteps = "EXTRA_STEPS";

std::vector<FieldView> differing_fields(const Domain& domain, const Observation& reference, const Observation& seen);

// Runs the case with one step, two steps and so on. Both executors must be idle.
Result<FirstDivergence> first_divergence(const Domain& domain, Executor& reference, Executor& other, const Case& c);

// A heading and a line for each field, in columns under the executors' names; empty if there is no field. A single step
// goes without saying.
std::string divergence_text(const FirstDivergence& d, std::string_view reference, std::string_view other);
// "in step 2 of 3: rflags 0x2, not 0x43 (cf, zf)": the first field alone.
std::string divergence_line(const FirstDivergence& d);

}  // namespace diffvisor::compare
