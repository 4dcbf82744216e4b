// SPDX-License-Identifier: Apache-2.0
// No case leaves anything for the next one: registers, MSRs and memory are what they were, and observations do not
// depend on neighbours.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/arch/vmx/memory_map.h"
#include "harness/arch/vmx/schema.h"
#include "harness/arch/vmx/wire.h"
#include "oracles/agent/vmx_entry_codec.h"
#include "oracles/bochs/bochs_machine.h"
#include "oracles/bochs/bochs_vmx.h"
#include "oracles/bochs/random_cases.h"
#include "oracles/emulator_process/run_directory.h"

namespace diffvisor::bochs {
namespace {

using namespace vmx;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kAll = ~std::uint64_t{0}, kInject = bit(31);

bool bochs_is_installed() { return ::system("command -v bochs-bin >/dev/null") == 0; }

struct Edit {
  Slot slot;
  std::uint64_t clear, set;
};
struct Disturbance {
  const char* what;
  ProbeChoice probe;
  std::vector<Edit> edits;
  Outcome outcome;  // so that the row is known to disturb what it says
  std::uint64_t context = 0;
};

Case case_of(const Disturbance& d) {
  Case c = golden_case(schema());
  c[Probe] = d.probe;
  c[Context] = d.context;
  reset_to_golden(c);
  for (const Edit& e : d.edits) c[e.slot] = (c[e.slot] & ~e.clear) | e.set;
  settle_facts(c.v.data());
  return c;
}

// clang-format off
const Disturbance kDisturbances[] = {
    {"walks the guest's tables",       kVmcall,    {}, entered(18)},
    {"walks EPT",                      kVmcall,    {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x1e}}, entered(18)},
    // With accessed and dirty bits a walk of the guest's tables counts as a write, which EPT forbids.
    {"walks EPT with accessed bits",   kVmcall,    {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT)}, {Eptp, kAll, kEptPml4 | 0x5e}}, entered(48)},
    {"turns an EPT violation into #VE", kVmcall,   {{Proc, 0, bit(31)}, {Proc2, 0, bit(proc2::EPT) | bit(proc2::EPTVE)}, {Eptp, kAll, kEptPml4 | 0x1e}, {VeInfoAddress, kAll, kScratch}, {GuestCr3, kAll, kHostCr3}}, entered(0)},
    {"virtualises its task priority",  kTimerZero, {{Proc, 0, bit(31) | bit(proc::TPRSH)}, {Proc2, 0, bit(proc2::VID)}, {VirtualApicAddr, kAll, kScratch}, {Vtpr, kAll, 0x30}}, entered(52)},
    {"walks tables that are not golden", kVmcall,  {{GuestCr3, kAll, kHostCr3}}, entered(18)},
    {"pushes through tables that are not golden", kVmcall, {{GuestCr3, kAll, kHostCr3}, {EntryIntrInfo, 0, kInject | 0xb0d}}, entered(18)},
    {"runs with PAE tables of its own", kVmcall,   {{Entry, bit(entry_ctl::IA32E), 0}, {GuestIa32Efer, kAll, 0}, {GuestCsAr, kAll, 0xc09b}, {GuestCr3, kAll, kScratch}, {Cr3Pdpte, kAll, 0x402001}, {EntryIntrInfo, 0, kInject | 0x306}}, entered(18)},
    {"has facts",                      kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrValue + 1, kAll, 0x1234}}, entered(52)},
    {"has facts and fails",            kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrReserved, 0, 1}, {GuestRflags, kAll, 0}}, fail_guest(0)},
    {"has a second VMCS",              kTimerZero, {{VmcsLinkPointer, kAll, kShadowVmcs}, {LinkDword0, kAll, 4}}, entered(52)},
    {"has a wrong second VMCS",        kTimerZero, {{VmcsLinkPointer, kAll, kShadowVmcs}, {LinkDword0, kAll, 5}}, fail_guest(4)},
    {"loads STAR and LSTAR on entry",  kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrValue, kAll, 7}, {EntryMsrIndex + 1, kAll, 0xc0000082}, {EntryMsrValue + 1, kAll, 9}}, entered(52)},
    {"loads the same on exit",         kTimerZero, {{ExitMsrLoadCount, 0, 2}, {ExitMsrLoadAddr, kAll, kEntryMsrList}, {EntryMsrIndex + 1, kAll, 0xc0000084}, {EntryMsrValue + 1, kAll, 9}}, entered(52)},
    {"loads an MSR, then fails",       kTimerZero, {{EntryMsrLoadCount, 0, 2}, {EntryMsrIndex, kAll, 0xc0000102}, {EntryMsrValue, kAll, 5}, {EntryMsrReserved + 1, 0, 1}}, fail_msr(2)},
    {"stores MSRs on exit",            kTimerZero, {{ExitMsrStoreCount, 0, 1}, {GuestSysenterCs, kAll, 0x77}, {EntryMsrIndex, kAll, 0x174}, {ExitMsrStoreAddr, kAll, kEntryMsrList}}, entered(52)},
    {"loads PAT, host does not",       kTimerZero, {{Exit, bit(exit_ctl::LDPAT), 0}, {Entry, 0, bit(entry_ctl::LDPAT)}, {GuestIa32Pat, kAll, 0}}, entered(52)},
    {"loads another host PAT",         kTimerZero, {{HostIa32Pat, kAll, 0x0606060606060606}}, entered(52)},
    {"loads EFER, host does not",      kTimerZero, {{Exit, bit(exit_ctl::LDEFER), 0}, {GuestIa32Efer, bit(0) | bit(11), 0}}, entered(52)},
    {"loads another host EFER",        kTimerZero, {{HostIa32Efer, bit(11), 0}}, entered(52)},
    {"loads CET, host does not",       kTimerZero, {{Entry, 0, bit(entry_ctl::LDCET)}, {GuestSCet, kAll, 3}, {GuestIntrSspTableAddr, kAll, 0x8000}}, entered(52)},
    {"loads host CET",                 kTimerZero, {{Exit, 0, bit(exit_ctl::LDCET)}, {HostCr4, 0, bit(cr4::CET)}, {HostIa32SCet, kAll, 5}}, entered(52)},
    {"changes host CR0 and CR4",       kTimerZero, {{HostCr0, bit(cr0::WP), bit(cr0::TS) | bit(cr0::AM)}, {HostCr4, 0, bit(cr4::SMEP) | bit(cr4::DE)}}, entered(52)},
    {"changes host CR3's low bits",    kTimerZero, {{HostCr4, 0, bit(cr4::PCIDE)}, {HostCr3, 0, 0x123}}, entered(52)},
    {"moves host GDT, IDT and TSS",    kTimerZero, {{HostGdtrBase, kAll, 0x8000}, {HostIdtrBase, kAll, 0x8000}, {HostTrBase, kAll, 0x8000}}, entered(52)},
    {"takes #PF through its IDT",      kVmcall,    {{ExceptionBitmap, kAll, 0}, {GuestRip, kAll, 0x700000}}, entered(18)},
    {"is injected #GP",                kVmcall,    {{EntryIntrInfo, 0, kInject | 0xb0d}}, entered(18)},
    {"is injected #PF, then times out", kTimerZero, {{EntryIntrInfo, 0, kInject | 0xb0e}, {EntryExceptionErrorCode, 0, 4}}, entered(52)},
    {"has a pending #DB delivered",    kVmcall,    {{PendingDbg, 0, bit(12) | 1}, {ExceptionBitmap, kAll, 0}}, entered(18)},
    {"writes memory",                  kVmcall,    {{GuestRip, kAll, kGuestCode + 2}, {GuestDsBase, 0, 0}, {GuestCr0, 0, 0}}, entered(0)},
    {"unmapped IDT: triple fault",     kVmcall,    {{EntryIntrInfo, 0, kInject | 0x306}, {ExceptionBitmap, kAll, 0}, {GuestIdtrBase, kAll, 0x800000}}, entered(2)},
    {"is injected an NMI",             kVmcall,    {{EntryIntrInfo, 0, kInject | 0x202}}, entered(18)},
    {"is injected an NMI, not virtual", kVmcall,   {{EntryIntrInfo, 0, kInject | 0x202}, {Pin, bit(pin::VNMI), 0}}, entered(18)},
    {"blocks virtual NMIs",            kVmcall,    {{Interruptibility, 0, 8}}, entered(18)},
    {"blocks NMIs",                    kVmcall,    {{Interruptibility, 0, 8}, {Pin, bit(pin::VNMI) | bit(pin::NMI), 0}}, entered(18)},
    {"blocks NMIs, then fails",        kVmcall,    {{Interruptibility, 0, 8}, {EntryMsrLoadCount, 0, 1}, {EntryMsrReserved, 0, 1}}, fail_msr(1)},
    {"waits for an NMI window",        kVmcall,    {{Proc, 0, bit(proc::NMIWIN)}}, entered(8)},
    {"asks for an interrupt window",   kVmcall,    {{Proc, 0, bit(proc::INTWIN)}, {GuestRflags, 0, bit(9)}}, entered(7)},
    {"is blocked by STI",              kVmcall,    {{Interruptibility, 0, 1}, {GuestRflags, 0, bit(9)}}, entered(18)},
    {"halts until the timer",          kTimerZero, {{ActivityState, 0, 1}}, entered(52)},
    {"is launched already",            kTimerZero, {}, fail_valid(4), bit(kLaunched)},
    {"resumes",                        kVmcall,    {}, entered(18), bit(kLaunched) | bit(kResume)},
    {"has no current VMCS",            kTimerZero, {}, make_outcome(OutcomeKind::FailInvalid), bit(kNoCurrent)},
    {"has a shadow VMCS current",      kVmcall,    {}, entered(18), bit(kShadowCurrent)},
    {"is blocked by MOV SS",           kTimerZero, {}, fail_valid(26), bit(kMovSs)},
    {"comes from CPL 3",               kTimerZero, {}, make_outcome(OutcomeKind::GeneralProtection), bit(kCpl3)},
};
// clang-format on

