// SPDX-License-Identifier: Apache-2.0
// Test vectors: a difference from a domain's golden case with the outcome that the manual demands, one JSON object a
// line. What is common to all domains; what values, needs and expectations mean is the domain's VectorDialect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/case/case.h"
#include "harness/rules/rule.h"
#include "harness/run/observation.h"

namespace diffvisor {

struct VectorItem {
  std::string name;
  std::string value;
};

struct Vector {
  std::string id;
  std::string domain;
  std::string place;               // file:line
  std::vector<VectorItem> set;     // field, value
  std::vector<VectorItem> mem;     // address, value: memory after the fields have theirs
  std::vector<std::string> needs;  // what the profile must offer
  std::string expect;
  std::vector<std::string> alt;       // other accepted outcomes
  std::optional<std::uint64_t> qual;  // refines `expect`
  std::string stage;
  // Of domains whose behaviour is judged: the code, what it leaves behind, and bits of that which are nobody's
  // business.
  std::string code;  // bytes in hexadecimal
  std::vector<VectorItem> after, open;
};

inline constexpr std::size_t kMostVectors = 1u << 20;
inline constexpr std::size_t kMostVectorItems = 256;     // in one list of one vector
inline constexpr std::size_t kLongestVectorText = 1024;  // one id, name, value or need

// JSON Lines, blank lines allowed. Hostile input is fine; an error's place is `place:line`. Unknown keys are ignored.
Result<std::vector<Vector>> read_vectors(std::string_view text, std::string_view place);

// "vmfail(8) or vmfail(7)", "entryfail(33) with qualification 2"
std::string expected_text(const Vector& v);

// An outcome word that is accepted: those bits of it that are in `mask`.
struct OutcomePattern {
  rules::Outcome value;
  rules::Outcome mask = ~rules::Outcome{0};
  bool accepts(rules::Outcome seen) const { return ((value ^ seen) & mask) == 0; }
};

// What the case may run on. A fixed profile is what the executor has: needs are checked. Otherwise the profile is a
// starting point (any, when empty) and capabilities are changed until the needs are met.
struct VectorProfile {
  std::optional<std::uint16_t> profile;
  bool fixed = false;
};

struct VectorCase {
  Case c;
  std::vector<OutcomePattern> accepted;
  std::optional<Observation> after{};  // the whole of what must be seen, where behaviour is judged
};

struct VectorProblem {
  bool unmet = false;  // the profile lacks something; false: nobody can make a case of this vector
  std::string reason;
};

struct VectorDialect {
  tl::expected<VectorCase, VectorProblem> (*build)(const Vector& v, const VectorProfile& profile);
};

}  // namespace diffvisor
