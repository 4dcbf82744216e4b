// SPDX-License-Identifier: Apache-2.0
// The whole path case -> agent -> Bochs -> observation, against what Bochs 2.7 is known to do.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/base/file.h"
#include "oracles/agent/vmx_entry_codec.h"
#include "oracles/bochs/bochs_machine.h"

namespace diffvisor::bochs {
namespace {

using namespace vmx;

Result<std::unique_ptr<Executor>> make_bochs(const MachineOptions& options) {
  const auto bochs = machine(options);
  if (!bochs) return tl::unexpected<Error>(bochs.error());
  return make_agent_executor(agent::vmx_entry_codec(), *bochs, options);
}

MachineOptions tigerlake() {
  MachineOptions options;
  options.profile = "tigerlake";
  return options;
}

bool bochs_is_installed() { return ::system("command -v bochs-bin >/dev/null") == 0; }

Case golden(ProbeChoice probe, std::uint64_t context = 0) {
  Case c = golden_case(schema());
  c[Probe] = probe;
  c[Context] = context;
  reset_to_golden(c);
  return c;
}

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

// One emulator for all tests of the suite: that they do not disturb each other is part of what is tested.
class BochsVmxTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!bochs_is_installed()) return;
    auto made = make_bochs(tigerlake());
    ASSERT_TRUE(made) << made.error().text();
    executor = std::move(*made);
  }
  static void TearDownTestSuite() { executor.reset(); }
  void SetUp() override {
    if (!bochs_is_installed()) GTEST_SKIP() << "bochs-bin is not installed (package bochs)";
    ASSERT_NE(executor, nullptr);
  }

  static std::vector<Observation> run(const std::vector<Case>& cases) {
    std::vector<Observation> out(cases.size());
    executor->submit(cases, out);
    const auto done = executor->collect();
    EXPECT_TRUE(done) << done.error().text();
    return out;
  }
  static std::string text_of(const Observation& o) {
    return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
  }
  static std::string run(const Case& c) { return text_of(run(std::vector{c}).front()); }

  static std::unique_ptr<Executor> executor;
};
std::unique_ptr<Executor> BochsVmxTest::executor;

TEST_F(BochsVmxTest, SaysWhatItIs) {
  EXPECT_EQ(executor->info().name, "bochs");
  EXPECT_EQ(executor->info().version, "2.7 tigerlake");
  EXPECT_EQ(executor->info().trust, Trust::Independent);
}

TEST_F(BochsVmxTest, GoldenEntersAndIsSeenByItsProbe) {
  const auto out = run({golden(kTimerZero), golden(kVmcall)});
  EXPECT_EQ(out[0].outcome, entered(52));
  EXPECT_EQ(out[1].outcome, entered(18));
  EXPECT_EQ(out[1].record[kExitReason], 18u);
  EXPECT_EQ(out[1].record[kExitQualification], 0u);
  EXPECT_EQ(out[1].defined, bit(kExitReason) | bit(kExitQualification) | bit(kExitIntrInfo) | bit(kIdtVectoringInfo));
}

struct Edit {
  Slot slot;
  std::uint64_t clear, set;
};
struct Row {
  const char* what;
  std::vector<Edit> edits;
  Outcome outcome;
};

constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr std::uint64_t kInject = bit(31);

