// SPDX-License-Identifier: Apache-2.0
#include "oracles/native/native.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "harness/arch/insn/outcome.h"
#include "oracles/native/guest_pages.h"
#include "oracles/native/host_cpu.h"
#include "oracles/native/random_case.h"

namespace diffvisor::native {
namespace {

using namespace insn;
using u64 = std::uint64_t;

constexpr u64 bit(unsigned n) { return u64{1} << n; }

u64 record(const Observation& o, unsigned slot) { return o.record[slot - kFirstState]; }
u64 extra(const Observation& o, unsigned slot) { return o.record[slot]; }
std::string text(const Observation& o) {
  return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
}

// The state after is the one before, but for what the test has changed in `expected`.
void expect_state(const Observation& o, const Case& expected) {
  for (unsigned s = kFirstState; s < kFirstState + kStateWords; ++s)
    if (o.defined.test(s - kFirstState)) {
      EXPECT_EQ(record(o, s), expected.v[s]) << field_of_slot(schema(), static_cast<Slot>(s)).name << " slot " << s;
    }
}

class NativeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto made = make_native();
    if (made) {
      native_ = std::move(*made).release();
    } else {
      why_ = made.error().text();
    }
  }
  static void TearDownTestSuite() { delete std::exchange(native_, nullptr); }
  void SetUp() override {
    if (native_ == nullptr) GTEST_SKIP() << why_;
  }
  Observation run(const Case& c) {
    const auto seen = run_one(*native_, c);
    EXPECT_TRUE(seen);
    return seen ? *seen : Observation{};
  }

  static Executor* native_;
  static std::string why_;
};
Executor* NativeTest::native_ = nullptr;
std::string NativeTest::why_;

TEST_F(NativeTest, NameAndTrust) {
  EXPECT_EQ(native_->info().name, "native");
  EXPECT_EQ(native_->info().trust, Trust::Independent);
  EXPECT_NE(native_->info().version.find("family"), std::string::npos);
}

TEST_F(NativeTest, NopChangesRipAlone) {
  for (const unsigned mode : {kLong64, kCompatibility32}) {
    Case c = user_case(mode, {0x90});
    for (unsigned s = Mm; s <= XmmLast; ++s) c.v[s] = 0x1111111111111111 * (s % 15);
    for (unsigned r = Rax; r <= R15; ++r) c.v[r] = 0x0123456789abcd00 + r;
    c.v[Fsw] = 3 << 11;
    c.v[Ftw] = 0x5a;
    settle(c.v.data());
    const Observation o = run(c);
    ASSERT_EQ(text(o), "done");
    c.v[Rip] += 1;
    expect_state(o, c);
    EXPECT_TRUE(o.defined.test(Xmm + 31 - kFirstState));
    EXPECT_EQ(extra(o, kSteps), 1u);
    EXPECT_EQ(extra(o, kMemoryCount), 0u);
  }
}

TEST_F(NativeTest, AddSetsFlagsAndZeroExtends) {
  Case c = user_case(kLong64, {0x01, 0xd8});  // add eax, ebx
  c.v[Rax] = 0xffffffff80000000;
  c.v[Rbx] = 0x80000000;
  c.v[Rflags] = 2 | bit(rflags::DF) | bit(rflags::AC);
  const Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  c.v[Rax] = 0;
  c.v[Rip] += 2;
  c.v[Rflags] |= bit(rflags::CF) | bit(rflags::PF) | bit(rflags::ZF) | bit(rflags::OF);
  expect_state(o, c);
}

TEST_F(NativeTest, FaultsAreReportedBeforeTheyHappen) {
  const struct {
    std::initializer_list<unsigned> code;
    const char* outcome;
  } kRows[] = {{{0xf7, 0xf0}, "#DE"},
               {{0x0f, 0x0b}, "#UD"},
               {{0xf4}, "#GP"},
               {{0xcc}, "#BP"},
               {{0x0f, 0x22, 0xc0}, "#GP"},
               {{0xf0, 0x01, 0xd8}, "#UD"},
               {{0x0f, 0x28, 0x01}, "#GP"}};  // movaps xmm0, [rcx]
  for (const auto& row : kRows) {
    Case c = user_case(kLong64, row.code);
    c.v[Rcx] = kData + 1;
    c.v[Cr2] = 0x1234;
    const Observation o = run(c);
    ASSERT_EQ(text(o), row.outcome);
    expect_state(o, c);
    EXPECT_EQ(extra(o, kSteps), 0u);
    EXPECT_EQ(o.defined.test(kErrorCode), row.outcome == std::string_view("#GP"));
    EXPECT_FALSE(o.defined.test(Cr2 - kFirstState));
  }
}

