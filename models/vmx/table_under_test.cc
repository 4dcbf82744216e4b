// SPDX-License-Identifier: Apache-2.0
#include "models/table_under_test.h"

#include "harness/arch/vmx/schema.h"
#include "models/def_rows.h"
#include "models/vmx/arch_rules.h"
#include "models/vmx/rule_notes.h"

namespace diffvisor::models {
namespace {

constexpr SpecId kSpec[] = {
#include "models/vmx/spec_ids.def"
};

}  // namespace

const TableUnderTest& table_under_test() {
  static const TableUnderTest kTable = {
      &vmx::arch_rules(), &vmx::schema(), &vmx::settle_facts, &vmx::rule_notes(), kSpec, 394, "vmx.ctl.pin.may1"};
  return kTable;
}

}  // namespace diffvisor::models
