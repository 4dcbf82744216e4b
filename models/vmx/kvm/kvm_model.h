// SPDX-License-Identifier: Apache-2.0
// "vmx.kvm": KVM 6.1's nested VM entry.
#pragma once

#include <string_view>
#include <vector>

#include "models/kvm_entry.h"

namespace diffvisor::vmx {

using models::KvmRuling;
using models::KvmStage;

// A kernel: edits of kvm_rules(), and whether DEBUGCTL reaches the processor unmasked (before 2022).
struct KvmKernel {
  std::string_view version = "6.1";
  std::vector<rules::RowEdit> edits;
  bool raw_debugctl = false;
};

KvmRuling kvm_ruling(const std::uint64_t* v, const rules::EditedRules& table, bool raw_debugctl);

class KvmModel final : public models::KvmExecutor {
 public:
  explicit KvmModel(const KvmKernel& kernel = {});

  KvmRuling ruling(const Case& c) const override { return kvm_ruling(c.v.data(), table_, raw_debugctl_); }

 private:
  rules::EditedRules table_;
  bool raw_debugctl_;
};

}  // namespace diffvisor::vmx
