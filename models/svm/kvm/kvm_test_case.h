// SPDX-License-Identifier: Apache-2.0
// How the tests of this folder write what KVM says of a case.
#pragma once

#include <string>
#include <string_view>

#include "models/svm/arch_rules.h"
#include "models/svm/kvm/kvm_model.h"
#include "models/svm/kvm/kvm_rules.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::svm {

inline std::string said(const KvmRuling& r) {
  return r.seen.status == Status::Ran ? outcome_text(r.seen.outcome) : std::string(r.seen.reason);
}

// "entered" expects an entry with whatever exit.
inline bool says(const KvmRuling& r, std::string_view expect) {
  return said(r) == expect || (expect == "entered" && said(r).starts_with(expect));
}

// The check that failed, "" if none did.
inline std::string_view decider_of(const KvmRuling& r) {
  switch (r.stage) {
    case KvmStage::Software:
      return kvm_rules().rows[r.row].id;
    case KvmStage::Processor:
      return arch_rules().rows[r.row].id;
    case KvmStage::Entered:
    case KvmStage::Halted:
      return "";
  }
  return "";
}

}  // namespace diffvisor::svm
