// SPDX-License-Identifier: Apache-2.0
// Named defects of nested VMRUN that the architectural model can be given: past ones, and classic mistakes planted to
// measure whether a campaign finds them. Generic mutants of single rows are in harness/rules/edit.h.
#pragma once

#include <string_view>
#include <vector>

#include "harness/rules/edit.h"

namespace diffvisor::svm {

struct Quirk {
  std::string_view id;
  std::string_view story;
  std::vector<rules::RowEdit> edits;  // of arch_rules()
};

std::vector<Quirk> named_quirks();

}  // namespace diffvisor::svm