// clang-format off
const Row kRows[] = {
    {"pin must-be-1 bit 1 clear",         {{Pin, bit(1), 0}},                                       fail_valid(7)},
    {"pin bit 31 set",                    {{Pin, 0, bit(31)}},                                      fail_valid(7)},
    {"proc must-be-1 bit 1 clear",        {{Proc, bit(1), 0}},                                      fail_valid(7)},
    {"proc2 bit 31 set",                  {{Proc, 0, bit(31)}, {Proc2, 0, bit(31)}},                fail_valid(7)},
    {"CR3 target count 5",                {{Cr3TargetCount, 0, 5}},                                 fail_valid(7)},
    {"I/O bitmap unaligned",              {{Proc, 0, bit(proc::IOBM)}, {IoBitmapA, kAll, 0x420001}}, fail_valid(7)},
    {"MSR bitmap beyond MAXPHYADDR",      {{Proc, 0, bit(proc::MSRBM)}, {MsrBitmap, kAll, bit(45)}}, fail_valid(7)},
    {"virtual APIC beyond MAXPHYADDR",    {{Proc, 0, bit(proc::TPRSH)}, {VirtualApicAddr, kAll, bit(52)}}, fail_valid(7)},
    {"TPR threshold 0x1f",                {{Proc, 0, bit(proc::TPRSH)}, {TprThreshold, 0, 0x1f}},   fail_valid(7)},
    {"TPR threshold above VTPR",          {{Proc, 0, bit(proc::TPRSH)}, {TprThreshold, 0, 2}, {Vtpr, kAll, 0x10}}, fail_valid(7)},
    {"TPR threshold not above VTPR",      {{Proc, 0, bit(proc::TPRSH)}, {TprThreshold, 0, 2}, {Vtpr, kAll, 0x20}}, entered(52)},
    {"virtual NMIs without NMI exiting",  {{Pin, bit(pin::NMI), 0}},                                fail_valid(7)},
    {"VPID 0",                            {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::VPID)}, {Vpid, kAll, 0}}, fail_valid(7)},
    {"EPT memory type",                   {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x1f}}, fail_valid(7)},
    {"EPT of the guest window",           {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x1e}}, entered(52)},
    {"unrestricted guest without EPT",    {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::URG)}},        fail_valid(7)},
    {"entry MSR list unaligned",          {{EntryMsrLoadCount, 0, 1}, {EntryMsrLoadAddr, 0, 1}},    fail_valid(7)},
    {"entry MSR list, filler",            {{EntryMsrLoadCount, 0, 4}},                              entered(52)},
    {"entry MSR list, FS_BASE third",     {{EntryMsrLoadCount, 0, 4}, {EntryMsrIndex + 2, kAll, 0xc0000100}}, fail_msr(3)},
    {"entry MSR list, reserved bits",     {{EntryMsrLoadCount, 0, 4}, {EntryMsrReserved + 1, 0, 1}}, fail_msr(2)},
    {"exit MSR store unaligned",          {{ExitMsrStoreCount, 0, 1}, {ExitMsrStoreAddr, kAll, 8}}, fail_valid(7)},
    {"injection type 1",                  {{EntryIntrInfo, 0, kInject | 0x100}},                    fail_valid(7)},
    {"hardware exception 32",             {{EntryIntrInfo, 0, kInject | 0x320}},                    fail_valid(7)},
    {"NMI with vector 3",                 {{EntryIntrInfo, 0, kInject | 0x203}},                    fail_valid(7)},
    {"software interrupt, length 16",     {{EntryIntrInfo, 0, kInject | 0x480}, {EntryInstructionLen, 0, 16}}, fail_valid(7)},
    {"injected MTF",                      {{EntryIntrInfo, 0, kInject | 0x700}},                    entered(37)},
    {"entry to SMM",                      {{Entry, 0, bit(entry_ctl::SMM)}},                        fail_guest(0)},
    {"host CR0.PG 0",                     {{HostCr0, bit(31), 0}},                                  fail_valid(8)},
    {"host CR4.VMXE 0",                   {{HostCr4, bit(13), 0}},                                  fail_valid(8)},
    {"host TR 0",                         {{HostTrSelector, kAll, 0}},                              fail_valid(8)},
    {"host SS RPL 3",                     {{HostSsSelector, 0, 3}},                                 fail_valid(8)},
    {"host FS base not canonical",        {{HostFsBase, 0, bit(62)}},                               fail_valid(8)},
    {"guest CR0.PE 0",                    {{GuestCr0, 1, 0}},                                       fail_guest(0)},
    {"guest CR4 bit 15",                  {{GuestCr4, 0, bit(15)}},                                 fail_guest(0)},
    {"guest CR3 beyond MAXPHYADDR",       {{GuestCr3, 0, bit(42)}},                                 fail_guest(0)},
    {"guest EFER bit 2",                  {{GuestIa32Efer, 0, bit(2)}},                             fail_guest(0)},
    {"guest RFLAGS bit 1 clear",          {{GuestRflags, kAll, 0}},                                 fail_guest(0)},
    {"guest CS a data segment",           {{GuestCsAr, kAll, 0xa093}},                              fail_guest(0)},
    {"guest CS not present",              {{GuestCsAr, bit(ar::P), 0}},                             fail_guest(0)},
    {"guest DS base beyond 32 bits",      {{GuestDsBase, 0, bit(33)}},                              fail_guest(0)},
    {"guest TR an available TSS",         {{GuestTrAr, kAll, 0x89}},                                fail_guest(0)},
    {"guest GDTR limit",                  {{GuestGdtrLimit, 0, 0x10000}},                           fail_guest(0)},
    {"activity state 4",                  {{ActivityState, 0, 4}},                                  fail_guest(0)},
    {"activity state HLT",                {{ActivityState, 0, 1}},                                  entered(52)},
    {"blocking by STI and MOV SS",        {{Interruptibility, 0, 3}, {GuestRflags, 0, bit(9)}},     fail_guest(0)},
    {"pending debug reserved bit 5",      {{PendingDbg, 0, bit(5)}},                                fail_guest(0)},
    {"link pointer unaligned",            {{VmcsLinkPointer, kAll, 1}},                             fail_guest(4)},
    {"link pointer, wrong revision",      {{VmcsLinkPointer, kAll, kScratch}},                      fail_guest(4)},
    {"link pointer = current VMCS",       {{VmcsLinkPointer, kAll, kVmcs}},                         fail_guest(4)},
    {"link pointer to a good VMCS",       {{VmcsLinkPointer, kAll, kScratch}, {LinkDword0, kAll, 4}}, entered(52)},
};
// clang-format on

