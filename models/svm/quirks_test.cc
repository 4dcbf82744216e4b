// SPDX-License-Identifier: Apache-2.0
// Every named quirk has an input that shows it, and the model without it says something else.
#include "models/svm/quirks.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "models/svm/arch.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::svm {
namespace {

rules::Outcome outcome(const std::vector<rules::RowEdit>& edits, const Case& c) {
  Observation o;
  ArchModel(edits).submit({&c, 1}, {&o, 1});
  return o.status == Status::Ran ? o.outcome : make_outcome(OutcomeKind::Unjudged);
}

TEST(Quirks, AreExposed) {
  const std::map<std::string_view, Case> exposing = {
      {"lgpa.pdpte_nonpresent", case_of("ryzen", kVmmcall, pae({{Cr3Pdpte + 1, '=', 0x1e0}}))},
      {"lgpa.nsvm_legacy_low_bits", case_of("ryzen", kVirtualInterrupt, {{Efer, '-', 0x500}, {Cr3, '=', 0x1001}})},
      {"lgpa.cr3_long_mode_only", case_of("ryzen", kVmmcall, {{Efer, '-', 0x500}, {Cr3, '|', b(40)}})},
      {"lgpa.sev_cbit_nsvm_cr3", case_of("sev", kVmmcall, {{Cr3, '|', b(47)}})},
      {"svm.table_first_byte", case_of("ryzen", kVmmcall, {{MsrpmBase, '=', b(40) - 0x1000}})},
      {"svm.late_2021", case_of("ryzen", kVmmcall, {{Cr0, '|', b(32)}})},
  };
  for (const Quirk& q : named_quirks()) {
    ASSERT_TRUE(exposing.contains(q.id)) << q.id;
    EXPECT_NE(outcome(q.edits, exposing.at(q.id)), outcome({}, exposing.at(q.id))) << q.id;
    const Case golden = case_of("ryzen", kVmmcall, {});
    EXPECT_EQ(outcome(q.edits, golden), outcome({}, golden)) << q.id;
  }
}

TEST(Quirks, IdsAreUnique) {
  std::set<std::string_view> seen;
  for (const Quirk& q : named_quirks()) {
    EXPECT_TRUE(seen.insert(q.id).second) << q.id;
    EXPECT_FALSE(q.story.empty() || q.edits.empty()) << q.id;
  }
}

}  // namespace
}  // namespace diffvisor::svm