TEST_F(NativeTest, CompatibilityModeHasItsOwnInstructions) {
  Case c = user_case(kCompatibility32, {0x40});  // inc eax, not REX
  c.v[Rax] = 0xffffffff;
  Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rax), 0u);
  EXPECT_EQ(record(o, R8), 0u);
  c = user_case(kCompatibility32, {0xce});  // into
  c.v[Rflags] |= bit(rflags::OF);
  o = run(c);
  ASSERT_EQ(text(o), "#OF");
  EXPECT_EQ(record(o, Rip), kCode);
  EXPECT_EQ(text(run(user_case(kCompatibility32, {0xd4, 0x00}))), "#DE");  // aam 0
  c = user_case(kCompatibility32, {0x62, 0x06});                           // bound eax, [esi]
  c.v[Rsi] = kStack;
  c.v[Rax] = 5;
  EXPECT_EQ(text(run(c)), "#BR");
  c = user_case(kCompatibility32, {0x1e});  // push ds
  o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(extra(o, kMemoryCount), 1u);
  EXPECT_EQ(extra(o, kMemoryValue), u64{kSelUserData | 3} << 32);
}

TEST_F(NativeTest, PageFaultCodesAreThoseOfThePageTables) {
  const std::initializer_list<unsigned> kRead = {0x8b, 0x06}, kWrite = {0x89, 0x06}, kJump = {0x90};
  const struct {
    std::initializer_list<unsigned> code;
    u64 address;
    u64 error_code;
  } kRows[] = {
      {kRead, window(kAbsent) + 8, 4},
      {kWrite, window(kAbsent) + 8, 6},
      {kRead, window(kSupervisor), 5},
      {kWrite, window(kSupervisorReadOnly), 7},
      {kWrite, window(kReadOnly) + 0x123, 7},
      {kWrite, window(kCodeReadOnly), 7},
      {kRead, kGdt, 5},
      {kWrite, kPt, 7},
      {kRead, window(kReservedBit), 0xd},
      {kWrite, window(kReservedBit), 0xf},
      {kRead, kLargeUser * 2, 5},
      {kRead, 0x800000, 0xd},
      {kWrite, 0x600000, 7},
      {kRead, u64{1} << 46, 4},
      {kRead, 0x7ffffffff000, 4},
      {kJump, window(kNoExecute), 0x15},
      {kJump, window(kCodeNoExecute) + 1, 0x15},
      {kJump, window(kAbsent), 0x14},
      {kJump, window(kCodeSupervisor), 0x15},
  };
  for (const auto& row : kRows) {
    Case c = user_case(kLong64, row.code);
    c.v[Rsi] = row.address;
    if (row.code.size() == 1) c.v[Rip] = row.address;
    const Observation o = run(c);
    ASSERT_EQ(text(o), "#PF") << std::hex << row.address;
    EXPECT_EQ(extra(o, kErrorCode), row.error_code) << std::hex << row.address;
    EXPECT_EQ(extra(o, kPayload), row.address);
    expect_state(o, c);
  }
}

TEST_F(NativeTest, WindowsShowTheSameMemory) {
  Case c = user_case(kLong64, {0x48, 0x89, 0x06});  // mov [rsi], rax
  c.v[Rax] = 0xfeedface;
  for (const u64 view : {u64{kData}, window(kGlobal), window(kNoExecute), window(kKeyed), kLargeUser + kData,
                         u64{0x40000000} + kData, 0xc0000000 + kData}) {
    c.v[Rsi] = view + 0x40;
    const Observation o = run(c);
    ASSERT_EQ(text(o), "done") << std::hex << view;
    EXPECT_EQ(extra(o, kMemoryCount), 1u);
    EXPECT_EQ(extra(o, kMemoryAddress), kData + 0x40);
    EXPECT_EQ(extra(o, kMemoryValue), 0xfeedfaceu);
    const MemoryChange change{kData + 0x40, 0xfeedface};
    EXPECT_EQ(extra(o, kMemoryDigest), memory_digest(&change, 1));
    EXPECT_EQ(extra(o, kMemoryAddress + 1), ~u64{0});
  }
  c.v[Rsi] = window(kUntouched);
  EXPECT_EQ(text(run(c)), "accessed_bits");
  c.v[Rsi] = kLargeUser + kRamEnd;
  EXPECT_EQ(text(run(c)), "no_memory");
  c.v[Rsi] = kUpperHalf + kData;
  EXPECT_EQ(text(run(c)), "upper_half");
  c.v[Rsi] = u64{1} << 60;
  EXPECT_EQ(text(run(c)), "#GP");
  c.v[Rsi] = kLargeUser + kPt;
  EXPECT_EQ(text(run(c)), "written_tables");
}