Case edited(const Row& row) {
  Case c = golden(kTimerZero);
  for (const Edit& e : row.edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
  clip_to_widths(c);
  settle_facts(c.v.data());
  return c;
}

TEST_F(BochsVmxTest, ChangesOfOneFieldHaveTheirKnownOutcome) {
  std::vector<Case> cases;
  for (const Row& row : kRows) cases.push_back(edited(row));
  const auto out = run(cases);
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(text_of(out[i]), outcome_text(kRows[i].outcome)) << kRows[i].what;
}

TEST_F(BochsVmxTest, ContextsDecideHowTheEntryStarts) {
  const struct {
    std::uint64_t context;
    Outcome outcome;
  } rows[] = {
      {bit(kResume), fail_valid(5)},    // not launched
      {bit(kLaunched), fail_valid(4)},  // VMLAUNCH again
      {bit(kLaunched) | bit(kResume), entered(52)},
      {bit(kNoCurrent), make_outcome(OutcomeKind::FailInvalid)},
      {bit(kNoCurrent) | bit(kLaunched), make_outcome(OutcomeKind::FailInvalid)},
      {bit(kMovSs), fail_valid(26)},
      {bit(kMovSs) | bit(kLaunched) | bit(kResume), fail_valid(26)},
      {bit(kCpl3), make_outcome(OutcomeKind::GeneralProtection)},
      {bit(kCpl3) | bit(kLaunched) | bit(kResume), make_outcome(OutcomeKind::GeneralProtection)},
      {bit(kShadowCurrent), entered(52)},  // Bochs 2.7 does not look at the indicator
      {0, entered(52)},
  };
  std::vector<Case> cases;
  for (const auto& row : rows) cases.push_back(golden(kTimerZero, row.context));
  const auto out = run(cases);
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(text_of(out[i]), outcome_text(rows[i].outcome)) << "context " << rows[i].context;
}

// Everything legal that a case may make of the agent's own state: it must come home and be itself again.
TEST_F(BochsVmxTest, TheAgentSurvivesAnyHostState) {
  const std::vector<Edit> edits[] = {
      {{HostCr4, 0, bit(cr4::SMAP) | bit(cr4::SMEP) | bit(cr4::UMIP)}},
      {{HostCr4, 0, bit(cr4::PCIDE)}},
      {{HostCr4, 0, bit(cr4::TSD) | bit(cr4::DE) | bit(cr4::PGE) | bit(cr4::FSGSBASE)}},
      {{HostCr4, bit(cr4::OSFXSR) | bit(cr4::OSXMMEXCPT), 0}},
      {{HostCr0, bit(cr0::WP) | bit(cr0::MP), bit(cr0::TS) | bit(cr0::EM) | bit(cr0::AM)}},
      {{HostIa32Efer, bit(efer::NXE) | bit(efer::SCE), 0}},
      {{HostCr4, 0, bit(cr4::CET)},
       {Exit, 0, bit(exit_ctl::LDCET)},
       {HostIa32SCet, kAll, 3},
       {HostSsp, kAll, 0x420000}},
      {{HostCr4, 0, bit(cr4::CET)}, {Exit, 0, bit(exit_ctl::LDCET)}, {HostIa32SCet, kAll, 4 | bit(11)}},
      {{HostSsSelector, kAll, 0}, {HostDsSelector, kAll, 0}, {HostCsSelector, kAll, 0xfff8}},
      {{HostTrSelector, kAll, 0xfff0}, {HostTrBase, kAll, 0x7fff00000000}},
      {{HostGdtrBase, kAll, 0xffff800000000000}, {HostIdtrBase, kAll, 0}},
      {{HostRsp, kAll, 0x1234567812345677}},
      {{HostFsBase, kAll, 0x7fffffffffff}, {HostGsBase, kAll, 0xffff800000000001}},
      {{HostIa32Pat, kAll, 0}},
  };
  std::vector<Case> cases;
  for (const auto& list : edits) {
    Case c = golden(kTimerZero);
    for (const Edit& e : list) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
    cases.push_back(c);
    cases.push_back(golden(kTimerZero, bit(kCpl3)));
    cases.push_back(golden(kVmcall));
  }
  const auto out = run(cases);
  for (std::size_t i = 0; i < cases.size(); i += 3) {
    EXPECT_EQ(text_of(out[i]), "entered(52)") << "host state " << i / 3;
    EXPECT_EQ(out[i + 1].outcome, make_outcome(OutcomeKind::GeneralProtection)) << "after host state " << i / 3;
    EXPECT_EQ(text_of(out[i + 2]), "entered(18)") << "after host state " << i / 3;
  }
}

TEST_F(BochsVmxTest, AnotherProfileIsIncomparable) {
  Case c = golden(kTimerZero);
  c[CapVmxMisc] ^= 1;
  EXPECT_EQ(run(c), "profile");
}

TEST_F(BochsVmxTest, AMarkedCaseIsSkipped) {
  const std::vector<Case> cases = {golden(kTimerZero), golden(kVmcall)};
  std::vector<Observation> out(2);
  out[0] = incomparable("limit");
  executor->submit(cases, out);
  ASSERT_TRUE(executor->collect());
  EXPECT_EQ(out[0].reason, "limit");
  EXPECT_EQ(out[1].outcome, entered(18));
}

TEST_F(BochsVmxTest, AnEmptyBatchIsFine) { EXPECT_TRUE(run(std::vector<Case>{}).empty()); }

TEST_F(BochsVmxTest, TheGuiltyOnesDieAndNoOther) {
  Case sleeps = golden(kTimerZero);  // HLT with nothing that ends it
  sleeps[Pin] &= ~bit(pin::PREEMPT);
  sleeps[ActivityState] = 1;
  Case aborts = golden(kTimerZero);  // the exit MSR-load list names FS_BASE
  aborts[ExitMsrLoadCount] = 1;
  aborts[ExitMsrLoadAddr] = kEntryMsrList;
  aborts[EntryMsrIndex] = 0xc0000100;
  Case lost = golden(kTimerZero);
  lost[HostRip] = 0x410000;  // VMCALL, again and again
  const auto out = run({golden(kTimerZero), sleeps, golden(kVmcall), aborts, lost, golden(kTimerZero)});
  EXPECT_EQ(text_of(out[0]), "entered(52)");
  EXPECT_EQ(text_of(out[1]), "hang");
  EXPECT_EQ(out[1].status, Status::Died);
  EXPECT_EQ(text_of(out[2]), "entered(18)");
  EXPECT_EQ(text_of(out[3]), "vmx_abort");
  EXPECT_EQ(out[4].status, Status::Died) << text_of(out[4]);  // wherever that leads
  EXPECT_EQ(text_of(out[5]), "entered(52)");
}

// A case that writes into the agent does not change what its neighbours come to.
TEST_F(BochsVmxTest, ACaseThatOverwritesTheAgentHarmsOnlyItself) {
  Case writes = golden(kTimerZero);
  writes[ExitMsrStoreCount] = 1;
  writes[ExitMsrStoreAddr] = kHostIdt + 13 * 16;  // the entry's own words decide which MSR: an interrupt gate is none
  const auto out = run({golden(kVmcall), writes, golden(kVmcall), golden(kTimerZero, bit(kCpl3))});
  EXPECT_EQ(text_of(out[0]), "entered(18)");
  EXPECT_EQ(text_of(out[2]), "entered(18)");
  EXPECT_EQ(out[3].outcome, make_outcome(OutcomeKind::GeneralProtection));
}

// Our children, found as the kernel sees them.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto text = read_file(entry.path() / "stat");
    int parent = 0;
    const std::size_t after = text ? text->rfind(')') : std::string::npos;
    if (after == std::string::npos || std::sscanf(text->c_str() + after, ") %*c %d", &parent) != 1) continue;
    if (parent == ::getpid()) found.push_back(static_cast<pid_t>(std::stoi(entry.path().filename())));
  }
  return found;
}

