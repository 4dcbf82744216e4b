// SPDX-License-Identifier: Apache-2.0
// KVM's outcome for one change, or for two of which KVM's order picks one.
#include "models/svm/kvm/kvm_model.h"

#include <set>

#include <gtest/gtest.h>

#include "harness/arch/svm/memory_map.h"
#include "models/svm/kvm/kvm_test_case.h"

namespace diffvisor::svm {
namespace {

struct Vector {
  const char* profile;
  ProbeChoice probe;
  std::vector<Change> set;
  std::string expect;        // outcome_text, or the id of the limit; see says()
  std::string_view decider;  // "" when nothing fails
};

constexpr const char *kCalls = "entered(0x81)", *kInterrupted = "entered(0x64)", *kAny = "entered",
                     *kBad = "vmexit_invalid", *kGp = "#GP(0)", *kUd = "#UD";
constexpr const char *kRyzen = "ryzen", *kKvm = "kvm61", *kSev = "sev", *kLegacy = "legacy", *kFull = "full";
constexpr std::uint64_t kNoLma = b(efer::LMA), kNoLong = b(efer::LMA) | b(efer::LME);

// clang-format off
const std::vector<Vector> kVectors = {
  // golden
  {kKvm,    kVmmcall,          {}, kCalls, ""},
  {kKvm,    kVirtualInterrupt, {}, kInterrupted, ""},
  {kSev,    kVmmcall,          {}, kCalls, ""},
  {kRyzen,  kVmmcall,          {{NestedCtl, '=', 0}}, kCalls, ""},
  {kKvm,    kVmmcall,          pae({}), kCalls, ""},
  // the instruction: the processor before KVM
  {kKvm,    kVmmcall, {{Context, '=', b(kSvmeOff)}}, kUd, "kvm.run.svme"},
  {kKvm,    kVmmcall, {{Context, '=', b(kCpl3)}}, kGp, "kvm.hardware.cpl"},
  {kKvm,    kVmmcall, {{Context, '=', b(kSvmeOff) | b(kCpl3)}}, kGp, "kvm.hardware.cpl"},
  {kKvm,    kVmmcall, {{Context, '=', b(kSvmeOff)}, {VmcbAddress, '|', 8}}, kGp, "kvm.hardware.align"},
  {kKvm,    kVmmcall, {{VmcbAddress, '|', b(48)}, {Asid, '=', 0}}, kGp, "kvm.hardware.width"},
  {kKvm,    kVmmcall, {{VmcbAddress, '|', b(47)}}, kGp, "kvm.run.mapped"},
  {kKvm,    kVmmcall, {{VmcbAddress, '=', agent::kRamEnd}}, kGp, "kvm.run.mapped"},
  {kKvm,    kVmmcall, {{VmcbAddress, '=', agent::kRamEnd - 0x1000}}, "svm.limit.vmcb_elsewhere", "svm.limit.vmcb_elsewhere"},
  {kKvm,    kVmmcall, {{Context, '=', b(kAddress32)}}, kCalls, ""},
  {kKvm,    kVmmcall, {{Context, '=', b(kAddress32)}, {VmcbAddress, '|', b(32)}}, kGp, "kvm.run.mapped"},
  {kKvm,    kVmmcall, {{Context, '=', b(kAddress32) | b(kSvmeOff)}, {VmcbAddress, '|', b(63)}}, kUd, "kvm.run.svme"},
  {kKvm,    kVmmcall, {{CleanBits, '=', 1}, {Asid, '=', 0}}, "svm.limit.clean_bits", "svm.limit.clean_bits"},
  // the save area
  {kKvm,    kVmmcall, {{Efer, '-', b(efer::SVME)}, {Cr0, '|', b(32)}}, kBad, "kvm.save.efer.svme"},
  {kKvm,    kVmmcall, {{Cr0, '|', b(cr0::NW) | b(32)}}, kBad, "kvm.save.cr0.cd_nw"},
  {kKvm,    kVmmcall, {{Cr0, '|', b(cr0::NW) | b(cr0::CD)}}, kCalls, ""},
  {kKvm,    kVmmcall, {{Cr0, '|', b(32)}, {Dr6, '|', b(32)}}, kBad, "kvm.save.cr0.high"},
  {kKvm,    kVmmcall, {{Dr6, '|', b(63)}, {Dr7, '|', b(32)}}, kBad, "kvm.save.dr6"},
  {kKvm,    kVmmcall, {{Dr7, '|', b(32)}, {Cr4, '-', b(cr4::PAE)}}, kBad, "kvm.save.dr7"},
  {kKvm,    kVmmcall, {{Cr4, '-', b(cr4::PAE)}, {Cr3, '|', b(48)}}, kBad, "kvm.save.long.pae"},
  {kKvm,    kVmmcall, {{Cr0, '-', b(cr0::PE)}}, kBad, "kvm.save.long.pe"},
  {kKvm,    kVmmcall, {{Cr3, '|', b(48)}}, kBad, "kvm.save.long.cr3"},
  {kKvm,    kVmmcall, {{Cr3, '|', b(63)}}, kBad, "kvm.save.long.cr3"},
  {kSev,    kVmmcall, {{Cr3, '|', b(47)}}, kAny, ""},
  {kSev,    kVmmcall, {{Cr3, '|', b(46)}}, kBad, "kvm.save.long.cr3"},
  {kKvm,    kVmmcall, {{CsAttr, '|', b(attr::DB)}, {Cr4, '|', b(cr4::CET)}}, kBad, "kvm.save.long.cs"},
  {kKvm,    kVmmcall, pae({{CsAttr, '|', b(attr::L)}}), kAny, ""},
  {kFull,   kVmmcall, {{Cr4, '|', b(cr4::CET)}}, kBad, "kvm.save.cr4.never_offered"},
  {kRyzen,  kVmmcall, {{Cr4, '|', b(cr4::PCIDE)}}, kBad, "kvm.save.cr4.offered"},
  {kRyzen,  kVmmcall, {{CapCr4Mask, '-', b(cr4::DE)}, {Cr4, '|', b(cr4::DE)}}, kCalls, ""},
  {kRyzen,  kVmmcall, {{Cr4, '|', b(cr4::PCIDE)}, {Efer, '|', b(1)}}, kBad, "kvm.save.cr4.offered"},
  {kRyzen,  kVmmcall, {{Efer, '|', b(efer::TCE)}}, kBad, "kvm.save.efer.never_offered"},
  {kFull,   kVmmcall, {{Efer, '|', b(efer::AIBRSE)}}, kBad, "kvm.save.efer.never_offered"},
  {kKvm,    kVmmcall, {{Efer, '|', b(efer::FFXSR)}}, kCalls, ""},
  {kKvm,    kVmmcall, {{CapEferMask, '-', b(efer::FFXSR)}, {Efer, '|', b(efer::FFXSR)}}, kBad, "kvm.save.efer.offered"},
  {kKvm,    kVmmcall, {{Efer, '|', b(efer::LMSLE)}}, kCalls, ""},
  {kRyzen,  kVmmcall, {{Efer, '|', b(efer::LMSLE)}}, kBad, "svm.save.efer.mbz"},
  {kLegacy, kVmmcall, {{Efer, '|', b(efer::LMA)}}, kBad, "kvm.save.efer.offered"},
  {kFull,   kVmmcall, {{SCet, '=', 8}}, kCalls, ""},
  {kKvm,    kVmmcall, {{GPat, '=', 2}}, kCalls, ""},
  {kKvm,    kVmmcall, {{Rflags, '=', 0}}, kCalls, ""},
  // the control area
  {kKvm,    kVmmcall, {{InterceptMisc2, '-', 1}, {Asid, '=', 0}}, kBad, "kvm.control.vmrun_intercept"},
  {kKvm,    kVmmcall, {{Efer, '|', 2}, {InterceptMisc2, '-', 1}}, kBad, "kvm.save.efer.never_offered"},
  {kKvm,    kVmmcall, {{Asid, '=', 0}, {Ncr3, '|', b(48)}}, kBad, "kvm.control.asid"},
  {kKvm,    kVmmcall, {{CapSvmFeatures, '-', b(svm_feature::NP)}, {NestedCtl, '=', 1}}, kBad, "kvm.control.nested_paging"},
  {kKvm,    kVmmcall, {{Ncr3, '|', b(48)}, {MsrpmBase, '|', b(48)}}, kBad, "kvm.control.ncr3"},
  {kKvm,    kVmmcall, {{NestedCtl, '=', 0}, {Ncr3, '|', b(48)}}, kCalls, ""},
  {kSev,    kVirtualInterrupt, {{Ncr3, '|', b(47)}}, kInterrupted, ""},
  {kKvm,    kVmmcall, {{MsrpmBase, '=', b(48) - 0x1000}, {IopmBase, '|', b(48)}}, kBad, "kvm.control.msrpm"},
  {kKvm,    kVmmcall, {{IopmBase, '=', b(48) - 0x2000}}, kBad, "kvm.control.iopm"},
  {kKvm,    kVmmcall, {{IopmBase, '=', b(48) - 0x3000}}, kAny, ""},
  {kKvm,    kVmmcall, {{TlbControl, '=', 0xff}, {Asid, '=', 0xffffffff}}, kCalls, ""},
  // the switch to L2
  {kKvm,    kVmmcall, {{NestedCtl, '=', 1}, {Efer, '-', kNoLong}, {Cr3, '|', b(48)}}, kBad, "kvm.cr3.legal"},
  {kKvm,    kVmmcall, {{Cr0, '-', b(cr0::PG)}, {Cr3, '|', b(63)}}, kBad, "kvm.cr3.legal"},
  {kKvm,    kVmmcall, {{Efer, '-', kNoLong}, {Cr3, '|', b(48)}, {IopmBase, '|', b(48)}}, kBad, "kvm.control.iopm"},
  {kKvm,    kVmmcall, {{NestedCtl, '=', 0}, {Efer, '-', kNoLma}}, kBad, "kvm.cr3.pdpte.0"},
  {kKvm,    kVmmcall, {{NestedCtl, '=', 0}, {Efer, '-', kNoLma}, {Cr3Pdpte, '=', 1}}, kAny, ""},
  {kKvm,    kVmmcall, pae({{Cr3Pdpte + 3, '=', 3}}), kBad, "kvm.cr3.pdpte.3"},
  {kKvm,    kVmmcall, pae({{Cr3Pdpte + 1, '=', 0x1e0}}), kCalls, ""},
  {kKvm,    kVmmcall, pae({{Cr3Pdpte + 1, '=', b(48) | 1}}), kBad, "kvm.cr3.pdpte.1"},
  {kSev,    kVmmcall, pae({{Cr3Pdpte + 1, '=', b(47) | 1}}), kCalls, ""},
  {kKvm,    kVmmcall, pae({{Cr3Pdpte + 3, '=', 3}, {Efer, '|', b(efer::LMA)}}), kCalls, ""},
  {kKvm,    kVmmcall, pae({{Cr3Pdpte + 3, '=', 3}, {NestedCtl, '=', 1}}), kCalls, ""},
  {kKvm,    kVmmcall, pae({{Cr3, '|', b(32)}}), kBad, "kvm.cr3.pdptes_readable"},
  {kKvm,    kVmmcall, pae({{Cr3, '=', 0x10000}}), "svm.limit.cr3_pdptes", "svm.limit.cr3_pdptes"},
  {kKvm,    kVmmcall, pae({{Cr3, '=', 0x10000}, {Asid, '=', 0}}), kBad, "kvm.control.asid"},
  {kKvm,    kVmmcall, {{MsrpmBase, '=', agent::kRamEnd - 0x1000}}, kBad, "kvm.msrpm.readable"},
  {kKvm,    kVmmcall, {{MsrpmBase, '=', agent::kRamEnd - 0x2001}}, kAny, ""},
  {kKvm,    kVmmcall, {{MsrpmBase, '=', agent::kRamEnd}, {InterceptMisc1, '-', b(misc1::MSR_PROT)}}, kAny, ""},
  {kKvm,    kVmmcall, {{IopmBase, '=', agent::kRamEnd}}, kAny, ""},
  // the processor
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000100}}, kBad, "svm.inj.type"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000302}}, kBad, "svm.inj.exc_nmi"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000320}}, kBad, "svm.inj.exc_vec"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000305}}, kBad, "svm.inj.exc_mode"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000305}, {Efer, '-', kNoLma}}, kBad, "svm.inj.exc_mode"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000305}, {Cr0, '-', b(cr0::PG)}}, kAny, ""},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000320}, {Asid, '=', 0}}, kBad, "kvm.control.asid"},
  {kKvm,    kVmmcall, {{Eventinj, '=', 0x80000306}}, kCalls, ""},
  // what never reaches it
  {kFull,   kVmmcall, {{IntCtl, '|', b(int_ctl::AVIC_ENABLE)}}, kCalls, ""},
  {kFull,   kVmmcall, {{IntCtl, '|', b(int_ctl::V_NMI_ENABLE)}, {InterceptMisc1, '-', b(misc1::NMI)}}, kAny, ""},
  {kFull,   kVmmcall, {{NestedCtl, '|', b(nested_ctl::GMET)}}, kCalls, ""},
  {kFull,   kVmmcall, {{IntCtl, '|', b(int_ctl::V_GIF_ENABLE)}}, kAny, ""},
  {kKvm,    kVmmcall, {{IntCtl, '|', b(int_ctl::V_GIF_ENABLE)}}, kAny, ""},
  {kRyzen,  kVmmcall, {{IntCtl, '|', b(int_ctl::V_GIF_ENABLE)}}, kCalls, ""},
  // the guest
  {kKvm,    kVmmcall, {{Rip, '|', 1}}, kAny, ""},
  {kKvm,    kVmmcall, {{Ncr3, '=', kEmptyTables}}, "entered(0x400)", ""},
};
// clang-format on

