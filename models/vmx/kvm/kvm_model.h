// SPDX-License-Identifier: Apache-2.0
// "vmx.kvm": KVM 6.1's nested VM entry. A transcription: it retells KVM's source, so it never votes and never confirms.
#pragma once

#include <string_view>
#include <vector>

#include "harness/rules/edit.h"
#include "harness/run/executor.h"

namespace diffvisor::vmx {

enum class KvmStage : std::uint8_t {
  Software,   // a row of kvm_rules() decided
  Processor,  // a row of arch_rules() decided, on the merged state
  Entered,    // nothing failed; a row of arch_rules() names the first exit, or none does
  Halted,     // KVM parked the vCPU without running the merged state
};

// Which check decided, and what a case comes to. `row` is an index in the table that `stage` names, or its size.
struct KvmRuling {
  KvmStage stage = KvmStage::Entered;
  std::size_t row = 0;
  Observation seen;
};

// A kernel: edits of kvm_rules(), and whether DEBUGCTL reaches the processor unmasked (before 2022).
struct KvmKernel {
  std::string_view version = "6.1";
  std::vector<rules::RowEdit> edits;
  bool raw_debugctl = false;
};

KvmRuling kvm_ruling(const std::uint64_t* v, const rules::EditedRules& table, bool raw_debugctl);

class KvmModel final : public Executor {
 public:
  explicit KvmModel(KvmKernel kernel = {});

  const ExecutorInfo& info() const override { return info_; }
  void submit(std::span<const Case> cases, std::span<Observation> out) override;
  Result<void> collect() override { return {}; }

  KvmRuling ruling(const Case& c) const { return kvm_ruling(c.v.data(), table_, raw_debugctl_); }

 private:
  ExecutorInfo info_;
  rules::EditedRules table_;
  bool raw_debugctl_;
};

}  // namespace diffvisor::vmx
