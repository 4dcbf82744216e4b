// SPDX-License-Identifier: Apache-2.0
// Every named defect has an input that shows it, and KVM of 2021 differs where it is said to, and how.
#include "models/svm/kvm/kvm_quirks.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "models/svm/kvm/kvm_test_case.h"

namespace diffvisor::svm {
namespace {

const std::map<std::string_view, Case>& exposing() {
  static const std::vector<Change> legacy_cr3 = {{Efer, '-', 0x500}, {Cr3, '|', 1}};
  static const std::map<std::string_view, Case> inputs = {
      {"lgpa.pdpte_nonpresent", case_of("kvm61", kVmmcall, pae({{Cr3Pdpte + 1, '=', 0x1e0}}))},
      {"lgpa.sev_cbit_nsvm_cr3", case_of("sev", kVmmcall, {{Cr3, '|', b(47)}})},
      {"lgpa.sev_cbit_long_only", case_of("sev", kVmmcall, pae({{Cr3Pdpte + 1, '=', b(47) | 1}}))},
      {"lgpa.nsvm_legacy_low_bits", case_of("kvm61", kVirtualInterrupt, legacy_cr3)},
      {"svm.ncr3_unchecked", case_of("kvm61", kVirtualInterrupt, {{Ncr3, '|', b(48)}})},
      {"svm.tables_unchecked", case_of("kvm61", kVmmcall, {{IopmBase, '|', b(48)}})},
      {"svm.table_first_byte", case_of("kvm61", kVmmcall, {{IopmBase, '=', b(48) - 0x1000}})},
      {"svm.efer_left_to_processor", case_of("ryzen", kVmmcall, {{Efer, '|', b(efer::TCE)}})},
      {"kvm2021", case_of("legacy", kVmmcall, {{Efer, '|', b(efer::LMA)}})},
  };
  return inputs;
}

TEST(KvmQuirks, AreExposed) {
  const KvmModel plain;
  for (const Quirk& q : named_kvm_quirks()) {
    ASSERT_TRUE(exposing().contains(q.id)) << q.id;
    const KvmModel defective({.version = "6.1", .edits = q.edits});
    const Case& c = exposing().at(q.id);
    EXPECT_NE(said(plain.ruling(c)), said(defective.ruling(c))) << q.id;
    const Case golden = case_of("kvm61", kVmmcall, {});
    EXPECT_EQ(said(plain.ruling(golden)), said(defective.ruling(golden))) << q.id;
  }
}

TEST(KvmQuirks, IdsAreUnique) {
  std::set<std::string_view> seen;
  for (const Quirk& q : named_kvm_quirks()) {
    EXPECT_TRUE(seen.insert(q.id).second) << q.id;
    EXPECT_FALSE(q.story.empty() || q.edits.empty()) << q.id;
  }
}

struct Row {
  const char* name;
  Case c;
  const char* before;
  KvmStage stage_before;
  const char* now;
  KvmStage stage_now;
};

TEST(Kvm2021, Differences) {
  using enum KvmStage;
  const auto of = [](const char* profile, const std::vector<Change>& set) { return case_of(profile, kVmmcall, set); };
  const char *bad = "vmexit_invalid", *calls = "entered(0x81)", *any = "entered";
  const std::uint64_t out_of_long = b(efer::LME) | b(efer::LMA);
  const std::vector<Row> table = {
      {"golden", of("kvm61", {}), calls, Entered, calls, Entered},
      // Left to the processor, which says the same.
      {"CR0[63:32]", of("kvm61", {{Cr0, '|', b(32)}}), bad, Processor, bad, Software},
      {"CS.L and CS.D", of("kvm61", {{CsAttr, '|', b(attr::DB)}}), bad, Processor, bad, Software},
      {"EFER nobody has", of("kvm61", {{Efer, '|', b(9)}}), bad, Processor, bad, Software},
      // Left to the processor, which has more than L1 is offered.
      {"EFER of the processor", of("kvm61", {{Efer, '|', b(efer::TCE)}}), calls, Entered, bad, Software},
      {"no long mode", of("legacy", {{Efer, '|', b(efer::LMA)}}), calls, Entered, bad, Software},
      // Left to nobody.
      {"nCR3", of("kvm61", {{Ncr3, '|', b(48)}}), any, Entered, bad, Software},
      {"IOPM", of("kvm61", {{IopmBase, '|', b(48)}}), any, Entered, bad, Software},
      {"MSRPM unused", of("kvm61", {{MsrpmBase, '|', b(48)}, {InterceptMisc1, '-', b(misc1::MSR_PROT)}}), any, Entered,
       bad, Software},
      {"MSRPM unreadable", of("kvm61", {{MsrpmBase, '|', b(48)}}), bad, Software, bad, Software},
      // Demanded without need.
      {"C-bit in CR3", of("sev", {{Cr3, '|', b(47)}}), bad, Software, any, Entered},
      {"C-bit in a PDPTE", of("sev", pae({{Cr3Pdpte + 1, '=', b(47) | 1}})), bad, Software, calls, Entered},
      {"PAE CR3[2:0]", of("kvm61", {{Efer, '-', out_of_long}, {Cr3, '|', 4}}), bad, Software, any, Entered},
      {"PAE CR3[11:5]", of("kvm61", {{Efer, '-', out_of_long}, {Cr3, '|', 0x20}}), any, Entered, any, Entered},
      {"legacy CR3[11:5]", of("kvm61", {{Efer, '-', out_of_long}, {Cr4, '-', b(cr4::PAE)}, {Cr3, '|', 0x20}}), bad,
       Software, any, Entered},
      {"long-mode CR3 low bits", of("kvm61", {{Cr3, '|', 0xfe7}}), any, Entered, any, Entered},
  };
  const KvmModel old_kernel(kvm_2021()), new_kernel;
  for (const Row& r : table) {
    const KvmRuling before = old_kernel.ruling(r.c), now = new_kernel.ruling(r.c);
    EXPECT_TRUE(says(before, r.before)) << r.name << ": " << said(before) << ", by " << decider_of(before);
    EXPECT_EQ(before.stage, r.stage_before) << r.name;
    EXPECT_TRUE(says(now, r.now)) << r.name << ": " << said(now) << ", by " << decider_of(now);
    EXPECT_EQ(now.stage, r.stage_now) << r.name;
  }
  EXPECT_EQ(old_kernel.info().version, "5.10");
}

}  // namespace
}  // namespace diffvisor::svm