TEST_F(BochsVmxTest, AnEmulatorKilledInTheMiddleIsReplaced) {
  std::vector<Case> cases(2000, golden(kTimerZero));
  cases[1234] = golden(kVmcall);
  std::vector<Observation> out(cases.size());
  executor->submit(cases, out);
  const auto victims = children();
  ASSERT_EQ(victims.size(), 1u);
  ASSERT_EQ(::kill(victims[0], SIGKILL), 0);
  ASSERT_TRUE(executor->collect());
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i].outcome, entered(i == 1234 ? 18 : 52)) << i;
}

TEST_F(BochsVmxTest, SeveralProcessesKeepTheOrder) {
  MachineOptions options = tigerlake();
  options.jobs = 2;
  auto two = make_bochs(options);
  ASSERT_TRUE(two) << two.error().text();
  std::vector<std::vector<Case>> batches;
  std::vector<std::vector<Observation>> out;
  for (unsigned b = 0; b < kBatchesInFlight; ++b) {
    batches.emplace_back(10, golden(b % 3 == 0 ? kVmcall : kTimerZero));
    out.emplace_back(10);
  }
  for (unsigned b = 0; b < kBatchesInFlight; ++b) (*two)->submit(batches[b], out[b]);
  for (unsigned b = 0; b < kBatchesInFlight; ++b) {
    ASSERT_TRUE((*two)->collect());
    for (const Observation& o : out[b]) EXPECT_EQ(o.outcome, entered(b % 3 == 0 ? 18 : 52));
  }
}

