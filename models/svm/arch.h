// SPDX-License-Identifier: Apache-2.0
// svm.arch: what the manual says a VMRUN comes to. The reference every other executor is compared with.
#pragma once

#include <vector>

#include "harness/run/table_model.h"

namespace diffvisor::svm {

const ModelTable& arch_table();

class ArchModel final : public TableModel {
 public:
  explicit ArchModel(const std::vector<rules::RowEdit>& edits = {}) : TableModel(arch_table(), edits) {}
};

inline Observation observe_arch(const std::uint64_t* v) { return observe(arch_table(), v); }

// The VMCB fields that an outcome of this case determines, as a record.
void fill_record(const std::uint64_t* v, Observation& o);

}  // namespace diffvisor::svm