TEST_F(NativeTest, RepRunsToItsEndOrOneIteration) {
  Case c = user_case(kLong64, {0xf3, 0xa4});  // rep movsb
  c.v[Rcx] = 20;
  c.v[Rsi] = kData;
  c.v[Rdi] = kStack + 0xff8;
  Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rcx), 0u);
  EXPECT_EQ(record(o, Rdi), kStack + 0xff8 + 20);
  EXPECT_EQ(extra(o, kMemoryCount), 3u);
  c[RepOne] = 1;
  o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rcx), 19u);
  EXPECT_EQ(record(o, Rip), kCode);
  EXPECT_EQ(extra(o, kMemoryCount), 1u);
  c[RepOne] = 0;
  c.v[Rcx] = 5000;
  EXPECT_EQ(text(run(c)), "rep_too_long");
  // Part of it happens before the fault.
  c.v[Rcx] = 20;
  c.v[Rdi] = kRamEnd - 5;  // then a read-only window
  o = run(c);
  ASSERT_EQ(text(o), "#PF");
  EXPECT_EQ(record(o, Rcx), 15u);
  EXPECT_EQ(extra(o, kPayload), kRamEnd);
  EXPECT_EQ(extra(o, kErrorCode), 7u);
  EXPECT_EQ(extra(o, kMemoryCount), 1u);
}

TEST_F(NativeTest, XmmRegistersAreLoadedAndSeen) {
  Case c = user_case(kLong64, {0x66, 0x45, 0x0f, 0x6f, 0xca});  // movdqa xmm9, xmm10
  c.v[Xmm + 20] = 0x1122334455667788;
  c.v[Xmm + 21] = 0x99aabbccddeeff00;
  const Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  c.v[Xmm + 18] = c.v[Xmm + 20];
  c.v[Xmm + 19] = c.v[Xmm + 21];
  c.v[Rip] += 5;
  expect_state(o, c);
  c = user_case(kLong64, {0x0f, 0x6f, 0xd1});  // movq mm2, mm1
  c.v[Mm + 1] = 77;
  c.v[Fsw] = 5 << 11;
  EXPECT_EQ(record(run(c), Mm + 2), 77u);
  EXPECT_EQ(record(run(c), Fsw), 0u);
  EXPECT_EQ(record(run(c), Ftw), 0xffu);
}

TEST_F(NativeTest, BranchesEndAtTheirTarget) {
  const u64 kTargets[] = {kCode + 0x12, kCode + 0x800, kCode + 0xffff, kData + 3, window(kAbsent), window(kNoExecute)};
  for (const u64 target : kTargets) {
    Case c = user_case(kLong64, {0xe9, 0, 0, 0, 0});
    for (unsigned i = 0; i < 4; ++i)
      c.areas[kCodeArea][1 + i] = static_cast<std::byte>((target - kCode - 5) >> 8 * i & 0xff);
    Observation o = run(c);
    ASSERT_EQ(text(o), "done") << std::hex << target;
    EXPECT_EQ(record(o, Rip), target);
    c = user_case(kLong64, {0xff, 0xe0});  // jmp rax
    c.v[Rax] = target;
    o = run(c);
    ASSERT_EQ(text(o), "done");
    EXPECT_EQ(record(o, Rip), target);
  }
  EXPECT_EQ(record(run(user_case(kLong64, {0xeb, 0xfe})), Rip), kCode);
  EXPECT_EQ(record(run(user_case(kLong64, {0xeb, 0xff})), Rip), kCode + 1);  // into itself
  Case c = user_case(kLong64, {0x74, 0x10});
  EXPECT_EQ(record(run(c), Rip), kCode + 2);
  c.v[Rflags] |= bit(rflags::ZF);
  EXPECT_EQ(record(run(c), Rip), kCode + 0x12);
}