// An emulator driven by hand, so that its state can be looked at between cases.
class CleanState : public ::testing::Test {
 protected:
  CleanState() {
    if (!bochs_is_installed()) return;
    directory.emplace(*emulator::RunDirectory::make());
    const auto rom = find_agent_rom();
    EXPECT_TRUE(rom);
    spec = spec_of({.binary = "bochs-bin", .model = "tigerlake", .rom = *rom});
    auto started = emulator::EmulatorProcess::start(spec, directory->path());
    EXPECT_TRUE(started) << started.error().text();
    if (started) process = std::move(*started);
  }
  void SetUp() override {
    if (!bochs_is_installed()) GTEST_SKIP() << "bochs-bin is not installed (package bochs)";
    ASSERT_NE(process, nullptr);
  }

  Observation run(const Case& c) {
    std::vector<WireCase> batch(2);
    agent::encode(golden_case(schema()), batch[0]);
    agent::encode(c, batch[1]);
    WireResult result{};
    const auto answer = process->call(agent::Command::VmxEntry, 0, std::as_bytes(std::span(batch)),
                                      std::as_writable_bytes(std::span(&result, 1)));
    EXPECT_TRUE(answer) << answer.error().text();
    return agent::decode(result);
  }

  // Registers and MSRs, then every byte a case may set or a guest can reach, then the EPT tables and VMCS headers.
  std::vector<std::uint64_t> state() {
    constexpr std::uint64_t kRanges[][2] = {{kGuestWindow, kGuestWindowEnd},
                                            {kEptPml4, kEptPml4 + 3 * kPage},
                                            {kVmcs, kVmcs + 8},
                                            {kShadowVmcs, kShadowVmcs + 8},
                                            {kVmxonRegion, kVmxonRegion + 8}};
    agent::Capabilities registers{};
    EXPECT_TRUE(process->call(agent::Command::Capabilities, 0, {}, std::as_writable_bytes(std::span(&registers, 1))));
    std::vector<std::uint64_t> all(sizeof registers / 8);
    std::memcpy(all.data(), &registers, sizeof registers);
    for (const auto& [begin, end] : kRanges) {
      const std::size_t at = all.size();
      all.resize(at + (end - begin) / 8);
      EXPECT_TRUE(process->memory().read(begin, std::as_writable_bytes(std::span(all).subspan(at))));
    }
    return all;
  }
  // Where two states differ, in words of 8 bytes: below the size of Capabilities a register, above it memory.
  static std::string difference(const std::vector<std::uint64_t>& was, const std::vector<std::uint64_t>& is) {
    constexpr std::size_t kRegisters = sizeof(agent::Capabilities) / 8;
    for (std::size_t i = 0; i < was.size(); ++i) {
      if (was[i] == is[i]) continue;
      const std::string place = i < kRegisters ? fmt::format("register word {}", i)
                                               : fmt::format("memory {:#x}", kGuestWindow + (i - kRegisters) * 8);
      return fmt::format("{}: {:#x}, was {:#x}", place, is[i], was[i]);
    }
    return {};
  }

