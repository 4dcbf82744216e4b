// SPDX-License-Identifier: Apache-2.0
// The whole path case -> agent -> emulator -> observation for svm_entry, against what Bochs 2.7 and QEMU 7.2 are known
// to do. The same case, of the same profile, on both.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/arch/svm/golden.h"
#include "harness/arch/svm/schema.h"
#include "oracles/agent/svm_entry_codec.h"
#include "oracles/machines/machines.h"

namespace diffvisor {
namespace {

using namespace svm;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kAll = ~std::uint64_t{0}, kInject = bit(31);
constexpr Outcome kSeen = entered(kVmmcallExit), kPageFault = entered(kExceptionExit + 14);
constexpr Outcome kFault = entered(kExceptionExit + 13);

struct Edit {
  Slot slot;
  std::uint64_t clear, set;
};
struct Row {
  const char* what;
  std::vector<Edit> edits;
  Outcome bochs, qemu;
};

// clang-format off
const Row kRows[] = {
    {"golden",                         {},                                                          kSeen,    kSeen},
    {"golden, virtual interrupt",      {{IntCtl, kAll, bit(int_ctl::V_IRQ) | 0xf0000}, {Rflags, 0, bit(9)}}, kSeen, entered(kVirtualInterruptExit)},
    {"no nested paging",               {{NestedCtl, 1, 0}},                                         kSeen,    kSeen},
    {"EFER.SVME 0",                    {{Efer, bit(efer::SVME), 0}},                                kInvalid, kInvalid},
    {"EFER bit 9",                     {{Efer, 0, bit(9)}},                                         kInvalid, kInvalid},
    {"EFER.FFXSR",                     {{Efer, 0, bit(efer::FFXSR)}},                               kSeen,    kSeen},
    {"EFER.TCE",                       {{Efer, 0, bit(efer::TCE)}},                                 kInvalid, kInvalid},
    {"EFER.LMA without LME",           {{Efer, bit(efer::LME), 0}},                                 kPageFault, kSeen},
    {"CR0.NW without CD",              {{Cr0, 0, bit(cr0::NW)}},                                    kInvalid, kInvalid},
    {"CR0 bit 33",                     {{Cr0, 0, bit(33)}},                                         kInvalid, kInvalid},
    {"CR0 bit 7",                      {{Cr0, 0, bit(7)}},                                          kSeen,    kSeen},
    {"CR3 bit 63",                     {{Cr3, 0, bit(63)}},                                         kSeen,    kInvalid},
    {"CR4 bit 15",                     {{Cr4, 0, bit(15)}},                                         kInvalid, kInvalid},
    {"CR4.PCIDE",                      {{Cr4, 0, bit(cr4::PCIDE)}},                                 kInvalid, kSeen},
    {"CR4.PAE 0 in long mode",         {{Cr4, bit(cr4::PAE), 0}},                                   kInvalid, kInvalid},
    {"CS.L and CS.D",                  {{CsAttr, 0, bit(attr::DB)}},                                kInvalid, kInvalid},
    {"DR6 bit 40",                     {{Dr6, 0, bit(40)}},                                         kInvalid, kInvalid},
    {"DR7 bit 40",                     {{Dr7, 0, bit(40)}},                                         kInvalid, kInvalid},
    {"ASID 0",                         {{Asid, kAll, 0}},                                           kInvalid, kInvalid},
    {"VMRUN not intercepted",          {{InterceptMisc2, bit(misc2::VMRUN), 0}},                    kInvalid, kInvalid},
    {"MSRPM beyond MAXPHYADDR",        {{MsrpmBase, kAll, bit(45)}},                                kInvalid, kInvalid},
    {"IOPM at the end",                {{IopmBase, kAll, bit(40) - 0x1000}},                        kSeen,    kInvalid},
    {"nCR3 bit 52",                    {{Ncr3, 0, bit(52)}},                                        kInvalid, kSeen},
    {"G_PAT type 2",                   {{GPat, kAll, 2}},                                           kInvalid, kSeen},
    {"injection type 1",               {{Eventinj, kAll, kInject | 0x100}},                         kInvalid, kInvalid},
    {"injected exception 32",          {{Eventinj, kAll, kInject | 0x320}},                         kInvalid, kInvalid},
    {"injected #GP",                   {{Eventinj, kAll, kInject | 0xb0d}},                         kSeen,    kSeen},
    {"injected NMI",                   {{Eventinj, kAll, kInject | 0x202}},                         kSeen,    kSeen},
    {"RIP not canonical",              {{Rip, kAll, bit(60)}},                                      kFault,   kFault},
    {"single step",                    {{Rflags, 0, bit(8)}},                                       kSeen,    kSeen},
};
// clang-format on

Case edited(const std::vector<Edit>& edits, std::uint64_t context = 0) {
  Case c = golden_case(schema());
  c[Context] = context;
  reset_to_golden(c);
  for (const Edit& e : edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
  clip_to_widths(c);
  settle_facts(c.v.data());
  return c;
}

struct Subject {
  const char *name, *binary, *version;  // a version starts so
  Outcome Row::*seen;
};
void PrintTo(const Subject& s, std::ostream* os) { *os << s.name; }

class SvmEntry : public ::testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    if (std::system(fmt::format("command -v {} >/dev/null", GetParam().binary).c_str()) != 0)
      GTEST_SKIP() << GetParam().binary << " is not installed";
    MachineOptions options;
    options.profile = "ryzen";
    auto made = make_oracle(GetParam().name, agent::svm_entry_codec(), options);
    ASSERT_TRUE(made) << made.error().text();
    executor = std::move(*made);
  }
  std::vector<Observation> run(const std::vector<Case>& cases) {
    std::vector<Observation> out(cases.size());
    executor->submit(cases, out);
    const auto done = executor->collect();
    EXPECT_TRUE(done) << done.error().text();
    return out;
  }
  static std::string text_of(const Observation& o) {
    return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
  }