TEST_F(NativeTest, TheStopIsNotSeenByTheInstruction) {
  Case c = user_case(kLong64, {0x48, 0x8b, 0x05, 0, 0, 0, 0});  // mov rax, [rip]
  Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rax), 0xf4f4f4f4f4f4f4f4u);
  c = user_case(kLong64, {0x48, 0x89, 0x05, 0, 0, 0, 0});  // mov [rip], rax
  c.v[Rax] = 0x0f0f0f0f0f0f0f0f;
  o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rip), kCode + 7);
  EXPECT_EQ(extra(o, kMemoryCount), 2u);
  // Behind the page nothing can be executed.
  c = user_case(kLong64, {0x90});
  c.v[Rip] = window(kCodeReadOnly) + 0xffff;
  c.v[CodeAddress] = kRamEnd - kMostCode;
  EXPECT_EQ(text(run(c)), "#GP");  // HLT of the background
  c.v[PatchAddress] = kData - 8;
  c.v[PatchValue] = u64{0x90} << 56;
  o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rip), window(kCodeReadOnly) + 0x10000);
}

TEST_F(NativeTest, TrapsAndAlignment) {
  Case c = user_case(kLong64, {0x48, 0x8b, 0x06});
  c.v[Rflags] |= bit(rflags::TF);
  c.v[Rsi] = kData;
  Observation o = run(c);
  ASSERT_EQ(text(o), "#DB");
  EXPECT_EQ(record(o, Rip), kCode + 3);
  EXPECT_EQ(extra(o, kPayload), bit(14));
  EXPECT_EQ(record(o, Rflags), c.v[Rflags]);
  c.v[Rflags] = 2 | bit(rflags::AC);
  c.v[Rsi] = kData + 1;
  EXPECT_EQ(text(run(c)), "done");
  c.v[Cr0] |= bit(cr0::AM);
  o = run(c);
  ASSERT_EQ(text(o), "#AC");
  EXPECT_EQ(extra(o, kErrorCode), 0u);
  expect_state(o, c);
}

TEST_F(NativeTest, PoppedFlagsLeaveNothingBehind) {
  Case c = user_case(kLong64, {0x9d});
  c.v[PatchAddress] = kStack + 0x8000;
  c.v[PatchValue] = 0x3f7fd7 & ~bit(rflags::VM);
  const Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(record(o, Rflags), 2 | rflags::kStatus | bit(rflags::TF) | bit(rflags::DF) | bit(rflags::NT) |
                                   bit(rflags::AC) | bit(rflags::ID));
  EXPECT_EQ(text(run(user_case(kLong64, {0x90}))), "done");
}

TEST_F(NativeTest, PushedFlagsAreThoseOfTheCaseOrNotJudged) {
  Case c = user_case(kLong64, {0x9c});
  EXPECT_EQ(text(run(c)), "flags_image");
  c.v[Rflags] = 2 | bit(rflags::IF) | bit(rflags::CF) | bit(rflags::ID);
  const Observation o = run(c);
  ASSERT_EQ(text(o), "done");
  EXPECT_EQ(extra(o, kMemoryValue), c.v[Rflags]);
}

TEST_F(NativeTest, WhatItCannotBeAskedHasAName) {
  const struct {
    std::initializer_list<unsigned> code;
    const char* reason;
  } kRows[] = {{{0x0f, 0x05}, "system_call"},
               {{0xcd, 0x80}, "software_interrupt"},
               {{0x0f, 0xa2}, "host_state"},
               {{0x0f, 0x31}, "host_state"},
               {{0x0f, 0xc7, 0xf0}, "instruction_set"},
               {{0xc7, 0xf8, 0, 0, 0, 0}, "instruction_set"},
               {{0xc5, 0xf8, 0x77}, "instruction_set"},
               {{0x65, 0x8b, 0x00}, "fs_gs"},
               {{0x8e, 0xd8}, "segment_load"},
               {{0xcb}, "segment_load"},
               {{0x48, 0xcf}, "segment_load"},
               {{0xe4, 0x60}, "io"},
               {{0x0f, 0xae, 0x06}, "fpu_image"},
               {{0x0f, 0x01, 0xc1}, "instruction_set"},
               {{0x0f, 0x53, 0xc0}, "approximation"}};
  for (const auto& row : kRows) EXPECT_EQ(text(run(user_case(kLong64, row.code))), row.reason);
  const auto with = [](unsigned slot, u64 value) {
    Case c = user_case(kLong64, {0x90});
    c.v[slot] = value;
    return c;
  };
  EXPECT_EQ(text(run(golden_case(schema()))), "mode");
  EXPECT_EQ(text(run(with(SsAttr, 0xc093))), "cpl");
  EXPECT_EQ(text(run(with(ExtraSteps, 1))), "several_steps");
  EXPECT_EQ(text(run(with(PatchAddress, kPt + 8 * 0x20))), "patched_tables");
  EXPECT_EQ(text(run(with(Cr3, kPml4 | 0x18))), "done");
  EXPECT_EQ(text(run(with(Cr3, kPml5))), "paging");
  EXPECT_EQ(text(run(with(Dr7, 0x401))), "breakpoints");
  EXPECT_EQ(text(run(with(DsSelector, kSelData))), "segments");
  EXPECT_EQ(text(run(with(Deliver, 1))), "done");
  Case c = user_case(kLong64, {0x0f, 0x0b});
  c[Deliver] = 1;
  EXPECT_EQ(text(run(c)), "delivery");
  c = user_case(kLong64, {0xf0, 0x01, 0x06});  // lock add [rsi], eax
  c.v[Rsi] = kData + 62;
  EXPECT_EQ(text(run(c)), "split_lock");
}