struct ProfileModel {
  const char *profile, *model;
};
class OtherModels : public BochsVmxTest, public ::testing::WithParamInterface<ProfileModel> {};

TEST_P(OtherModels, AreTheirProfile) {
  MachineOptions options;
  options.profile = GetParam().profile;
  auto made = make_bochs(options);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ((*made)->info().version, std::string("2.7 ") + GetParam().model);
  const auto profile = find_profile(schema(), GetParam().profile);
  const std::vector<Case> cases = {golden_case(schema(), *profile)};
  std::vector<Observation> out(1);
  (*made)->submit(cases, out);
  ASSERT_TRUE((*made)->collect());
  EXPECT_EQ(out[0].outcome, entered(52));
}
INSTANTIATE_TEST_SUITE_P(Models, OtherModels,
                         ::testing::Values(ProfileModel{"icelake_u", "corei7_icelake_u"},
                                           ProfileModel{"skylake_x", "corei7_skylake_x"}));

// ---- errors of the environment: one clear line, nothing left behind

std::string error_of(const MachineOptions& options) {
  const auto made = make_bochs(options);
  return made ? "made" : made.error().text();
}

TEST(BochsErrors, AMissingRomIsNamed) {
  MachineOptions options = tigerlake();
  options.rom = "/nonexistent/agent.rom";
  EXPECT_EQ(error_of(options), "/nonexistent/agent.rom: no agent ROM of 128 KiB here");
}

TEST(BochsErrors, AMissingBinaryIsNamed) {
  MachineOptions options = tigerlake();
  options.binary = "no-such-bochs";
  EXPECT_EQ(error_of(options), "no-such-bochs: cannot run: No such file or directory");
}

TEST(BochsErrors, ADeadStartIsNamed) {
  MachineOptions options = tigerlake();
  options.binary = "/bin/false";
  EXPECT_EQ(error_of(options), "/bin/false: ended before the agent was up: exit code 1: ");
}

TEST(BochsErrors, AProfileWithoutAModelIsNamed) {
  MachineOptions options;
  options.profile = "z80";
  EXPECT_EQ(error_of(options), "bochs: has no machine model for profile z80");
}

TEST(BochsErrors, AModelForAnotherDomainIsNamed) {
  MachineOptions options;
  options.profile = "ryzen";
  EXPECT_EQ(error_of(options), "bochs: vmx_entry has no profile 'ryzen', or jobs not 1..64");
}

TEST(BochsErrors, NothingIsLeftBehind) {
  std::string name = (std::filesystem::path(::testing::TempDir()) / "dv_bochs_XXXXXX").string();
  const std::filesystem::path parent = ::mkdtemp(name.data());
  MachineOptions options = tigerlake();
  options.run_parent = parent;
  const std::size_t before = children().size();
  if (bochs_is_installed()) {
    const auto made = make_bochs(options);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_FALSE(std::filesystem::is_empty(parent));
    EXPECT_EQ(children().size(), before + 1);
  }
  options.binary = "/bin/false";
  EXPECT_NE(error_of(options), "made");
  EXPECT_TRUE(std::filesystem::is_empty(parent));
  EXPECT_EQ(children().size(), before);
  std::filesystem::remove_all(parent);
}

}  // namespace
}  // namespace diffvisor::bochs
