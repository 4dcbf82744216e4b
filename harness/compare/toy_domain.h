// SPDX-License-Identifier: Apache-2.0
// A domain for tests of comparing and reporting: two fields and a list, a handful of rows over a few phases, each with
// a purpose that the table names.
#pragma once

#include "harness/run/domain.h"

namespace diffvisor::toy {

enum Slots : std::uint16_t { A, B, List, ListLast, kSlots };

// Outcomes: 1 and 2 are what a legal case comes to; of the others, those with the same tens are one family.
inline constexpr rules::Outcome kDone = 1, kEarly = 2, kBadA = 11, kBadB = 12, kBadHigh = 21, kBadList = 22,
                                kNobodyKnows = 90;

// Rows by index.
enum Rows : std::size_t { AEven, BSmall, AHigh, List1, List2, Hangs, Leaves, Ends, kRows };

const Schema& schema();
const Domain& domain();            // with rules
const Domain& behaviour_domain();  // the same vocabulary without rules: the reference decides

Case toy_case(std::uint64_t a, std::uint64_t b);
Observation says(rules::Outcome outcome);

}  // namespace diffvisor::toy
