// SPDX-License-Identifier: Apache-2.0
#include "oracles/unicorn/engine.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "harness/arch/insn/schema.h"
#include "harness/case/case.h"
#include "oracles/unicorn/layout_proof.h"
#include "oracles/unicorn/test_cases.h"

namespace diffvisor::unicorn {
namespace {

using namespace insn;
using u64 = std::uint64_t;
using Bytes = std::vector<std::uint8_t>;

constexpr u64 kTop = kStack + 0x8000;

class UnicornEngine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto opened = Engine::open();
    ASSERT_TRUE(opened) << opened.error().text();
    engine = std::move(*opened);
  }
  static void TearDownTestSuite() { engine.reset(); }

  static WireResult run(const WireCase& c) {
    WireResult r{};
    engine->run(c, r);
    EXPECT_TRUE(engine->is_clean());
    return r;
  }
  static WireResult run(unsigned mode, const Bytes& code) { return run(golden_wire(mode, code)); }
  static std::string text(const WireResult& r) {
    return r.status == 0 ? outcome_text(r.outcome) : std::string(limit_rows()[r.status - 1].reason);
  }
  static u64 at(const WireResult& r, unsigned slot) { return r.record[slot - kFirstState]; }
  static bool defines(const WireResult& r, unsigned i) { return r.defined[i / 64] >> (i % 64) & 1; }

  static std::unique_ptr<Engine> engine;
};
std::unique_ptr<Engine> UnicornEngine::engine;