TEST(KvmModel, Vectors) {
  const KvmModel model;
  std::size_t i = 0;
  for (const Vector& t : kVectors) {
    const KvmRuling r = model.ruling(case_of(t.profile, t.probe, t.set));
    EXPECT_TRUE(says(r, t.expect)) << "vector " << i << ": " << said(r) << ", not " << t.expect << ", by "
                                   << decider_of(r);
    EXPECT_EQ(decider_of(r), t.decider) << "vector " << i;
    ++i;
  }
}

TEST(KvmModel, EveryRowIsSeenDeciding) {
  std::set<std::string_view> decided;
  for (const Vector& t : kVectors) decided.insert(t.decider);
  for (const rules::Rule& row : kvm_rules().rows) {
    bool claimed = row.id == "svm.limit.u_cet" || row.id.starts_with("kvm.cr3.pdpte.");
    for (const rules::Claim& c : kvm_table().claims) claimed |= c.id == row.id;
    EXPECT_TRUE(claimed || decided.contains(row.id)) << row.id;
  }
}

// The reference cannot say what this guest does first; that it is entered is certain.
TEST(KvmModel, LeavesTheExitOpenWhereTheReferenceHasALimit) {
  const KvmModel model;
  EXPECT_EQ(said(model.ruling(case_of(kKvm, kVmmcall, {{InterceptExc, '=', 0}}))), "entered");
  EXPECT_EQ(said(model.ruling(case_of(kKvm, kVmmcall, {{InterceptExc, '=', 0}, {Asid, '=', 0}}))), kBad);
}

