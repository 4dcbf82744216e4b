// SPDX-License-Identifier: Apache-2.0
#include "models/kvm_table_under_test.h"

#include "models/svm/kvm/kvm_rules.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::models {
namespace {

using namespace svm;

constexpr std::string_view kSpec[] = {
#define SPEC(id, section) id,
#include "models/svm/spec_ids.def"
#undef SPEC
};

Case golden() { return case_of("kvm61", kVmmcall, {}); }

Case random_case(Rng& rng) {
  Case c = case_of(rng.one_in(2) ? "kvm61" : "legacy", kVmmcall, {{Context, '=', rng.below(8)}});
  c.v[Efer] ^= b(static_cast<unsigned>(rng.below(16)));
  return c;
}

// They have a line of kvm_exceptions.def, each.
bool left_to_others(std::string_view) { return false; }

}  // namespace

const KvmTableUnderTest& kvm_table_under_test() {
  static const KvmTableUnderTest kTable = {kvm_table(), kSpec, 25, 26, golden(), &random_case, &left_to_others};
  return kTable;
}

}  // namespace diffvisor::models