TEST_F(NativeTest, AnInstructionOfAFeatureTheProfileLacksIsNotJudged) {
  Case c = user_case(kLong64, {0xf3, 0x0f, 0xb8, 0xc3});  // popcnt eax, ebx
  if ((host_cpu().features >> feature::POPCNT & 1) == 0) GTEST_SKIP() << "no POPCNT here";
  EXPECT_EQ(text(run(c)), "done");
  c.v[CapFeatures] &= ~bit(feature::POPCNT);
  EXPECT_EQ(text(run(c)), "feature");
}

std::vector<Observation> run_all(Executor& native, const std::vector<Case>& cases) {
  std::vector<Observation> seen(cases.size());
  native.submit(cases, seen);
  EXPECT_TRUE(native.collect());
  return seen;
}

void expect_same(const Observation& a, const Observation& b, std::size_t i) {
  ASSERT_EQ(text(a), text(b)) << i;
  ASSERT_EQ(a.defined, b.defined) << i;
  for (std::size_t s = 0; s < kMaxRecord; ++s) ASSERT_EQ(a.record[s], b.record[s]) << i << " slot " << s;
}

TEST_F(NativeTest, NoCaseDependsOnWhatRanBefore) {
  std::vector<Case> cases, reversed;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) cases.push_back(random_case(seed));
  reversed.assign(cases.rbegin(), cases.rend());
  const auto first = run_all(*native_, cases), backwards = run_all(*native_, reversed);
  const auto again = make_native();
  ASSERT_TRUE(again);
  const auto elsewhere = run_all(**again, cases);
  std::size_t judged = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    expect_same(first[i], backwards[cases.size() - 1 - i], i);
    expect_same(first[i], elsewhere[i], i);
    judged += first[i].status == Status::Ran;
    ASSERT_NE(text(first[i]), "ran_on") << i;
    ASSERT_NE(text(first[i]), "host_fault") << i;
  }
  EXPECT_GT(judged, 1000u);
}

// The only child of this process.
pid_t child_pid() {
  const std::string self = std::to_string(::getpid());
  DIR* proc = ::opendir("/proc");
  pid_t found = 0;
  while (const dirent* entry = ::readdir(proc)) {
    std::ifstream stat(std::string("/proc/") + entry->d_name + "/stat");
    std::string number, name, state, parent;
    if (stat >> number >> name >> state >> parent && parent == self) found = std::stoi(number);
  }
  ::closedir(proc);
  return found;
}

TEST_F(NativeTest, AKilledChildIsReplaced) {
  ASSERT_EQ(text(run(user_case(kLong64, {0x90}))), "done");
  const pid_t child = child_pid();
  ASSERT_GT(child, 0);
  ::kill(child, SIGKILL);
  EXPECT_EQ(text(run(user_case(kLong64, {0x90}))), "done");
  EXPECT_NE(child_pid(), child);
}

TEST(GuestPages, RegionsAreWhatTheTablesGiveUserCode) {
  const auto regions = regions_to_map();
  ASSERT_FALSE(regions.empty());
  EXPECT_EQ(regions.front().linear, kCode);
  EXPECT_EQ(regions.front().bytes, kRamEnd - kCode);
  for (const Region& r : regions) {
    EXPECT_LT(r.linear + r.bytes, u64{1} << 32);
    EXPECT_LE(r.gpa + r.bytes, kRamEnd);
    EXPECT_FALSE(r.linear >= window(kUntouched) && r.linear < window(kKeyed));
  }
  EXPECT_FALSE(user_page(window(kUntouched)).used);
  EXPECT_TRUE(user_page(window(kReadOnly)).used);
  EXPECT_EQ(user_page(0x800000).kind, Page::kReserved);
}

}  // namespace
}  // namespace diffvisor::native
