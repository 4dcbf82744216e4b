// SPDX-License-Identifier: Apache-2.0
// A rule table as work for 64 states at once: each distinct leaf becomes one word with a bit for each state, the rest
// is Boolean algebra on such words. Built once for a table; run by batch_survey.cc on machines that have AVX-512.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/rules/rule.h"

namespace diffvisor::rules {

inline constexpr std::size_t kBatch = 64;
inline constexpr std::size_t kSmallestBatch = 16;  // fewer states are faster one by one

// What is asked of x, a slice of slot a, and y, a slice of slot b.
enum class Form : std::uint8_t {
  Zero,    // v[a] & a_mask == 0: most leaves
  Masked,  // (v[a] ^ c) & a_mask == 0
  InSet,
  AtMostConst,
  Equal,
  AtMost,
  Subset,
  Fits,
  Canonical,
  HighEqual,
  Pat,
  LinearEnd,
  Free,  // asked of each state
};

// Of the states in `among` those in which a Free leaf holds; the other bits may be anything.
using FreeWord = std::uint64_t (*)(const std::uint64_t* const* states, std::uint64_t among, Slice a, Slice b);

struct BatchLeaf {
  Form form = Form::Zero;
  Slot a = 0, b = 0, width = 0;  // in a plan: columns
  std::uint8_t a_lo = 0, b_lo = 0;
  std::uint64_t a_mask = 0, b_mask = 0, c = 0;
  const Node* node = nullptr;  // of LinearEnd and Free
};

// A word, or its complement where `flip` is -1.
struct Literal {
  std::uint16_t word = 0;
  std::int8_t flip = 0;
  auto operator<=>(const Literal&) const = default;
  constexpr Literal operator!() const { return {word, static_cast<std::int8_t>(~flip)}; }
};

// The conjunction of two.
struct Term {
  Literal l, r;
  auto operator<=>(const Term&) const = default;
};

struct RowWords {
  Literal applied, failed;
  const Node* asked = nullptr;  // the condition is this leaf, and asked of the states where the row applies
};

// Eight slots of all states, turned into columns. A case is larger than the first cache, so what reads the columns
// comes right after, and they are overwritten by the next block unless a leaf of a later block reads them too.
struct Block {
  Slot first = 0;
  std::uint16_t column = 0;
  std::uint32_t leaf_end = 0;  // of the leaves that can be answered now, without those before
};

// Word 0 is all ones, then come the leaves, then the terms.
struct BatchPlan {
  std::span<const FreeWord> functions;
  std::vector<Block> blocks;
  std::vector<BatchLeaf> leaves;  // those behind the last block's are Free
  std::vector<Term> terms;
  std::vector<RowWords> rows;
};

inline constexpr std::size_t kMostWords = 4096;

// The plan refers to both.
BatchPlan make_batch_plan(std::span<const Rule> rules, std::span<const FreeWord> functions);

// Whether this machine can run a plan.
bool has_batch_unit();

using States = std::array<const std::uint64_t*, kBatch>;  // kMaxSlots values each

// Words of the 64 states, one for each row.
struct BatchRows {
  std::array<std::uint64_t, kMaxRules> applied, broken;
};

// What the compiled and the interpreted survey say, whatever the values. Needs has_batch_unit().
void run_batch(const BatchPlan& plan, const States& states, BatchRows& out);

// The surveys of any number of states: several times faster than set.survey, with the same result.
void survey_batch(const RuleSet& set, std::span<const std::uint64_t* const> states, Survey* out);

}  // namespace diffvisor::rules
