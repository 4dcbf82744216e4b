// SPDX-License-Identifier: Apache-2.0
// x86.kvm: what KVM's emulator covers, and what it checks before what.
#include "models/x86/emulator/kvm.h"

#include <gtest/gtest.h>

#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "models/x86/arch_model.h"

namespace diffvisor::x86 {
namespace {

using namespace insn;

constexpr Outcome kGivesUp = make_outcome(OutcomeKind::Unhandleable);
constexpr Outcome kDone = make_outcome(OutcomeKind::Done);
constexpr Outcome fault(unsigned vector) { return make_outcome(OutcomeKind::Exception, vector); }

struct Value {
  unsigned slot;
  u64 value;
};
struct Row {
  const char* what;
  unsigned mode;
  std::vector<u8> code;
  std::vector<Value> before;
  Outcome manual, kvm;
};

// clang-format off
const Row kRows[] = {
    {"add", kLong64, {0x01, 0xc8}, {}, kDone, kDone},
    {"daa", kProtected32, {0x27}, {}, kDone, kGivesUp},
    {"popcnt", kLong64, {0xf3, 0x0f, 0xb8, 0xc1}, {}, kDone, kGivesUp},
    {"vex", kLong64, {0xc4, 0xe2, 0x70, 0xf2, 0xc3}, {}, kDone, kGivesUp},
    {"endbr64", kLong64, {0xf3, 0x0f, 0x1e, 0xfa}, {}, kDone, kGivesUp},
    {"nop of 0f 1f", kLong64, {0x0f, 0x1f, 0x00}, {}, kDone, kDone},
    {"int1", kLong64, {0xf1}, {}, fault(kDB), kGivesUp},
    {"ud2", kLong64, {0x0f, 0x0b}, {}, fault(kUD), kGivesUp},
    {"no such opcode", kLong64, {0x0f, 0x04}, {}, fault(kUD), kGivesUp},
    {"group 11 decodes", kLong64, {0xc6, 0xc8, 0x00}, {}, fault(kUD), fault(kUD)},
    {"far pointer in a register", kLong64, {0xff, 0xd8}, {}, fault(kUD), fault(kUD)},
    {"pusha in 64-bit mode", kLong64, {0x60}, {}, fault(kUD), fault(kUD)},
    {"bound in 64-bit mode", kLong64, {0x62, 0xf1, 0, 0, 0, 0}, {}, fault(kUD), kGivesUp},
    {"movaps with rep and 66", kLong64, {0x66, 0xf3, 0x0f, 0x28, 0xc1}, {}, fault(kUD), kGivesUp},
    {"movbe", kLong64, {0x0f, 0x38, 0xf0, 0x03}, {{Rbx, kData}}, kDone, kDone},
    {"movbe with 66", kLong64, {0x66, 0x0f, 0x38, 0xf0, 0x03}, {{Rbx, kData}}, kDone, kGivesUp},
    {"movbe between registers", kLong64, {0x0f, 0x38, 0xf0, 0xc1}, {}, fault(kUD), kGivesUp},
    {"enter with a level", kLong64, {0xc8, 0, 0, 1}, {}, kDone, kGivesUp},
    {"cmpxchg16b", kLong64, {0x48, 0x0f, 0xc7, 0x0b}, {{Rbx, kStack}}, kDone, kGivesUp},
    {"cmpxchg16b is aligned first", kLong64, {0x48, 0x0f, 0xc7, 0x0b}, {{Rbx, kStack + 8}}, fault(kGP), fault(kGP)},
    {"int n outside real mode", kProtected32, {0xcd, 0x80}, {}, kDone, kGivesUp},
    {"int n in real mode", kReal16, {0xcd, 0x80}, {}, kDone, kDone},
    {"into without of", kProtected32, {0xce}, {}, kDone, kDone},
    {"far call through a gate", kLong64, {0xff, 0x1b}, {{Rbx, kStack}, {PatchAddress, kStack}, {PatchValue, u64{kSelGate64} << 32}}, kDone, kGivesUp},
    {"no alignment checks", kLong64, {0x8b, 0x03}, {{Rbx, kData + 1}, {Cr0, 0x80050031}, {Rflags, 0x40002}, {SsAttr, 0xc0f3}}, fault(kAC), kDone},
};
// clang-format on

Outcome outcome(const Row& row, Personality personality) {
  Case c = golden_case(schema());
  c.v[ModeOf] = row.mode;
  reset_to_golden(c);
  for (const Value& b : row.before) c.v[b.slot] = b.value;
  settle(c.v.data());
  c.areas[kCodeArea].clear();
  for (const u8 b : row.code) c.areas[kCodeArea].push_back(std::byte{b});
  X86Model model(personality);
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  if (o.reason == "unhandleable") return kGivesUp;
  EXPECT_EQ(o.status, Status::Ran) << row.what << ": " << o.reason;
  return o.outcome;
}

TEST(Kvm, CoverageAndOrder) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(outcome_text(outcome(row, {})), outcome_text(row.manual));
    EXPECT_EQ(outcome_text(outcome(row, {.kvm = true})), outcome_text(row.kvm));
  }
}

}  // namespace
}  // namespace diffvisor::x86