  std::optional<emulator::RunDirectory> directory;
  emulator::EmulatorSpec spec;
  std::unique_ptr<emulator::EmulatorProcess> process;
};

TEST_F(CleanState, RegistersAndMemoryArePutBack) {
  run(case_of(kDisturbances[0]));
  const auto clean = state();
  for (const Disturbance& d : kDisturbances) {
    EXPECT_EQ(outcome_text(run(case_of(d)).outcome), outcome_text(d.outcome)) << d.what;
    EXPECT_EQ(difference(clean, state()), "") << "after a case that " << d.what;
  }
}

bool same(const Observation& a, const Observation& b) {
  return a.status == b.status && a.reason == b.reason && a.outcome == b.outcome && a.defined == b.defined &&
         a.record == b.record;
}
std::string text_of(const Observation& o) {
  return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
}

// Each after each other: every disturbance is also a case that could be disturbed.
TEST_F(CleanState, NoCaseDependsOnTheOneBefore) {
  for (const Disturbance& first : kDisturbances) {
    for (const Disturbance& second : kDisturbances) {
      run(case_of(first));
      EXPECT_EQ(outcome_text(run(case_of(second)).outcome), outcome_text(second.outcome))
          << second.what << ", after a case that " << first.what;
    }
  }
}

std::string changes(const Case& c) {
  const auto from = golden_values(c);
  std::string text;
  for (const Field& f : c.schema->fields)
    for (unsigned i = 0; i < f.count; ++i)
      if (const Slot s = static_cast<Slot>(f.slot + i); c[s] != from[s]) text += fmt::format(" {}={:#x}", f.name, c[s]);
  return text;
}

