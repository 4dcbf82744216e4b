// SPDX-License-Identifier: Apache-2.0
// The whole path case -> agent -> Bochs -> observation for x86_insn, against what the manual says of simple
// instructions in every mode.
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "oracles/agent/insn_step_codec.h"
#include "oracles/machines/machines.h"

namespace diffvisor {
namespace {

using namespace insn;

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
constexpr std::uint64_t kTop = kStack + 0x8000;

Case step_case(unsigned mode, std::initializer_list<unsigned> code) {
  Case c = golden_case(schema());
  c[ModeOf] = mode;
  reset_to_golden(c);
  for (const unsigned b : code) c.areas[kCodeArea].push_back(static_cast<std::byte>(b));
  return c;
}

class InsnStep : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (std::system("command -v bochs-bin >/dev/null") != 0) return;
    MachineOptions options;
    options.profile = "tigerlake";
    auto made = make_oracle("bochs", agent::insn_step_codec(), options);
    ASSERT_TRUE(made) << made.error().text();
    executor = std::move(*made);
  }
  static void TearDownTestSuite() { executor.reset(); }
  void SetUp() override {
    if (executor == nullptr) GTEST_SKIP() << "bochs-bin is not installed";
  }

  Observation run(Case c) {
    settle(c.v.data());
    const std::vector<Case> cases = {c};
    std::vector<Observation> out(1);
    executor->submit(cases, out);
    const auto done = executor->collect();
    EXPECT_TRUE(done) << done.error().text();
    return out[0];
  }
  std::string text(const Observation& o) {
    return o.status == Status::Ran ? outcome_text(o.outcome) : std::string(o.reason);
  }
  static std::uint64_t at(const Observation& o, unsigned slot) { return o.record[slot - kFirstState]; }

  static std::unique_ptr<Executor> executor;
};
std::unique_ptr<Executor> InsnStep::executor;

TEST_F(InsnStep, ANopChangesNothingButRip) {
  for (unsigned mode = 0; mode < kModes; ++mode) {
    Case c = step_case(mode, {0x90});
    for (unsigned i = 0; i < 8; ++i) c[static_cast<Slot>(Mm + i)] = 0x1111111111111111 * i;
    for (unsigned i = 0; i < 32; ++i) c[static_cast<Slot>(Xmm + i)] = 0x0123456789abcdef * (i + 1);
    for (unsigned s = Rax; s <= Rdi; ++s)
      if (s != Rsp) c[static_cast<Slot>(s)] = 0x1000 + s;
    c[Ftw] = 0xa5;
    c[Fsw] = 0x2800;
    c[Cr2] = 0x12345;
    c[Dr0] = 0x77;
    c[Dr6] = 0xffff0ff1;
    c[Cr8] = 5;
    c[TscAux] = 99;
    settle(c.v.data());
    const Observation o = run(c);
    ASSERT_EQ(text(o), "done") << "mode " << mode;
    for (Slot s = kFirstState; s < kFirstState + kStateWords; ++s) {
      const std::uint64_t expected = c[s] + (s == Rip ? 1 : 0);
      EXPECT_EQ(at(o, s), expected) << "mode " << mode << " " << field_of_slot(schema(), s).name << " "
                                    << s - field_of_slot(schema(), s).slot;
    }
    EXPECT_EQ(o.record[kMemoryCount], 0u) << "mode " << mode << " at " << std::hex << o.record[kMemoryAddress];
    EXPECT_EQ(o.record[kSteps], 1u);
  }
}

TEST_F(InsnStep, APushChangesMemory) {
  for (unsigned mode = 0; mode < kModes; ++mode) {
    Case c = step_case(mode, {0x50});
    constexpr std::uint64_t kValue = 0x89abcdef;
    c[Rax] = kValue;
    const Observation o = run(c);
    ASSERT_EQ(text(o), "done") << "mode " << mode;
    EXPECT_EQ(o.record[kMemoryCount], 1u) << "mode " << mode;
    const std::uint64_t bytes = c[Rsp] - at(o, Rsp);
    EXPECT_EQ(bytes, mode == kLong64 ? 8u : mode == kProtected32 || mode == kCompatibility32 ? 4u : 2u);
    EXPECT_EQ(o.record[kMemoryAddress], kTop - 8);
    EXPECT_EQ(o.record[kMemoryValue], bytes == 8 ? kValue : kValue << (64 - 8 * bytes));
    const MemoryChange change{o.record[kMemoryAddress], o.record[kMemoryValue]};
    EXPECT_EQ(o.record[kMemoryDigest], memory_digest(&change, 1));
  }
}

