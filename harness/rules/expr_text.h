// SPDX-License-Identifier: Apache-2.0
// Conditions as text, both ways: what listings and reports print and what known-divergence files are written in.
//
//   PROC2[7] && !(GUEST_CR0[0] == 0)        one bit, negation
//   GUEST_CS_AR[3:0] == 0xb                 a bit range against a constant; also != and <=
//   GUEST_SS_SELECTOR[1:0] == GUEST_CS_SELECTOR[1:0]
//   CR3_PDPTE.2[8:5] == 0                   element 2 of an array
//   in(GUEST_CS_AR[3:0], 9, 11)  subset(A, B, except)  covers(A, B, except)  fits(A, MAXPHYADDR)
//   canonical(A, LINEAR_WIDTH)  high_equal(A, LINEAR_WIDTH)  pat(A)  last_fits(A, N, 16, 1, MAXPHYADDR)  name(A, B)
#pragma once

#include <string>
#include <string_view>

#include "harness/base/result.h"
#include "harness/rules/rule.h"

namespace diffvisor::rules {

std::string expr_text(const Expr& e, const Schema& schema, std::span<const FreeCondition> functions);

// expr_text and parse_expr are inverse up to redundant parentheses. `place` heads the error line.
Result<Expr> parse_expr(std::string_view text, const Schema& schema, std::span<const FreeCondition> functions,
                        std::string_view place);

}  // namespace diffvisor::rules
