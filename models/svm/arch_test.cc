// SPDX-License-Identifier: Apache-2.0
// Hand-picked cases: small differences from golden and what they come to.
#include "models/svm/arch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "models/svm/arch_rules.h"
#include "models/svm/svm_test_case.h"

namespace diffvisor::svm {
namespace {

struct Vector {
  const char* profile;
  ProbeChoice probe;
  std::vector<Change> set;
  std::string expect;  // outcome_text, or the id of the limit
};

std::string verdict(const Case& c) {
  const Observation o = observe_arch(c.v.data());
  return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
}

constexpr const char *kCalls = "entered(0x81)", *kInterrupted = "entered(0x64)", *kAny = "entered",
                     *kBad = "vmexit_invalid";
constexpr const char *kGp = "#GP(0)", *kUd = "#UD";
constexpr const char *kRyzen = "ryzen", *kKvm = "kvm61", *kSev = "sev", *kLegacy = "legacy", *kFull = "full";

// clang-format off
const std::vector<Vector> kVectors = {
  // golden
  {kRyzen, kVmmcall, {}, kCalls},
  {kRyzen, kVirtualInterrupt, {}, kInterrupted},
  {kFull,  kVirtualInterrupt, {}, kInterrupted},
  // 15.5: the instruction
  {kRyzen, kVmmcall, {{Context, '=', b(kSvmeOff) | b(kCpl3)}, {VmcbAddress, '=', 1}}, kUd},
  {kRyzen, kVmmcall, {{Context, '=', b(kCpl3)}, {Asid, '=', 0}}, kGp},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', 0x800}, {Asid, '=', 0}}, kGp},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', b(40)}}, kGp},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', b(39)}}, "svm.limit.vmcb_elsewhere"},
  {kKvm,   kVmmcall, {{VmcbAddress, '|', b(40)}}, "svm.limit.vmcb_elsewhere"},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', b(40)}, {Context, '=', b(kAddress32)}}, kCalls},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', b(31)}, {Context, '=', b(kAddress32)}}, "svm.limit.vmcb_elsewhere_32"},
  {kRyzen, kVmmcall, {{VmcbAddress, '|', b(11)}, {Context, '=', b(kAddress32)}}, kGp},
  {kRyzen, kVmmcall, {{CleanBits, '=', 1}}, kCalls},
  {kKvm,   kVmmcall, {{CleanBits, '=', 1}}, "svm.limit.clean_bits"},
  // 15.5.1: the save area
  {kRyzen, kVmmcall, {{Efer, '-', b(efer::SVME)}}, kBad},
  {kRyzen, kVmmcall, {{Cr0, '|', b(cr0::NW)}}, kBad},
  {kRyzen, kVmmcall, {{Cr0, '|', b(cr0::NW) | b(cr0::CD)}}, kCalls},
  {kRyzen, kVmmcall, {{Cr0, '|', b(cr0::CD)}}, kCalls},
  {kRyzen, kVmmcall, {{Cr0, '|', b(32)}}, kBad},
  {kRyzen, kVmmcall, {{Cr0, '|', b(7) | b(28)}}, kCalls},
  {kRyzen, kVmmcall, {{Cr3, '|', b(40)}}, kBad},
  {kRyzen, kVmmcall, {{Cr3, '|', b(39)}}, kAny},
  {kRyzen, kVmmcall, {{Cr3, '|', b(63)}}, kBad},
  {kKvm,   kVmmcall, {{Cr3, '|', b(40)}}, kAny},
  {kSev,   kVmmcall, {{Cr3, '|', b(47)}}, kAny},
  {kSev,   kVmmcall, {{Cr3, '|', b(46)}}, kBad},
  {kSev,   kVmmcall, {{Cr3, '|', b(47)}, {Efer, '-', 0x500}, {CsAttr, '=', 0xc9b}}, kAny},
  {kRyzen, kVmmcall, {{Cr3, '|', b(40)}, {Efer, '-', 0x500}}, kBad},
  {kRyzen, kVmmcall, {{Cr3, '|', 7}, {Efer, '-', 0x500}}, kAny},
  {kRyzen, kVmmcall, {{Cr4, '|', b(cr4::VMXE)}}, kBad},
  {kRyzen, kVmmcall, {{Cr4, '|', b(cr4::PCIDE)}}, kBad},
  {kKvm,   kVmmcall, {{Cr4, '|', b(cr4::PCIDE)}}, kCalls},
  {kKvm,   kVmmcall, {{Cr4, '|', b(cr4::PCIDE)}, {Efer, '-', 0x500}}, kAny},
  {kRyzen, kVmmcall, {{Cr4, '|', b(63)}}, kBad},
  {kRyzen, kVmmcall, {{Dr6, '|', b(32)}}, kBad},
  {kRyzen, kVmmcall, {{Dr6, '=', 0}}, kCalls},
  {kRyzen, kVmmcall, {{Dr7, '|', b(63)}}, kBad},
  {kRyzen, kVmmcall, {{Dr7, '=', 0}}, kCalls},
  {kRyzen, kVmmcall, {{Efer, '|', b(efer::LMSLE)}}, kBad},
  {kKvm,   kVmmcall, {{Efer, '|', b(efer::LMSLE)}}, kCalls},
  {kRyzen, kVmmcall, {{Efer, '|', b(efer::FFXSR) | b(efer::TCE)}}, kCalls},
  {kKvm,   kVmmcall, {{Efer, '|', b(efer::TCE)}}, kBad},
  {kRyzen, kVmmcall, {{Efer, '|', b(1)}}, kBad},
  {kLegacy, kVmmcall, {{Efer, '|', b(efer::LME)}}, kBad},
  {kLegacy, kVmmcall, {{Efer, '|', b(efer::LMA)}}, kBad},
  {kRyzen, kVmmcall, {{Efer, '-', b(efer::LMA)}}, kCalls},
  {kRyzen, kVmmcall, {{Efer, '-', b(efer::LME)}}, kAny},
  {kRyzen, kVmmcall, {{Cr4, '-', b(cr4::PAE)}}, kBad},
  {kRyzen, kVmmcall, {{Cr4, '-', b(cr4::PAE)}, {Cr0, '-', b(cr0::PG)}, {CsAttr, '=', 0xc9b}}, kCalls},
  {kRyzen, kVmmcall, {{Cr0, '-', b(cr0::PE)}}, kBad},
  {kRyzen, kVmmcall, {{Cr0, '-', b(cr0::PE)}, {Efer, '-', 0x500}}, kAny},
  {kRyzen, kVmmcall, {{CsAttr, '|', b(attr::DB)}}, kBad},
  {kRyzen, kVmmcall, {{CsAttr, '|', b(attr::DB)}, {Cr0, '-', b(cr0::PG)}}, kAny},
  {kRyzen, kVmmcall, {{CsAttr, '=', 0}, {CsSelector, '=', 0}}, kAny},
  {kRyzen, kVmmcall, {{SCet, '=', 4}}, kCalls},
  {kFull,  kVmmcall, {{SCet, '=', 4}}, kBad},
  {kFull,  kVmmcall, {{SCet, '=', 3}}, kCalls},
  {kFull,  kVmmcall, {{Cr4, '|', b(cr4::CET)}, {Cr0, '-', b(cr0::WP)}}, kBad},
  {kFull,  kVmmcall, {{Cr4, '|', b(cr4::CET)}, {UCet, '=', 1}, {Rflags, '|', b(rflags::VM)}}, kBad},
  {kFull,  kVmmcall, {{Cr4, '|', b(cr4::CET)}, {UCet, '=', 1}}, kCalls},
  {kFull,  kVmmcall, {{UCet, '=', 4}}, "svm.limit.u_cet"},
  {kRyzen, kVmmcall, {{GPat, '=', 2}}, kBad},
  {kRyzen, kVmmcall, {{GPat, '=', 8}}, kBad},
  {kRyzen, kVmmcall, {{GPat, '=', 2}, {NestedCtl, '=', 0}}, kCalls},
  {kRyzen, kVmmcall, {{Rflags, '=', 0}}, kCalls},
  {kRyzen, kVmmcall, {{Rip, '=', b(60)}}, kAny},
  {kRyzen, kVmmcall, {{Cpl, '=', 3}}, kCalls},
  // PDPTEs
  {kRyzen, kVmmcall, pae({}), kCalls},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte, '|', 0xe18}}), "svm.limit.physical_legacy"},
  {kRyzen, kVirtualInterrupt, pae({{Cr3Pdpte, '|', 0xe18}}), kInterrupted},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte, '|', 0xe00}}), kCalls},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 3, '=', 3}}), kBad},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 2, '=', 0x101}}), kBad},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 1, '=', b(40) | 1}}), kBad},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 1, '=', b(63) | 1}}), kBad},
  {kSev,   kVmmcall, pae({{Cr3Pdpte + 1, '=', b(47) | 1}}), kCalls},
  {kSev,   kVmmcall, pae({{Cr3Pdpte + 1, '=', b(46) | 1}}), kBad},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 1, '=', 0x1e6}}), kCalls},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte + 3, '=', 3}, {NestedCtl, '=', 1}}), kCalls},
  {kRyzen, kVmmcall, pae({{Cr3Pdpte, '=', 3}, {NestedCtl, '=', 1}}), kAny},
  {kRyzen, kVmmcall, pae({{Cr3, '=', agent::kAgentImage}}), "svm.limit.cr3_pdptes"},
  {kRyzen, kVmmcall, pae({{Cr3, '=', agent::kRamEnd}}), "svm.limit.cr3_pdptes"},
  {kRyzen, kVmmcall, pae({{Cr3, '=', agent::kAgentImage}, {Asid, '=', 0}}), kBad},
  // 15.5.1: the control area
  {kRyzen, kVmmcall, {{InterceptMisc2, '-', 1}}, kBad},
  {kRyzen, kVmmcall, {{Asid, '=', 0}}, kBad},
  {kRyzen, kVmmcall, {{Asid, '=', 0xffffffff}}, kCalls},
  {kRyzen, kVmmcall, {{TlbControl, '=', 2}}, kCalls},
  {kRyzen, kVmmcall, {{MsrpmBase, '=', b(40)}}, kBad},
  {kRyzen, kVmmcall, {{MsrpmBase, '=', b(40) - 0x1000}}, kBad},
  {kRyzen, kVmmcall, {{MsrpmBase, '=', b(40) - 0x2000}}, kCalls},
  {kRyzen, kVmmcall, {{IopmBase, '=', b(40) - 0x2000}}, kBad},
  {kRyzen, kVmmcall, {{IopmBase, '=', b(40) - 0x2000}, {InterceptMisc1, '-', b(misc1::IOIO_PROT)}}, kBad},
  {kRyzen, kVmmcall, {{IopmBase, '=', b(40) - 0x3000}}, kCalls},
  {kRyzen, kVmmcall, {{IopmBase, '=', b(40) - 0x3000}, {Rip, '=', 0}}, "svm.limit.bitmaps"},
  {kRyzen, kVmmcall, {{IopmBase, '|', 0xfff}, {MsrpmBase, '|', 1}}, kCalls},
  {kSev,   kVmmcall, {{IopmBase, '|', b(47)}}, kCalls},
  {kSev,   kVmmcall, {{IopmBase, '|', b(46)}}, kBad},
  {kRyzen, kVmmcall, {{Ncr3, '|', b(40)}}, kBad},
  {kRyzen, kVmmcall, {{Ncr3, '|', b(39)}}, "svm.limit.nested_tables"},
  {kRyzen, kVmmcall, {{Ncr3, '|', b(40)}, {NestedCtl, '=', 0}}, kCalls},
  {kRyzen, kVirtualInterrupt, {{Ncr3, '|', b(39)}}, kInterrupted},
  {kRyzen, kVmmcall, {{Ncr3, '=', kEmptyTables}}, "entered(0x400)"},
  {kRyzen, kVmmcall, {{Ncr3, '=', agent::kScratch}}, "svm.limit.nested_tables"},
  {kRyzen, kVmmcall, {{NestedCtl, '=', 2}}, kCalls},
  {kFull,  kVmmcall, {{NestedCtl, '=', 3}}, "svm.limit.nested_features"},
  {kRyzen, kVmmcall, {{IntCtl, '=', b(31)}, {NestedCtl, '=', 0}}, kCalls},
  {kFull,  kVmmcall, {{IntCtl, '=', b(31)}, {NestedCtl, '=', 0}}, kBad},
  {kFull,  kVmmcall, {{IntCtl, '=', b(31)}}, "svm.limit.interrupts"},
  {kFull,  kVmmcall, {{IntCtl, '=', b(26)}, {InterceptMisc1, '-', b(misc1::NMI)}}, kBad},
  {kRyzen, kVmmcall, {{IntCtl, '=', b(26)}, {InterceptMisc1, '-', b(misc1::NMI)}}, "svm.limit.intercepts"},
  // 15.20: event injection
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000100}}, kBad},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x100}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000500}}, kBad},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000302}}, kBad},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000202}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000320}}, kBad},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x8000031f}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000305}}, kBad},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000305}, {Efer, '-', 0x500}, {CsAttr, '=', 0xc9b}}, kAny},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000304}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x1280000b0d}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80001306}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000480}}, kCalls},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000030}, {IdtrLimit, '=', 0}}, kAny},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000030}, {Cpl, '=', 3}}, kAny},
  {kRyzen, kVirtualInterrupt, {{Eventinj, '=', 0x80000030}}, kAny},
  {kRyzen, kVmmcall, {{Eventinj, '=', 0x80000030}, {NestedCtl, '=', 0}}, kCalls},
  {kRyzen, kVmmcall, pae({{Eventinj, '=', 0x80000030}}), "svm.limit.physical_legacy"},
  // 15.21: virtual interrupts
  {kRyzen, kVirtualInterrupt, {{Rflags, '=', 2}}, kCalls},
  {kRyzen, kVirtualInterrupt, {{IntState, '=', 1}}, kAny},
  {kRyzen, kVirtualInterrupt, {{IntCtl, '=', 0xf010f}}, kAny},
  {kRyzen, kVirtualInterrupt, {{InterceptMisc1, '-', b(misc1::VINTR)}}, kAny},
  {kRyzen, kVirtualInterrupt, {{NestedCtl, '=', 0}, {Cr3, '=', 0}, {Rip, '=', 0}}, kInterrupted},
  // first instruction
  {kRyzen, kVmmcall, {{Rip, '=', agent::kGuestCode + 3}}, kAny},
  {kRyzen, kVmmcall, {{Rip, '=', agent::kGuestCode + 3}, {NestedCtl, '=', 0}}, "svm.limit.physical"},
  {kRyzen, kVmmcall, {{Cr3, '=', agent::kScratch}, {NestedCtl, '=', 0}}, "svm.limit.physical_long"},
  {kRyzen, kVmmcall, {{Cr4, '|', b(cr4::SMEP)}}, kAny},
  {kRyzen, kVmmcall, {{InterceptExc, '=', 0}}, "svm.limit.exceptions"},
  {kRyzen, kVmmcall, {{InterceptMisc2, '=', 1}}, "svm.limit.instructions"},
  {kRyzen, kVmmcall, {{InterceptMisc2, '=', 0xffffffff}}, kCalls},
  {kRyzen, kVmmcall, {{FsBase, '=', b(60)}, {TrAttr, '=', 0}, {Star, '=', 1}}, kCalls},
};
// clang-format on