  std::unique_ptr<Executor> executor;
};

TEST_P(SvmEntry, SaysWhatItIs) {
  EXPECT_EQ(executor->info().name, GetParam().name);
  EXPECT_EQ(executor->info().version.substr(0, std::string(GetParam().version).size()), GetParam().version);
  EXPECT_EQ(executor->info().trust, Trust::Independent);
}

TEST_P(SvmEntry, ChangesOfOneFieldHaveTheirKnownOutcome) {
  std::vector<Case> cases;
  for (const Row& row : kRows) cases.push_back(edited(row.edits));
  const auto out = run(cases);
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(text_of(out[i]), outcome_text(kRows[i].*GetParam().seen)) << kRows[i].what;
}

TEST_P(SvmEntry, TheRecordIsWhatTheGuestLeft) {
  const auto out = run({edited({{DsBase, kAll, 0x1234}, {Rflags, 0, bit(0)}})});
  ASSERT_EQ(out[0].outcome, kSeen);
  EXPECT_EQ(out[0].record[kExitCode], kVmmcallExit);
  EXPECT_EQ(out[0].record[kExitIntInfo], 0u);
  EXPECT_EQ(out[0].record[kExitRip], agent::kGuestCode);
  EXPECT_EQ(out[0].record[kExitRflags], 3u);
  EXPECT_EQ(out[0].record[kExitEfer], 0x1d01u);
  EXPECT_EQ(out[0].record[kExitCpl], 0u);
  EXPECT_EQ(out[0].record[kExitDsBase], 0x1234u);
}

TEST_P(SvmEntry, ContextsDecideHowTheEntryStarts) {
  constexpr Outcome kUd = make_outcome(OutcomeKind::InvalidOpcode), kGp = make_outcome(OutcomeKind::GeneralProtection);
  const Outcome outcomes[] = {kSeen, kUd, kGp, kUd, kSeen, kUd, kGp, kUd};  // by kSvmeOff, kCpl3, kAddress32
  std::vector<Case> cases;
  for (std::uint64_t context = 0; context < 8; ++context) cases.push_back(edited({}, context));
  const auto out = run(cases);
  for (std::size_t i = 0; i < cases.size(); ++i) EXPECT_EQ(text_of(out[i]), outcome_text(outcomes[i])) << i;
}

TEST_P(SvmEntry, AnAddressWithoutAVmcbIsNotRun) {
  const auto out = run({edited({{VmcbAddress, kAll, 0x420000}}), edited({{VmcbAddress, 0, bit(45)}})});
  EXPECT_EQ(text_of(out[0]), "context_impossible");
  EXPECT_EQ(text_of(out[1]), "#GP(0)");
}

TEST_P(SvmEntry, AnotherProfileIsIncomparable) {
  Case c = edited({});
  c[CapCr4Mask] ^= 1;
  EXPECT_EQ(text_of(run({c})[0]), "profile");
}

// Bochs would answer with what its stack holds, another value in each process.
TEST_P(SvmEntry, WhatBochsLeavesUnsetIsNotRunThere) {
  const bool bochs = std::string_view(GetParam().name) == "bochs";
  for (const Slot s : {CsAttr, SsAttr, DsAttr, EsAttr}) {
    EXPECT_EQ(text_of(run({edited({{s, kAll, 0x80}})})[0]), bochs ? "bochs_segment_unset" : "entered(0x81)");
    EXPECT_NE(text_of(run({edited({{s, kAll, 0x8b}})})[0]), "bochs_segment_unset");  // a TSS
    EXPECT_NE(text_of(run({edited({{s, kAll, 0x04}})})[0]), "bochs_segment_unset");  // not present
  }
}

// A guest that runs in a circle for ever, and what the emulator itself does not survive.
TEST_P(SvmEntry, TheGuiltyOnesDieAndNoOther) {
  const bool bochs = std::string_view(GetParam().name) == "bochs";
  const Case circle = edited({{InterceptMisc1, bit(misc1::HLT), 0},  // a guest that sleeps: HLT is in the scratch page
                              {Cr3Pdpte + 1, kAll, 0xf4},
                              {Rip, kAll, agent::kGuestCr3 + 8}});
  const auto out = run({edited({}), edited({{Cr3, 0, bit(45)}, {NestedCtl, 1, 0}}), edited({}), circle,
                        edited({{Cr0, bit(cr0::PE), 0}}), edited({{Asid, kAll, 0}})});
  EXPECT_EQ(text_of(out[0]), "entered(0x81)");
  EXPECT_EQ(text_of(out[1]), bochs ? "crash" : "vmexit_invalid");
  EXPECT_EQ(text_of(out[2]), "entered(0x81)");
  EXPECT_EQ(text_of(out[3]), "hang");
  EXPECT_EQ(out[4].status, bochs ? Status::Died : Status::Ran) << text_of(out[4]);
  EXPECT_EQ(text_of(out[5]), "vmexit_invalid");
}

const Subject kSubjects[] = {{"bochs", "bochs-bin", "2.7 ryzen", &Row::bochs},
                             {"qemu", "qemu-system-x86_64", "7.2.", &Row::qemu}};
INSTANTIATE_TEST_SUITE_P(Machines, SvmEntry, ::testing::ValuesIn(kSubjects),
                         [](const auto& subject) { return std::string(subject.param.name); });

}  // namespace
}  // namespace diffvisor
