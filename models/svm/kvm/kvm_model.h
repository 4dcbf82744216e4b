// SPDX-License-Identifier: Apache-2.0
// "svm.kvm": KVM 6.1's nested VMRUN.
#pragma once

#include <string_view>
#include <vector>

#include "models/kvm_entry.h"

namespace diffvisor::svm {

using models::KvmRuling;
using models::KvmStage;

// A kernel: edits of kvm_rules().
struct KvmKernel {
  std::string_view version = "6.1";
  std::vector<rules::RowEdit> edits;
};

class KvmModel final : public models::KvmExecutor {
 public:
  explicit KvmModel(const KvmKernel& kernel = {});

  KvmRuling ruling(const Case& c) const override;

 private:
  rules::EditedRules table_;
};

}  // namespace diffvisor::svm
