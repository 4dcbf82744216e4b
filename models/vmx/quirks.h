// SPDX-License-Identifier: Apache-2.0
// Named defects of nested VM entry that a model can be given: past ones, and classic mistakes planted to measure
// whether a campaign finds them. Generic mutants of single rows are in harness/rules/edit.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/rules/edit.h"

namespace diffvisor::vmx {

enum class QuirkModel : std::uint8_t {
  Arch,  // edits arch_rules()
  Kvm,   // edits kvm_rules()
};

// A defect that both models can have appears twice, once for each.
struct Quirk {
  std::string_view id;
  std::string_view story;
  QuirkModel model;
  std::vector<rules::RowEdit> edits;
};

std::vector<Quirk> named_quirks();

}  // namespace diffvisor::vmx
