// SPDX-License-Identifier: Apache-2.0
// What the tests that any table must pass (models/vmx/table_*_test.cc, spec_ids_test.cc) need to know of it. Each
// domain links them with its own.
#pragma once

#include <span>
#include <string_view>

#include "harness/case/case.h"
#include "harness/rules/rule.h"
#include "harness/rules/satisfy.h"
#include "models/rule_notes.h"

namespace diffvisor::models {

// An id of the specification with its section.
struct SpecId {
  std::string_view id;
  std::string_view section;
};

struct TableUnderTest {
  const rules::RuleSet* rules;
  const Schema* schema;
  rules::Normalise normalise;
  const RuleNotes* notes;
  std::span<const SpecId> spec;
  std::size_t spec_size;      // ids in the catalogue
  std::string_view free_row;  // a check without a guard whose field no other row reads
};

const TableUnderTest& table_under_test();

}  // namespace diffvisor::models
