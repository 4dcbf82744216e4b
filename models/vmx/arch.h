// SPDX-License-Identifier: Apache-2.0
// vmx.arch: what the manual says a VM entry comes to. The reference every other executor is compared with.
#pragma once

#include <vector>

#include "harness/rules/edit.h"
#include "harness/run/executor.h"

namespace diffvisor::vmx {

class ArchModel final : public Executor {
 public:
  // `edits`: a defect this model is given, of arch_rules(); none makes it the reference.
  explicit ArchModel(const std::vector<rules::RowEdit>& edits = {});

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override { return {}; }

 private:
  Observation observe(const std::uint64_t* v) const;

  ExecutorInfo info_;
  rules::EditedRules rules_;
};

// The first broken row of the lowest broken phase; one legal answer where the manual leaves the order open.
Observation observe_arch(const std::uint64_t* v);

// The VMCS fields that a VMX outcome determines, as a record: reason, qualification, instruction error, and the
// interruption information of a debug exception.
void fill_record(Observation& o);

}  // namespace diffvisor::vmx
