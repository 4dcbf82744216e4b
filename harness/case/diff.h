// SPDX-License-Identifier: Apache-2.0
// What sets a case apart: from its golden case, or from another case. Structured first, then as a sentence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/case/case.h"

namespace diffvisor {

struct FieldDifference {
  const Field* field;
  unsigned index;  // element of an array
  std::uint64_t before;
  std::uint64_t after;
};

// Differing bits with one name, or a single differing bit without any (name empty, hi == lo).
struct BitDifference {
  std::uint8_t hi;
  std::uint8_t lo;
  std::string_view name;
  std::uint64_t before;  // of these bits
  std::uint64_t after;
};

struct AreaDifference {
  const ByteArea* area;
  std::size_t first;   // offset of the first byte that differs
  std::size_t before;  // sizes
  std::size_t after;
};

struct OperationsDifference {
  std::size_t first = 0;   // the first operation that differs; meaningless when `differ` is false
  std::size_t before = 0;  // lengths
  std::size_t after = 0;
  bool differ = false;
};

struct CaseDifference {
  bool profile = false;
  std::vector<FieldDifference> fields;  // in the order of the schema
  std::vector<AreaDifference> areas;
  OperationsDifference operations;

  bool empty() const { return !profile && fields.empty() && areas.empty() && !operations.differ; }
};

// Both cases are of one schema.
CaseDifference difference(const Case& before, const Case& after);
// `before` is the baseline of c: its profile's capabilities, context 0, golden for both, no areas, no operations.
CaseDifference difference_from_golden(const Case& c);

// Ascending by bit.
std::vector<BitDifference> bit_differences(const FieldDifference& d);

// "GUEST_CR4 bit 23 (CET)", "GUEST_RIP 0x410000 -> 0x0"
std::string field_difference_text(const FieldDifference& d);
// "1 field: GUEST_CR4 bit 23 (CET)"; parts are joined by "; ". Empty for no difference.
std::string difference_text(const CaseDifference& d);
// "differs from golden in 1 field: GUEST_CR4 bit 23 (CET)", or "is the golden case"
std::string golden_difference_text(const Case& c);

}  // namespace diffvisor
