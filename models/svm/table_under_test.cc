// SPDX-License-Identifier: Apache-2.0
#include "models/table_under_test.h"

#include "harness/arch/svm/schema.h"
#include "models/def_rows.h"
#include "models/svm/arch_rules.h"
#include "models/svm/rule_notes.h"

namespace diffvisor::models {
namespace {

constexpr SpecId kSpec[] = {
#include "models/svm/spec_ids.def"
};

}  // namespace

const TableUnderTest& table_under_test() {
  static const TableUnderTest kTable = {
      &svm::arch_rules(), &svm::schema(), &svm::settle_facts, &svm::rule_notes(), kSpec, 63, "svm.save.dr6"};
  return kTable;
}

}  // namespace diffvisor::models