// A disturbance with a few random bits changed besides.
Case random_case(Rng& rng) {
  const Disturbance& d = rng.pick(std::span<const Disturbance>(kDisturbances));
  return flipped(rng, case_of(d), static_cast<unsigned>(rng.below(4)));
}

// Thousands of random cases in two orders, the second in fresh emulators.
TEST(CleanStateAtRandom, TheOrderDoesNotMatter) {
  if (!bochs_is_installed()) GTEST_SKIP() << "bochs-bin is not installed (package bochs)";
  Rng rng(20240117);
  std::vector<Case> cases;
  while (cases.size() < 4000) cases.push_back(random_case(rng));
  std::vector<std::size_t> order(cases.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::vector<Observation> first(cases.size()), second(cases.size());
  for (std::vector<Observation>* out : {&first, &second}) {
    auto executor = make_bochs_vmx({});
    ASSERT_TRUE(executor) << executor.error().text();
    std::vector<Case> ordered;
    for (const std::size_t i : order) ordered.push_back(cases[i]);
    std::vector<Observation> seen(cases.size());
    (*executor)->submit(ordered, seen);
    const auto done = (*executor)->collect();
    ASSERT_TRUE(done) << done.error().text();
    for (std::size_t k = 0; k < order.size(); ++k) (*out)[order[k]] = seen[k];
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  }
  std::size_t entries = 0, different = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    entries += first[i].status == Status::Ran && kind_of(first[i].outcome) == OutcomeKind::Entered;
    if (!same(first[i], second[i]) && ++different <= 10)
      ADD_FAILURE() << text_of(first[i]) << ", then " << text_of(second[i]) << ":" << changes(cases[i]);
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(entries, cases.size() / 4);
}

}  // namespace
}  // namespace diffvisor::bochs