TEST(ArchModel, Vectors) {
  for (std::size_t i = 0; i < kVectors.size(); ++i) {
    const Vector& t = kVectors[i];
    EXPECT_EQ(verdict(case_of(t.profile, t.probe, t.set)), t.expect) << "vector " << i;
  }
}

TEST(ArchModel, GoldenBreaksNoRuleInAnyProfile) {
  for (std::uint16_t p = 0; p < schema().profiles.size(); ++p) {
    for (const ProbeChoice probe : {kVmmcall, kVirtualInterrupt}) {
      const Case c = case_of(schema().profiles[p].name, probe, {});
      rules::Survey s;
      arch_rules().survey(c.v.data(), s);
      s.broken.each([&](std::size_t i) {
        EXPECT_EQ(arch_rules().rows[i].kind, rules::Kind::Exit)
            << schema().profiles[p].name << ' ' << arch_rules().rows[i].id;
      });
      EXPECT_EQ(verdict(c), probe == kVmmcall ? kCalls : kInterrupted) << schema().profiles[p].name;
    }
  }
}

TEST(ArchModel, RecordsOnlyWhatTheOutcomeDetermines) {
  const auto observe = [](const std::vector<Change>& set) {
    return observe_arch(case_of(kRyzen, kVmmcall, set).v.data());
  };
  const auto mask = [](auto... slots) { return (0u | ... | (1u << slots)); };
  const Observation calls = observe({{Efer, '-', b(efer::LMA)}, {Rflags, '=', b(63)}, {DsBase, '=', b(47)}});
  EXPECT_EQ(calls.defined, mask(kExitCode, kExitRip, kExitRflags, kExitEfer, kExitCpl, kExitDsBase));
  EXPECT_EQ(calls.record[kExitCode], 0x81u);
  EXPECT_EQ(calls.record[kExitRip], agent::kGuestCode);
  EXPECT_EQ(calls.record[kExitRflags], 2u);
  EXPECT_EQ(calls.record[kExitEfer], 0x1d01u);
  EXPECT_EQ(calls.record[kExitDsBase], 0xffff800000000000u);
  EXPECT_EQ(observe({{Eventinj, '=', 0x80000030}}).defined, mask(kExitCode));
  const Observation bad = observe({{Asid, '=', 0}});
  EXPECT_EQ(bad.defined, mask(kExitCode));
  EXPECT_EQ(bad.record[kExitCode], ~std::uint64_t{0});
  EXPECT_EQ(observe({{Context, '=', b(kCpl3)}}).defined, 0u);
  EXPECT_EQ(observe({{Rip, '=', 0}}).defined, 0u);
}

TEST(ArchModel, CanBeGivenADefect) {
  rules::RowEdit e;
  e.row = rules::find_rule(arch_rules(), "svm.ctl.asid");
  e.drop = true;
  ArchModel model({e});
  const Case c = case_of(kRyzen, kVmmcall, {{Asid, '=', 0}});
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  EXPECT_EQ(outcome_text(o.outcome), kCalls);
  Observation marked = incomparable("profile_not_available");
  model.submit({&c, 1}, {&marked, 1});
  EXPECT_EQ(marked.reason, "profile_not_available");
}

}  // namespace
}  // namespace diffvisor::svm