TEST(KvmModel, EachPdpteHasItsRow) {
  const char* rows[] = {"kvm.cr3.pdpte.0", "kvm.cr3.pdpte.1", "kvm.cr3.pdpte.2", "kvm.cr3.pdpte.3"};
  for (unsigned i = 0; i < 4; ++i)
    EXPECT_EQ(decider_of(KvmModel().ruling(case_of(kKvm, kVmmcall, pae({{Cr3Pdpte + i, '=', 3}})))), rows[i]);
}

TEST(KvmModel, SavesEferAsTheVcpuHasIt) {
  const auto saved = [](const std::vector<Change>& set) {
    const KvmRuling r = KvmModel().ruling(case_of(kKvm, kVirtualInterrupt, set));
    EXPECT_TRUE(r.seen.defined.test(kExitEfer));
    return r.seen.record[kExitEfer];
  };
  EXPECT_EQ(saved({}), 0x1d01u);
  EXPECT_EQ(saved({{Efer, '-', kNoLma}}), 0x1901u);
  EXPECT_EQ(saved({{Efer, '-', b(efer::LME)}}), 0x1c01u);
  EXPECT_EQ(saved({{Cr0, '-', b(cr0::PG)}}), 0x1901u);
  EXPECT_EQ(KvmModel().ruling(case_of(kKvm, kVmmcall, {{Asid, '=', 0}})).seen.record[kExitCode], kInvalidExitCode);
}

TEST(KvmModel, SkipsMarkedObservations) {
  const std::vector<Case> cases = {case_of(kKvm, kVmmcall, {}), case_of(kKvm, kVmmcall, {})};
  std::vector<Observation> seen = {incomparable("known_death"), Observation{}};
  KvmModel model;
  model.submit(cases, seen);
  EXPECT_EQ(seen[0].reason, "known_death");
  EXPECT_EQ(seen[1].status, Status::Ran);
  EXPECT_EQ(model.info().trust, Trust::Transcription);
}

}  // namespace
}  // namespace diffvisor::svm