Bytes bytes_of(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

TEST(UnicornLayout, AWrongOffsetIsNoticed) {
  EXPECT_TRUE(prove_layout(layout_probes()));
  for (std::size_t i = 0; i < layout_probes().size(); ++i) {
    std::vector<Probe> probes(layout_probes().begin(), layout_probes().end());
    probes[i].offset += 8;
    EXPECT_FALSE(prove_layout(probes)) << probes[i].name;
  }
}

TEST_F(UnicornEngine, ANopChangesNothingButRip) {
  for (unsigned mode = 0; mode < kModes; ++mode) {
    WireCase c = golden_wire(mode, {0x90});
    for (unsigned i = 0; i < 8; ++i) c.v[Mm + i] = 0x1111111111111111 * i;
    for (unsigned i = 0; i < 32; ++i) c.v[Xmm + i] = 0x0123456789abcdef * (i + 1);
    for (unsigned s = Rax; s <= R15; ++s)
      if (s != Rsp) c.v[s] = 0x8000000000001000 + s;
    for (unsigned s = Star; s <= TscAux; ++s) c.v[s] += 0x10;
    c.v[Ftw] = 0xa5;
    c.v[Fsw] = 0x2800;
    c.v[Fcw] = 0x0b7f;
    c.v[Mxcsr] = 0x9fc0;
    c.v[Cr2] = 0x12345;
    c.v[Dr0] = 0x77;
    c.v[Dr6] = 0xffff0ff1;
    c.v[Dr7] = 0x4ff;
    c.v[Cr8] = 5;
    settle(c.v);
    const WireResult r = run(c);
    ASSERT_EQ(text(r), "done") << mode;
    for (unsigned s = kFirstState; s < kFirstState + kStateWords; ++s)
      EXPECT_EQ(at(r, s), c.v[s] + (s == Rip ? 1 : 0))
          << mode << " " << field_of_slot(schema(), static_cast<Slot>(s)).name;
    EXPECT_EQ(r.record[kMemoryCount], 0u);
    EXPECT_EQ(r.record[kSteps], 1u);
  }
}

TEST_F(UnicornEngine, AnAddSetsFlags) {
  for (unsigned mode = 0; mode < kModes; ++mode) {
    WireCase c = golden_wire(mode, {0x00, 0xd8});  // ADD AL, BL
    c.v[Rax] = 0xff;
    c.v[Rbx] = 1;
    const WireResult r = run(c);
    EXPECT_EQ(at(r, Rax), 0u);
    EXPECT_EQ(at(r, Rflags) & rflags::kStatus, u64{0x55});  // CF PF AF ZF
  }
}

TEST_F(UnicornEngine, APushChangesMemory) {
  const unsigned bytes[] = {2, 2, 2, 4, 4, 8};
  for (unsigned mode = 0; mode < kModes; ++mode) {
    WireCase c = golden_wire(mode, {0x50});
    c.v[Rax] = 0x89abcdef;
    const WireResult r = run(c);
    ASSERT_EQ(text(r), "done");
    EXPECT_EQ(c.v[Rsp] - at(r, Rsp), bytes[mode]);
    EXPECT_EQ(r.record[kMemoryCount], 1u);
    EXPECT_EQ(r.record[kMemoryAddress], kTop - 8);
    EXPECT_EQ(r.record[kMemoryValue], bytes[mode] == 8 ? 0x89abcdef : u64{0x89abcdef} << (64 - 8 * bytes[mode]));
    const MemoryChange change{r.record[kMemoryAddress], r.record[kMemoryValue]};
    EXPECT_EQ(r.record[kMemoryDigest], memory_digest(&change, 1));
    EXPECT_EQ(r.record[kMemoryAddress + 1], ~u64{0});
  }
}

TEST_F(UnicornEngine, PushedFlagsDoNotShowHowItSteps) {
  const WireResult r = run(kLong64, {0x9c});
  EXPECT_EQ(r.record[kMemoryValue], 2u);
  EXPECT_EQ(at(r, Rflags), 2u);
}

TEST_F(UnicornEngine, FaultsAreReportedBeforeDelivery) {
  for (unsigned mode = 0; mode < kModes; ++mode) {
    WireCase c = golden_wire(mode, {0xf7, 0xf1});  // DIV ECX
    c.v[Rflags] |= 1u << rflags::RF;
    const WireResult r = run(c);
    EXPECT_EQ(text(r), "#DE") << mode;
    EXPECT_EQ(at(r, Rip), c.v[Rip]);
    EXPECT_EQ(at(r, Rflags) >> rflags::RF & 1, 0u);
    EXPECT_EQ(r.record[kSteps], 0u);
    EXPECT_FALSE(defines(r, kErrorCode));
  }
  EXPECT_EQ(text(run(kLong64, {0x0f, 0x0b})), "#UD");
  const WireResult breakpoint = run(kReal16, {0xcc});
  EXPECT_EQ(text(breakpoint), "#BP");
  EXPECT_EQ(at(breakpoint, Rip), 0u);
}

TEST_F(UnicornEngine, PageFaultsOfEveryWindow) {
  struct Expected {
    Window window;
    bool write;
    const char* outcome;
    u64 error;
  };
  constexpr Expected kExpected[] = {
      {kReadOnly, false, "done", 0},  {kReadOnly, true, "#PF", 7}, {kSupervisor, false, "#PF", 5},
      {kAbsent, false, "#PF", 4},     {kAbsent, true, "#PF", 6},   {kReservedBit, false, "#PF", 0xd},
      {kNoExecute, false, "done", 0}, {kGlobal, true, "done", 0},  {kSupervisorReadOnly, true, "#PF", 7}};
  for (const Expected& e : kExpected) {
    WireCase c = golden_wire(kLong64, {static_cast<std::uint8_t>(e.write ? 0x89 : 0x8b), 0x03});  // [RBX]
    c.v[SsAttr] |= 0x60;
    c.v[CsAttr] |= 0x60;
    c.v[Rbx] = window(e.window) + 0x1010;
    c.v[Cr2] = 0x777;
    settle(c.v);
    const WireResult r = run(c);
    ASSERT_EQ(text(r), e.outcome) << e.window;
    EXPECT_EQ(at(r, Cr2), 0x777u);
    if (r.outcome == make_outcome(OutcomeKind::Done)) continue;
    EXPECT_EQ(r.record[kErrorCode], e.error) << e.window;
    EXPECT_EQ(r.record[kPayload], c.v[Rbx]);
  }
}

TEST_F(UnicornEngine, AccessedAndDirtyBitsAreMemoryEffects) {
  WireCase c = golden_wire(kLong64, {0x8b, 0x03});
  c.v[Rbx] = window(kUntouched);
  WireResult r = run(c);
  ASSERT_EQ(text(r), "done");
  EXPECT_EQ(r.record[kMemoryCount], 1u);
  EXPECT_EQ(r.record[kMemoryAddress], kPt + 8 * (window(kUntouched) / kPage));
  EXPECT_EQ(r.record[kMemoryValue], kData | 0x27);
  r = run(c);  // and again: no translation is left over
  EXPECT_EQ(r.record[kMemoryCount], 1u);
}

TEST_F(UnicornEngine, PatchedTablesAreSeen) {
  WireCase c = golden_wire(kLong64, {0x8b, 0x03});
  c.v[Rbx] = kData;
  EXPECT_EQ(text(run(c)), "done");
  c.v[PatchAddress] = kPt + 8 * (kData / kPage);
  c.v[PatchValue] = kData | 6;
  EXPECT_EQ(text(run(c)), "#PF");
  c.v[PatchValue] = (kData + kPage) | 0x67;
  EXPECT_EQ(text(run(c)), "remapped_page");
  c.v[PatchValue] = 0x50000 | 0x67;
  EXPECT_EQ(text(run(c)), "no_memory");
  c.v[PatchAddress] = c.v[PatchValue] = 0;
  EXPECT_EQ(text(run(c)), "done");
}

TEST_F(UnicornEngine, SegmentLoads) {
  WireCase c = golden_wire(kProtected32, {0x8e, 0xd8});  // MOV DS, AX
  c.v[Rax] = kSelData16;
  WireResult r = run(c);
  ASSERT_EQ(text(r), "done");
  EXPECT_EQ(at(r, DsSelector), kSelData16);
  EXPECT_EQ(at(r, DsBase), kData);
  EXPECT_EQ(at(r, DsLimit), 0xffffu);
  EXPECT_EQ(at(r, DsAttr), 0x93u);
  c.v[Rax] = kSelDataAbsent;
  r = run(c);
  EXPECT_EQ(text(r), "#NP");
  EXPECT_EQ(r.record[kErrorCode], kSelDataAbsent);
  c.v[Rax] = 0;
  EXPECT_EQ(at(run(c), DsAttr), u64{1} << attr::UNUSABLE);
  c = golden_wire(kReal16, {0x8e, 0xd8});
  c.v[Rax] = 0x1234;
  EXPECT_EQ(at(run(c), DsBase), 0x12340u);
}

TEST_F(UnicornEngine, LoadingSsBlocksAndStops) {
  for (const unsigned mode : {kReal16, kVirtual8086, kProtected32}) {
    WireCase c = golden_wire(mode, {0x8e, 0xd0, 0x0f, 0x0b});  // MOV SS, AX
    c.v[Rax] = mode == kProtected32 ? kSelData : 0x3000;
    WireResult r = run(c);
    ASSERT_EQ(text(r), "done") << mode;
    EXPECT_EQ(at(r, Rip), c.v[Rip] + 2);
    EXPECT_FALSE(defines(r, Shadow - kFirstState));
    c.v[ExtraSteps] = 1;
    r = run(c);
    EXPECT_EQ(text(r), "#UD");
    EXPECT_EQ(r.record[kSteps], 1u);
  }
  const WireResult sti = run(kLong64, {0xfb});
  EXPECT_TRUE(defines(sti, Shadow - kFirstState));
  EXPECT_EQ(at(sti, Shadow), 1u);
}

TEST_F(UnicornEngine, TheTrapFlagTrapsBehindTheInstruction) {
  WireCase c = golden_wire(kLong64, {0xff, 0xc0});
  c.v[Rflags] |= 1u << rflags::TF;
  c.v[Dr6] = 0xffff0ff0;
  const WireResult r = run(c);
  EXPECT_EQ(text(r), "#DB");
  EXPECT_EQ(at(r, Rax), 1u);
  EXPECT_EQ(at(r, Rip), kCode + 2);
  EXPECT_EQ(at(r, Dr6), 0xffff0ff0u);
  EXPECT_EQ(at(r, Rflags) >> rflags::TF & 1, 1u);
  EXPECT_EQ(r.record[kPayload], 0x4000u);
}

TEST_F(UnicornEngine, Repetitions) {
  WireCase c = golden_wire(kLong64, {0xf3, 0xa4});  // REP MOVSB
  c.v[Rcx] = 5;
  c.v[Rsi] = kData;
  c.v[Rdi] = kStack;
  WireResult r = run(c);
  EXPECT_EQ(at(r, Rcx), 0u);
  EXPECT_EQ(at(r, Rip), kCode + 2);
  c.v[RepOne] = 1;
  r = run(c);
  EXPECT_EQ(at(r, Rcx), 4u);
  EXPECT_EQ(at(r, Rip), kCode);
  c.v[RepOne] = 0;
  c.v[Rcx] = 0x123456789a;
  EXPECT_EQ(text(run(c)), "rep_too_long");
  c.v[Rdi] = window(kAbsent) - 3;
  r = run(c);
  EXPECT_EQ(text(r), "#PF");
  EXPECT_EQ(at(r, Rcx), u64{0x123456789a} - 3);
}

TEST_F(UnicornEngine, AStoreIntoItsOwnPageIsWhole) {
  WireCase c = golden_wire(kLong64, {0x0f, 0x2b, 0x59, 0x01});  // MOVNTPS [RCX + 1], XMM3
  c.v[Rcx] = kCode;
  const WireResult r = run(c);
  ASSERT_EQ(text(r), "done");
  EXPECT_EQ(r.record[kMemoryCount], 3u);
  EXPECT_EQ(r.record[kMemoryAddress + 2], kCode + 16);
}

TEST_F(UnicornEngine, CodeMayLieAtAddressZero) {
  WireCase c = golden_wire(kReal16, {0xcf});  // IRET to 0:0, where ADD [BX + SI], AL lies
  c.v[ExtraSteps] = 1;
  const WireResult r = run(c);
  ASSERT_EQ(text(r), "done");
  EXPECT_EQ(at(r, Rip), 2u);
  EXPECT_EQ(r.record[kSteps], 2u);
}

TEST_F(UnicornEngine, PortsHaltAndSteps) {
  WireCase c = golden_wire(kReal16, {0x40, 0xef, 0xf4});  // INC AX; OUT DX, AX; HLT
  c.v[Rdx] = 0x1234;
  c.v[Rax] = 0x55;
  c.v[ExtraSteps] = 3;
  WireResult r = run(c);
  ASSERT_EQ(text(r), "port_access");
  EXPECT_EQ(r.record[kPort], 0x21234u);
  EXPECT_EQ(r.record[kPortValue], 0x56u);
  EXPECT_EQ(at(r, Rip), 1u);
  EXPECT_EQ(r.record[kSteps], 1u);
  c = golden_wire(kReal16, {0x40, 0x40, 0xf4});
  c.v[ExtraSteps] = 3;
  r = run(c);
  EXPECT_EQ(text(r), "halt");
  EXPECT_EQ(at(r, Rip), 3u);
  EXPECT_EQ(r.record[kSteps], 2u);
}

TEST_F(UnicornEngine, TheSixteenthByteLeavesNoTranslation) {
  WireCase late = golden_wire(kLong64, {0x90});
  late.v[Rip] = late.v[CodeAddress] = kCode + 0x1000;
  late.v[PatchAddress] = kPt + 8 * (kCode / kPage + 1);
  EXPECT_EQ(text(run(late)), "#PF");
  WireCase too_long = golden_wire(kLong64, Bytes(16, 0xf2));
  too_long.v[Rip] = too_long.v[CodeAddress] = kCode + 0x1000 - 15;
  EXPECT_EQ(text(run(too_long)), "#GP");
  EXPECT_EQ(text(run(late)), "#PF");
}

TEST_F(UnicornEngine, FeaturesAreTheProfiles) {
  WireCase c = golden_wire(kLong64, {0xf3, 0x0f, 0xb8, 0xc1});  // POPCNT
  EXPECT_EQ(text(run(c)), "done");
  c.v[CapFeatures] &= ~(u64{1} << feature::POPCNT);
  EXPECT_EQ(text(run(c)), "#UD");
  c.v[CapGeneration] = k80286;
  EXPECT_EQ(text(run(c)), "profile");
}

// Every row with bytes is reached by them, in one step or, behind a MOV that prepares it, later.
TEST_F(UnicornEngine, LimitsAreReached) {
  for (const LimitRow& row : limit_rows()) {
    if (row.bytes.empty()) continue;
    WireCase c = golden_wire(kLong64, bytes_of(row.bytes));
    WireResult r = run(c);
    for (c.v[ExtraSteps] = 1; r.status == 0 && c.v[ExtraSteps] <= 3; ++c.v[ExtraSteps]) r = run(c);
    EXPECT_EQ(text(r), row.reason);
  }
  WireCase c = golden_wire(kLong64, {0x90});
  c.v[Deliver] = 1;
  EXPECT_EQ(text(run(c)), "delivery_not_modelled");
}

bool is_same(const WireResult& a, const WireResult& b) {
  if (a.status != b.status || a.status != 0) return a.status == b.status;
  if (a.outcome != b.outcome || !std::equal(std::begin(a.defined), std::end(a.defined), b.defined)) return false;
  for (unsigned i = 0; i < kRecordSlots; ++i)
    if ((a.defined[i / 64] >> (i % 64) & 1) != 0 && a.record[i] != b.record[i]) return false;
  return true;
}

// Behind its end Unicorn looks for translations one byte in front of the address it was to stop at.
TEST_F(UnicornEngine, WhereItLookedAfterItsEndIsForgotten) {
  WireCase sysret = golden_wire(kLong64, {0x48, 0x0f, 0x07});
  sysret.v[Rcx] = kCode + 3 * kPage;
  sysret.v[R11] = 2;
  WireCase jump = golden_wire(kLong64, {0xe9, 0xfb, 0x1f, 0x00, 0x00});
  jump.v[CsAttr] |= 0x60;
  jump.v[SsAttr] |= 0x60;
  jump.v[ExtraSteps] = 1;
  jump.v[PatchAddress] = kPt + 8 * (kCode / kPage + 2);
  jump.v[PatchValue] = (kCode + 2 * kPage) | 6;
  settle(jump.v);
  EXPECT_EQ(text(run(jump)), "#PF");
  EXPECT_EQ(text(run(sysret)), "done");
  EXPECT_EQ(text(run(jump)), "#PF");
}

// Flushing is itself done by instructions on a page of its own.
TEST_F(UnicornEngine, WhereItFlushesIsForgotten) {
  const WireCase unpaged = golden_wire(kReal16, {0x90}), paged = golden_wire(kLong64, {0x90});
  for (const u64 smap : {u64{0}, u64{1}}) {
    WireCase load = golden_wire(kLong64, {0x8a, 0x06});
    load.v[Rsi] = u64{1} << 60;
    load.v[Cr4] |= smap << cr4::SMAP;
    settle(load.v);
    for (unsigned i = 0; i < 40; ++i) {
      EXPECT_EQ(text(run(load)), "#GP") << i;
      run(i % 3 == 0 ? unpaged : paged);
    }
  }
}

TEST_F(UnicornEngine, NothingIsLeftOfACase) {
  Rng rng(1, 1);
  for (unsigned i = 0; i < 4000; ++i) {
    const WireCase a = random_wire(rng), b = random_wire(rng);
    const WireResult first = run(a);
    run(b);
    const WireResult second = run(a);
    ASSERT_TRUE(is_same(first, second)) << i << ": " << text(first) << " and then " << text(second) << ", mode "
                                        << a.v[ModeOf] << fmt::format(" {:02x}", fmt::join(a.code, ""));
  }
}

}  // namespace
}  // namespace diffvisor::unicorn
