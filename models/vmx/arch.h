// SPDX-License-Identifier: Apache-2.0
// vmx.arch: what the manual says a VM entry comes to. The reference every other executor is compared with.
#pragma once

#include <vector>

#include "harness/run/table_model.h"

namespace diffvisor::vmx {

const ModelTable& arch_table();

class ArchModel final : public TableModel {
 public:
  explicit ArchModel(const std::vector<rules::RowEdit>& edits = {}) : TableModel(arch_table(), edits) {}
};

inline Observation observe_arch(const std::uint64_t* v) { return observe(arch_table(), v); }

// The VMCS fields that a VMX outcome determines, as a record: reason, qualification, instruction error, and the
// interruption information of a debug exception.
void fill_record(Observation& o);

}  // namespace diffvisor::vmx