struct SlotValue {
  Slot slot;
  std::uint64_t value;
};
struct Row {
  const char* what;
  unsigned mode;
  std::vector<unsigned> code;
  std::vector<SlotValue> before;
  std::string outcome;
  std::vector<SlotValue> after;                           // slots of the state
  std::vector<std::pair<unsigned, std::uint64_t>> extra;  // slots of the record behind it
};

constexpr std::uint64_t kTf = bit(rflags::TF);
constexpr std::uint64_t kUserCs[] = {kSelUserCode64 | 3, 0xa0fb};

// clang-format off
const Row kRows[] = {
    {"divide by zero", kLong64, {0xf7, 0xf3}, {{Rbx, 0}}, "#DE", {{Rip, kCode}}, {{kMemoryCount, 0}, {kSteps, 0}}},
    {"read of an absent page", kLong64, {0x48, 0x8b, 0x03}, {{Rbx, window(kAbsent)}}, "#PF", {{Rip, kCode}, {Cr2, 0}}, {{kErrorCode, 0}, {kPayload, window(kAbsent)}}},
    {"write of a read-only page", kLong64, {0x48, 0x89, 0x03}, {{Rbx, window(kReadOnly) + 8}}, "#PF", {{Rip, kCode}}, {{kErrorCode, 3}, {kPayload, window(kReadOnly) + 8}}},
    {"user read of a supervisor page", kLong64, {0x48, 0x8b, 0x03}, {{Rbx, window(kSupervisor)}, {CsSelector, kUserCs[0]}, {CsAttr, kUserCs[1]}, {SsSelector, kSelUserData | 3}, {SsAttr, 0xc0f3}}, "#PF", {{Rip, kCode}}, {{kErrorCode, 5}}},
    {"reserved bit", kLong64, {0x48, 0x8b, 0x03}, {{Rbx, window(kReservedBit)}}, "#PF", {}, {{kErrorCode, 9}}},
    {"write behind 32-bit paging", kProtected32, {0x89, 0x03}, {{Rbx, window(kReadOnly)}}, "#PF", {{Rip, kCode}}, {{kErrorCode, 3}, {kPayload, window(kReadOnly)}}},
    {"accessed and dirty bits", kLong64, {0xc6, 0x03, 0x5a}, {{Rbx, window(kUntouched)}}, "done", {{Rip, kCode + 3}}, {{kMemoryCount, 2}, {kMemoryAddress, kPt + window(kUntouched) / 512}, {kMemoryAddress + 1, kData}, {kMemoryAddress + 2, ~std::uint64_t{0}}}},
    {"access outside the memory", kLong64, {0x8b, 0x03}, {{Rbx, kLargeUser + kRamEnd}}, "no_memory", {}, {}},
    {"INT n in real mode", kReal16, {0xcd, 0x21}, {{Rflags, 0x202}}, "done", {{CsSelector, kIvtSegment}, {CsBase, kIvtSegment << 4}, {Rip, 0x21}, {Rsp, 0x7ffa}, {Rflags, 2}}, {{kMemoryCount, 1}, {kMemoryAddress, kTop - 8}, {kMemoryValue, 0x0202'1000'0002'0000}}},
    {"INT n in 64-bit mode", kLong64, {0xcd, 0x80}, {}, "done", {{Rip, kCode + 0x1080}, {Rsp, kTop - 40}}, {{kMemoryCount, 5}, {kMemoryAddress, kTop - 40}, {kMemoryValue, kCode + 2}, {kMemoryAddress + 3, kTop - 16}, {kMemoryValue + 3, kTop}}},
    {"INT n beyond the IDT", kLong64, {0xcd, 0x80}, {{IdtrLimit, 0x7ff}}, "#GP", {{Rip, kCode}}, {{kErrorCode, 0x80 * 8 + 2}}},
    {"INT3", kLong64, {0xcc}, {}, "#BP", {{Rip, kCode}}, {{kMemoryCount, 0}}},
    {"INT1", kLong64, {0xf1}, {}, "#DB", {{Rip, kCode}}, {}},
    {"INTO", kProtected32, {0xce}, {{Rflags, 0x802}}, "#OF", {{Rip, kCode}}, {}},
    {"far call in real mode", kReal16, {0x9a, 0x34, 0x12, 0x00, 0x20}, {}, "done", {{CsSelector, 0x2000}, {CsBase, 0x20000}, {Rip, 0x1234}, {Rsp, 0x7ffc}}, {{kMemoryCount, 1}, {kMemoryValue, 0x1000'0005'0000'0000}}},
    {"far call in protected mode", kProtected32, {0x9a, 0x34, 0x02, 0x01, 0x00, kSelCode32, 0x00}, {}, "done", {{CsSelector, kSelCode32}, {Rip, 0x10234}, {Rsp, kTop - 8}}, {{kMemoryCount, 1}, {kMemoryValue, std::uint64_t{kSelCode32} << 32 | (kCode + 7)}}},
    {"CLI in virtual-8086 mode", kVirtual8086, {0xfa}, {}, "#GP", {{Rip, 0}}, {{kErrorCode, 0}}},
    {"PUSHF in virtual-8086 mode, IOPL 3", kVirtual8086, {0x9c}, {{Rflags, 0x23202}}, "done", {{Rip, 1}, {Rsp, 0x7ffe}}, {{kMemoryValue, 0x3202'0000'0000'0000}}},
    {"MOV SS", kLong64, {0x8e, 0xd0}, {{Rax, kSelData}}, "done", {{Rip, kCode + 2}, {Shadow, 2}}, {{kSteps, 1}, {kMemoryCount, 0}}},
    {"MOV SS from memory", kProtected32, {0x8e, 0x15, 0x00, 0x00, 0x02, 0x00}, {{PatchAddress, kData}, {PatchValue, kSelData}}, "done", {{Rip, kCode + 6}, {Shadow, 2}}, {{kMemoryCount, 0}}},
    {"MOV SS behind MOV SS", kLong64, {0x8e, 0xd0}, {{Rax, kSelData}, {Shadow, 2}}, "done", {{Rip, kCode + 2}, {Shadow, 0}}, {}},
    {"MOV SS with TF", kLong64, {0x8e, 0xd0}, {{Rax, kSelData}, {Rflags, 2 | kTf}}, "done", {{Rip, kCode + 2}, {Shadow, 2}}, {}},
    {"MOV SS that faults", kLong64, {0x8e, 0xd0}, {{Rax, 0xff8}}, "#GP", {{Rip, kCode}}, {{kErrorCode, 0xff8}}},
    {"MOV SS that faults, delivered", kLong64, {0x8e, 0xd0}, {{Rax, 0xff8}, {Deliver, 1}}, "done", {{Rip, kCode + 0x100d}, {Rsp, kTop - 48}}, {{kSteps, 1}, {kMemoryCount, 6}}},
    {"POP SS", kReal16, {0x17}, {}, "done", {{Rip, 1}, {Rsp, 0x8002}, {SsSelector, 0}, {SsBase, 0}, {Shadow, 2}}, {}},
    {"MOV DS", kLong64, {0x8e, 0xd8}, {{Rax, kSelData}}, "done", {{Rip, kCode + 2}, {Shadow, 0}}, {}},
    {"STI", kLong64, {0xfb}, {}, "done", {{Rip, kCode + 1}, {Rflags, 0x202}, {Shadow, 1}}, {{kSteps, 1}, {kMemoryCount, 0}}},
    {"STI with IF", kLong64, {0xfb}, {{Rflags, 0x202}}, "done", {{Rip, kCode + 1}, {Shadow, 0}}, {}},
    {"STI with TF", kLong64, {0xfb}, {{Rflags, 2 | kTf}}, "#DB", {{Rip, kCode + 1}, {Rflags, 0x302}}, {{kPayload, 0x4000}}},
    {"STI at CPL 3, IOPL 3", kProtected32, {0xfb}, {{Rflags, 0x3002}, {CsSelector, kSelUserCode32 | 3}, {CsAttr, 0xc0fb}, {SsSelector, kSelUserData | 3}, {SsAttr, 0xc0f3}}, "done", {{Rip, kCode + 1}, {Shadow, 1}}, {}},
    {"NOP with TF", kLong64, {0x90}, {{Rflags, 2 | kTf}}, "#DB", {{Rip, kCode + 1}, {Dr6, 0xffff0ff0}}, {{kPayload, 0x4000}, {kSteps, 0}}},
    {"NOP with TF in a shadow", kLong64, {0x90}, {{Rflags, 2 | kTf}, {Shadow, 2}}, "#DB", {{Rip, kCode + 1}}, {{kPayload, 0x4000}}},
    {"NOP with TF, delivered", kLong64, {0x90}, {{Rflags, 2 | kTf}, {Deliver, 1}}, "done", {{Rip, kCode + 0x1001}, {Dr6, 0xffff4ff0}}, {{kMemoryCount, 5}, {kMemoryValue, kCode + 1}, {kSteps, 1}}},
    {"POPF sets TF", kLong64, {0x9d}, {{PatchAddress, kTop}, {PatchValue, 0x102}}, "done", {{Rip, kCode + 1}, {Rflags, 0x102}}, {}},
    {"instruction breakpoint", kLong64, {0x90}, {{Dr7, 0x401}, {Dr0, kCode}}, "#DB", {{Rip, kCode}}, {{kPayload, 1}, {kSteps, 0}}},
    {"instruction breakpoint with RF", kLong64, {0x90}, {{Dr7, 0x401}, {Dr0, kCode}, {Rflags, 0x10002}}, "done", {{Rip, kCode + 1}, {Rflags, 2}}, {}},
    {"instruction breakpoint in a shadow", kLong64, {0x90}, {{Dr7, 0x401}, {Dr0, kCode}, {Shadow, 2}}, "done", {{Rip, kCode + 1}}, {}},
    {"breakpoint of the next instruction", kLong64, {0x90, 0x90}, {{Dr7, 0x401}, {Dr0, kCode + 1}}, "done", {{Rip, kCode + 1}}, {{kSteps, 1}}},
    {"breakpoint of the second step", kLong64, {0x90, 0x90}, {{Dr7, 0x401}, {Dr0, kCode + 1}, {ExtraSteps, 1}}, "#DB", {{Rip, kCode + 1}}, {{kPayload, 1}, {kSteps, 1}}},
    {"data breakpoint", kLong64, {0x88, 0x03}, {{Rbx, kData}, {Dr7, 0x10401}, {Dr0, kData}}, "#DB", {{Rip, kCode + 2}}, {{kPayload, 1}}},
    {"general detect", kLong64, {0x0f, 0x21, 0xc0}, {{Dr7, 0x2400}}, "#DB", {{Rip, kCode}, {Dr7, 0x2400}}, {{kPayload, 0x2000}}},
    {"REP MOVSB", kLong64, {0xf3, 0xa4}, {{Rcx, 5}, {Rsi, kData}, {Rdi, kStack}}, "done", {{Rip, kCode + 2}, {Rcx, 0}, {Rsi, kData + 5}, {Rdi, kStack + 5}}, {{kMemoryCount, 1}, {kMemoryAddress, kStack}, {kSteps, 1}}},
    {"one iteration", kLong64, {0xf3, 0xa4}, {{Rcx, 5}, {Rsi, kData}, {Rdi, kStack}, {RepOne, 1}}, "done", {{Rip, kCode}, {Rcx, 4}, {Rsi, kData + 1}}, {{kMemoryCount, 1}, {kSteps, 1}}},
    {"REP with count 0", kLong64, {0xf3, 0xa4}, {{Rcx, 0}}, "done", {{Rip, kCode + 2}}, {{kMemoryCount, 0}}},
    {"REP into an absent page", kLong64, {0xf3, 0xaa}, {{Rcx, 16}, {Rdi, window(kAbsent) - 8}}, "#PF", {{Rip, kCode}, {Rcx, 8}, {Rdi, window(kAbsent)}}, {{kPayload, window(kAbsent)}, {kErrorCode, 2}, {kMemoryCount, 1}}},
    {"REP with TF", kLong64, {0xf3, 0xaa}, {{Rcx, 16}, {Rdi, kData}, {Rflags, 2 | kTf}}, "#DB", {{Rip, kCode}, {Rcx, 15}}, {{kPayload, 0x4000}}},
    {"REP STOSQ at one go", kLong64, {0xf3, 0x48, 0xab}, {{Rcx, 0x100}, {Rdi, kStack}, {Rax, 1}}, "done", {{Rip, kCode + 3}, {Rcx, 0}, {Rdi, kStack + 0x800}, {Rflags, 2}}, {{kMemoryCount, 0x100}, {kSteps, 1}}},
    {"REP MOVSB of its own code", kLong64, {0xf3, 0xa4}, {{Rcx, 24}, {Rsi, kCode}, {Rdi, kStack}}, "done", {{Rcx, 0}}, {{kMemoryCount, 3}, {kMemoryValue, 0xf4f4'f4f4'f4f4'a4f3}}},
    {"REPNE SCASB of its own code", kReal16, {0xf2, 0xae}, {{Rcx, 64}, {Rax, 0x0f}, {EsBase, kCode}, {EsSelector, kCode >> 4}, {Rdi, 0}}, "done", {{Rcx, 0}}, {}},
    {"REP STOSB over the code behind it", kLong64, {0xf3, 0xaa}, {{Rcx, 22}, {Rdi, kCode + 2}, {Rax, 0x90}}, "done", {{Rcx, 0}, {Rip, kCode + 2}}, {{kMemoryCount, 3}, {kMemoryValue, 0x9090'9090'9090'aaf3}}},
    {"REP STOSQ over its own page table", kLong64, {0xf3, 0x48, 0xab}, {{Rcx, 0x40}, {Rdi, kPt}, {Rax, 0}}, "#PF", {{Rip, kCode}, {Rcx, 0x40 - 13}}, {{kPayload, kPt + 13 * 8}, {kErrorCode, 2}}},
    {"REP STOSQ over the page tables, unpaged", kProtected32, {0xf3, 0xab}, {{Cr0, 0x10031}, {Rcx, 0x40}, {Rdi, kPt}, {Rax, 0}}, "done", {{Rcx, 0}}, {}},
    {"REP STOSB that has become a jump", kLong64, {0xc6, 0x03, 0xeb, 0xf3, 0xaa}, {{Rbx, kCode + 3}, {Rcx, 0x40}, {Rdi, kStack}, {ExtraSteps, 1}}, "done", {{Rip, kCode + 5 - 0x56}}, {{kSteps, 2}}},
    {"REP STOSB into a fault, delivered", kLong64, {0xf3, 0xaa}, {{Rcx, 0x40}, {Rdi, window(kAbsent) - 32}, {Deliver, 1}}, "done", {{Rip, kCode + 0x100e}, {Rcx, 32}, {Cr2, window(kAbsent)}}, {}},
    {"REPE CMPSB of equal memory", kLong64, {0xf3, 0xa6}, {{Rcx, 0x2000}, {Rsi, kStack}, {Rdi, kStack}}, "rep_too_long", {}, {}},
    {"REPE CMPSB to the 4095th byte", kLong64, {0xf3, 0xa6}, {{Rcx, 0x2000}, {Rsi, kStack}, {Rdi, kStack + 0x1000}, {PatchAddress, kStack + 0xff8}, {PatchValue, bit(48)}}, "done", {{Rip, kCode + 2}, {Rcx, 0x2000 - 4095}}, {}},
    {"REPE CMPSB to the 4096th byte", kLong64, {0xf3, 0xa6}, {{Rcx, 0x2000}, {Rsi, kStack}, {Rdi, kStack + 0x1000}, {PatchAddress, kStack + 0xff8}, {PatchValue, bit(56)}}, "done", {{Rip, kCode + 2}, {Rcx, 0x2000 - 4096}}, {}},
    {"REPE CMPSB to the 4097th byte", kLong64, {0xf3, 0xa6}, {{Rcx, 0x2000}, {Rsi, kStack}, {Rdi, kStack + 0x2000}, {PatchAddress, kStack + 0x1000}, {PatchValue, 1}}, "rep_too_long", {}, {}},
    {"4096 iterations", kVirtual8086, {0xf3, 0xac}, {{Rcx, 0xbeef1000}, {Rsi, 0}}, "done", {{Rcx, 0xbeef0000}, {Rsi, 0x1000}}, {}},
    {"4097 iterations", kVirtual8086, {0xf3, 0xac}, {{Rcx, 0x1001}, {Rsi, 0}}, "rep_too_long", {}, {}},
    {"REP LODSB down over offset 0", kVirtual8086, {0xf3, 0xac}, {{Rcx, 0x40}, {Rsi, 0x1f}, {Rflags, 0x20402}}, "done", {{Rcx, 0}, {Rsi, 0xffdf}}, {}},
    {"jump to itself", kLong64, {0xeb, 0xfe}, {}, "done", {{Rip, kCode}}, {{kSteps, 1}}},
    {"#GP delivered", kLong64, {0x8e, 0xd8}, {{Rax, 0xff8}, {Deliver, 1}}, "done", {{Rip, kCode + 0x100d}, {Rsp, kTop - 48}}, {{kMemoryCount, 6}, {kMemoryAddress, kTop - 48}, {kMemoryValue, 0xff8}, {kSteps, 1}}},
    {"#PF delivered", kLong64, {0x89, 0x03}, {{Rbx, window(kAbsent)}, {Deliver, 1}}, "done", {{Rip, kCode + 0x100e}, {Cr2, window(kAbsent)}}, {{kMemoryCount, 6}}},
    {"#GP while #UD is delivered", kLong64, {0x0f, 0x0b}, {{IdtrLimit, 0x5f}, {Deliver, 1}}, "triple_fault", {}, {{kSteps, 0}}},
    {"HLT", kLong64, {0xf4}, {}, "halt", {{Rip, kCode + 1}}, {{kSteps, 0}}},
    {"HLT at CPL 3", kVirtual8086, {0xf4}, {}, "#GP", {}, {{kErrorCode, 0}}},
    {"OUT", kLong64, {0xe6, 0x80}, {{Rax, 0x1234}}, "port_access", {{Rip, kCode}, {Rax, 0x1234}}, {{kPort, 0x80 | 1 << 16}, {kPortValue, 0x34}, {kSteps, 0}}},
    {"IN", kReal16, {0x66, 0xed}, {{Rdx, 0x3f8}}, "port_access", {{Rip, 0}}, {{kPort, 0x3f8 | 4 << 16 | 1 << 24}}},
    {"REP INSB", kLong64, {0xf3, 0x6c}, {{Rdx, 0x60}, {Rcx, 3}, {Rdi, kData}}, "port_access", {{Rip, kCode}, {Rcx, 3}, {Rdi, kData}}, {{kPort, 0x60 | 1 << 16 | 3 << 24}}},
    {"REP OUTSB with count 0", kLong64, {0xf3, 0x6e}, {{Rcx, 0}}, "done", {{Rip, kCode + 2}}, {}},
    {"OUTSW", kLong64, {0x66, 0x6f}, {{Rdx, 0x60}, {Rsi, kData}, {PatchAddress, kData}, {PatchValue, 0x12345678}}, "port_access", {{Rip, kCode}, {Rsi, kData}, {Rax, 0}}, {{kPort, 0x60 | 2 << 16 | 1 << 25}, {kPortValue, 0x5678}}},
    {"OUTSD with REX.W", kLong64, {0x48, 0x6f}, {{Rdx, 0x60}, {Rsi, window(kAbsent) - 4}}, "port_access", {{Rip, kCode}}, {{kPort, 0x60 | 4 << 16 | 1 << 25}}},
    {"OUTSB from an absent page", kLong64, {0xf3, 0x6e}, {{Rcx, 1}, {Rsi, window(kAbsent)}}, "#PF", {{Rip, kCode}}, {{kErrorCode, 0}, {kPayload, window(kAbsent)}}},
    {"INSB to a read-only page", kLong64, {0x6c}, {{Rdi, window(kReadOnly)}}, "#PF", {{Rip, kCode}}, {{kErrorCode, 3}}},
    {"INSB to a read-only page, delivered", kLong64, {0x6c}, {{Rdi, window(kReadOnly)}, {Deliver, 1}}, "done", {{Rip, kCode + 0x100e}, {Cr2, window(kReadOnly)}}, {{kMemoryCount, 6}}},
    {"INSB behind the case's code", kLong64, {0x90, 0x90, 0x6c}, {{Rip, kCode + 2}, {Rdi, kData}}, "code_elsewhere", {}, {}},
    {"REP STOS over its own code", kLong64, {0xf3, 0xaa}, {{Rcx, 0x40}, {Rdi, kCode - 0x10}}, "code_elsewhere", {}, {}},
    {"MOV null to FS", kLong64, {0x8e, 0xe0}, {{Rax, 0}}, "done", {{FsSelector, 0}, {FsAttr, 0x10000}, {FsLimit, 0}}, {}},
    {"LLDT null", kLong64, {0x0f, 0x00, 0xd0}, {{Rax, 0}}, "done", {{LdtrSelector, 0}, {LdtrAttr, 0x10000}, {LdtrLimit, 0}}, {}},
    {"CPUID", kLong64, {0x0f, 0xa2}, {}, "intercepted_cpuid", {}, {}},
    {"RDTSC", kLong64, {0x0f, 0x31}, {}, "intercepted_rdtsc", {}, {}},
    {"VMCALL", kLong64, {0x0f, 0x01, 0xc1}, {}, "intercepted_vmx", {}, {}},
    {"RDMSR of the state", kLong64, {0x0f, 0x32}, {{Rcx, 0xc0000082}}, "done", {{Rax, kCode + 0xe00}, {Rdx, 0}}, {}},
    {"WRMSR of the state", kLong64, {0x0f, 0x30}, {{Rcx, 0xc0000082}, {Rax, 0x1234}}, "done", {{Lstar, 0x1234}}, {}},
    {"RDMSR of another", kLong64, {0x0f, 0x32}, {{Rcx, 0x10}}, "msr_exit", {}, {}},
    {"MOV CR0 sets TS", kLong64, {0x0f, 0x22, 0xc0}, {{Rax, 0x80010039}}, "done", {{Cr0, 0x80010039}}, {}},
    {"MOV CR0 changes CD", kLong64, {0x0f, 0x22, 0xc0}, {{Rax, 0xc0010031}}, "cr_access_exit", {}, {}},
    {"CR0.CD and NW are read", kLong64, {0x0f, 0x20, 0xc0}, {{Cr0, 0xe0010011}}, "done", {{Rax, 0xe0010011}, {Cr0, 0xe0010011}}, {}},
    {"MOV CR4", kLong64, {0x0f, 0x22, 0xe0}, {{Rax, 0x624}}, "done", {{Cr4, 0x624}}, {}},
    {"MOV CR8", kLong64, {0x44, 0x0f, 0x22, 0xc0}, {{Rax, 9}}, "done", {{Cr8, 9}}, {}},
    {"MOV DR3", kLong64, {0x0f, 0x23, 0xd8}, {{Rax, 0x1234}}, "done", {{Dr3, 0x1234}}, {}},
    {"MOV from DR2", kLong64, {0x0f, 0x21, 0xd0}, {{Dr2, 0x1234}}, "done", {{Rax, 0x1234}, {Dr2, 0x1234}, {Dr3, 0}}, {}},
    {"MOV from DR2 at CPL 3", kVirtual8086, {0x0f, 0x21, 0xd0}, {{Dr2, 0x1234}}, "#GP", {{Dr2, 0x1234}}, {}},
    {"MOV DR7", kLong64, {0x0f, 0x23, 0xf8}, {{Rax, 0x401}, {Dr0, 0x9999}}, "done", {{Dr7, 0x401}, {Dr0, 0x9999}}, {}},
    {"SWAPGS", kLong64, {0x0f, 0x01, 0xf8}, {{GsBase, 0x5000}}, "done", {{GsBase, kData + 0x100}, {KernelGsBase, 0x5000}}, {}},
    {"WRPKRU", kLong64, {0x0f, 0x01, 0xef}, {{Cr4, 0x400620}, {Rax, 0x55555554}}, "done", {{Pkru, 0x55555554}}, {}},
    {"RDPKRU", kLong64, {0x0f, 0x01, 0xee}, {{Cr4, 0x400620}, {Rcx, 0}, {Pkru, 0xaaaaaaa8}}, "done", {{Rax, 0xaaaaaaa8}, {Pkru, 0xaaaaaaa8}}, {}},
    {"SYSCALL", kLong64, {0x0f, 0x05}, {}, "done", {{Rip, kCode + 0xe00}, {Rcx, kCode + 2}, {R11, 2}, {CsSelector, kSelCode64}}, {}},
    {"SYSENTER", kProtected32, {0x0f, 0x34}, {}, "done", {{Rip, kCode + 0xe20}, {Rsp, kStack + 0x7000}}, {}},
    {"three steps", kLong64, {0x90, 0x48, 0xff, 0xc0, 0xfb, 0x90}, {{ExtraSteps, 2}}, "done", {{Rip, kCode + 5}, {Rax, 1}, {Shadow, 1}}, {{kSteps, 3}}},
    {"steps on through a shadow", kLong64, {0xfb, 0x90, 0x90}, {{ExtraSteps, 1}}, "done", {{Rip, kCode + 2}, {Shadow, 0}}, {{kSteps, 2}}},
    {"second step faults", kLong64, {0x50, 0x0f, 0x0b}, {{ExtraSteps, 3}}, "#UD", {{Rip, kCode + 1}, {Rsp, kTop - 8}}, {{kSteps, 1}}},
    {"code over a page end", kLong64, {0x90, 0xff, 0xc0}, {{CodeAddress, kCode + 0xffe}, {Rip, kCode + 0xffe}, {ExtraSteps, 1}}, "done", {{Rip, kCode + 0x1001}, {Rax, 1}}, {{kMemoryCount, 0}}},
    {"CPL after leaving real mode", kReal16, {0xea, 0x15, 0, 0xff, 0x0f, 0x0f, 0x22, 0xc0, 0x90}, {{Rax, 0x31}, {ExtraSteps, 2}}, "cpl_hidden", {}, {}},
    {"a branch to an STI in data", kLong64, {0xe9, 0x55, 0x03, 0x01, 0}, {{ExtraSteps, 1}}, "done", {{Rip, kData + 0x35b}, {Shadow, 1}}, {{kSteps, 2}}},
    {"STI at the end of a page", kLong64, {0xfb}, {{CodeAddress, kCode + 0xfff}, {Rip, kCode + 0xfff}}, "shadow_unknown", {}, {}},
    {"the same without paging", kReal16, {0xfb}, {{CodeAddress, kCode + 0xfff}, {Rip, 0xfff}}, "done", {{Shadow, 1}}, {}},
    {"code written with itself", kLong64, {0xc6, 0x03, 0x78}, {{Rbx, kCode + 2}}, "done", {}, {{kMemoryCount, 0}}},
    {"code overwritten", kLong64, {0xc6, 0x03, 0x78}, {{Rbx, kCode}}, "done", {}, {{kMemoryCount, 1}, {kMemoryAddress, kCode}, {kMemoryValue, 0xf4f4f4f4f4780378}}},
    {"patch and its neighbour", kLong64, {0x48, 0xab}, {{Rdi, kData + 8}, {Rax, 7}, {PatchAddress, kData}, {PatchValue, 3}}, "done", {}, {{kMemoryCount, 1}, {kMemoryAddress, kData + 8}, {kMemoryValue, 7}}},
    {"patch becomes background", kLong64, {0x48, 0xab}, {{Rdi, kStack}, {PatchAddress, kStack}, {PatchValue, 3}}, "done", {}, {{kMemoryCount, 1}, {kMemoryAddress, kStack}, {kMemoryValue, 0}}},
    {"task switch", kProtected32, {0xea, 0, 0, 0, 0, kSelTask32, 0}, {}, "task_switch_exit", {}, {}},
    {"PAE paging", kProtected32, {0x8b, 0x03}, {{Cr4, 0x620}, {Cr3, kPdptPae}, {Rbx, kData}}, "done", {{Rip, kCode + 2}}, {{kMemoryCount, 0}}},
    {"FNINIT", kLong64, {0xdb, 0xe3}, {{Fcw, 0x40}, {Ftw, 0xff}, {Mm, 5}}, "done", {{Fcw, 0x37f}, {Ftw, 0}, {Mm, 5}}, {}},
    {"PADDQ", kLong64, {0x66, 0x0f, 0xd4, 0xc1}, {{Xmm, 5}, {Xmm + 2, 6}, {Xmm + 3, 1}}, "done", {{Xmm, 11}, {Xmm + 1, 1}}, {}},
    {"MOVQ MM", kLong64, {0x0f, 0x6e, 0xc8}, {{Rax, 0x42}, {Fsw, 0x1800}}, "done", {{Mm + 1, 0x42}, {Fsw, 0}, {Ftw, 0xff}}, {}},
};
// clang-format on

TEST_F(InsnStep, EachInstructionComesToWhatTheManualSays) {
  for (const Row& row : kRows) {
    Case c = step_case(row.mode, {});
    for (const unsigned b : row.code) c.areas[kCodeArea].push_back(static_cast<std::byte>(b));
    for (const SlotValue& s : row.before) c[s.slot] = s.value;
    const Observation o = run(c);
    ASSERT_EQ(text(o), row.outcome) << row.what;
    for (const SlotValue& s : row.after)
      EXPECT_EQ(at(o, s.slot), s.value) << row.what << " " << field_of_slot(schema(), s.slot).name;
    for (const auto& [slot, value] : row.extra) {
      EXPECT_EQ(o.record[slot], value) << row.what << " extra " << slot - kAfterState;
      EXPECT_TRUE(o.defined.test(slot)) << row.what << " extra " << slot - kAfterState;
    }
  }
}

}  // namespace
}  // namespace diffvisor
