// SPDX-License-Identifier: Apache-2.0
// SDM 3A 7.15: what an exception becomes that comes up while another is being delivered, for all pairs that an
// instruction can bring about, and what a broken #DF gate makes of them.
#include <gtest/gtest.h>

#include <initializer_list>

#include "fuzzers/x86_insn/test_executors.h"
#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"

namespace diffvisor {
namespace {

using namespace insn;
using u64 = std::uint64_t;

// Behind the selectors of the memory map: code and stack of level 1.
constexpr u64 kSelCode1 = 0x108, kSelStack1 = 0x110;
constexpr u64 kHandlers = kCode + 0x1000;

struct First {
  unsigned vector;
  std::initializer_list<unsigned> code;
};
constexpr unsigned kByte2 = kData >> 16;

// At CPL 3, from the state that user_case() makes.
const First kFirsts[] = {
    {kDE, {0xf7, 0xf0}},                                                   // div eax
    {kDB, {0x90}},                                                         // nop, with TF
    {kBP, {0xcc}},                                                         // int3
    {kOF, {0xce}},                                                         // into
    {kBR, {0x62, 0x05, 0, 0, kByte2, 0}},                                  // bound eax, [kData]
    {kUD, {0x0f, 0x0b}},                                                   // ud2
    {kNM, {0x0f, 0x28, 0xc1}},                                             // movaps, with CR0.TS
    {kTS, {0xcf}},                                                         // iret, with NT
    {kNP, {0x8e, 0xd9}},                                                   // mov ds, cx
    {kSS_, {0x36, 0xa1, 0, 0, kByte2 << 1, 0}},                            // mov eax, ss:[40000h]
    {kGP, {0xf4}},                                                         // hlt
    {kPF, {0xa1, 0, 0, static_cast<unsigned>(window(kAbsent) >> 16), 0}},  // mov eax, [absent]
    {kAC, {0xa1, 1, 0, kByte2, 0}},                                        // mov eax, [kData + 1]
};

class Patches {
 public:
  explicit Patches(Case& c) : c_(c) {}
  void put(u64 address, u64 value) {
    c_[static_cast<Slot>(PatchAddress + n_)] = address;
    c_[static_cast<Slot>(PatchValue + n_)] = value;
    ++n_;
  }

 private:
  Case& c_;
  unsigned n_ = 0;
};

constexpr u64 gate_to(u64 selector, u64 offset, u64 type) { return offset | selector << 16 | type << 40; }
constexpr u64 flat(u64 attributes) { return 0xffff | attributes << 40 | u64{0xcf} << 48; }

void become_user(Case& c) {
  for (unsigned s = kEs; s <= kGs; ++s) {
    c[static_cast<Slot>(selector_of(s))] = (s == kCs ? kSelUserCode32 : kSelUserData) | 3;
    c[static_cast<Slot>(attr_of(s))] |= 0x60;
  }
}

Case user_case(const First& first) {
  Case c = golden_case(schema());
  c[ModeOf] = kProtected32;
  reset_to_golden(c);
  become_user(c);
  c[Deliver] = 1;
  c[SsLimit] = 0x3ffff;
  c[SsAttr] = 0x40f3;
  c[Rcx] = kSelDataAbsent;
  for (const unsigned b : first.code) c.areas[kCodeArea].push_back(static_cast<std::byte>(b));
  if (first.vector == kDB) c[Rflags] |= u64{1} << rflags::TF;
  if (first.vector == kOF) c[Rflags] |= u64{1} << rflags::OF;
  if (first.vector == kTS) c[Rflags] |= u64{1} << rflags::NT;
  if (first.vector == kAC) c[Rflags] |= u64{1} << rflags::AC;
  if (first.vector == kAC) c[Cr0] |= u64{1} << cr0::AM;
  if (first.vector == kNM) c[Cr0] |= u64{1} << cr0::TS;
  c[Cr4] |= u64{1} << cr4::OSFXSR;
  return c;
}

// Delivery of `vector` shall raise `second`.
void break_delivery(Patches& p, unsigned vector, unsigned second) {
  const u64 gate = kIdt32 + 8 * vector;
  if (second == kGP) return p.put(gate, 0);
  if (second == kNP) return p.put(gate, gate_to(kSelCode32, kHandlers, 0x6e));
  p.put(gate, gate_to(kSelCode1, kHandlers, 0xee));
  p.put(kGdt + kSelCode1, flat(0xbb));
  p.put(kGdt + kSelStack1, flat(second == kSS_ ? 0x33 : 0xb3));
  const u64 pointer = second == kPF ? window(kAbsent) + 0x800 : kStack + 0x9000;
  p.put(kTss32 + 0x08, kSelData | pointer << 32);
  p.put(kTss32 + 0x10, second == kTS ? 0 : kSelStack1 | 1);
}

bool contributory(unsigned v) { return v == kDE || (v >= kTS && v <= kGP); }
bool becomes_double_fault(unsigned first, unsigned second) {
  return contributory(first) ? contributory(second) : first == kPF;
}

class PromotionMatrix : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    std::string missing;
    executor_ = x86_insn::executor_for_test(GetParam(), missing);
    if (!missing.empty()) GTEST_SKIP() << missing;
    ASSERT_NE(executor_, nullptr) << "is installed and does not start";
  }

  // Index of the handler that runs in the end, or the outcome.
  std::string handler(Case c) {
    settle(c.v.data());
    const std::vector<Case> cases = {c};
    std::vector<Observation> out(1);
    executor_->submit(cases, out);
    const auto done = executor_->collect();
    EXPECT_TRUE(done) << done.error().text();
    const Observation& o = out[0];
    if (o.status != Status::Ran) return std::string(o.reason);
    if (o.outcome != make_outcome(OutcomeKind::Done)) return outcome_text(o.outcome);
    return "handler " + std::to_string(o.record[Rip - kFirstState] - kHandlers);
  }

  std::string run(const First& first, unsigned second, bool df_gate) {
    Case c = user_case(first);
    Patches patches(c);
    if (first.vector == kBR) patches.put(kData, u64{2} << 32 | 1);
    if (first.vector == kNP) patches.put(kGdt + kSelDataAbsent, flat(0x73));
    break_delivery(patches, first.vector, second);
    if (!df_gate) patches.put(kIdt32 + 8 * kDF, 0);
    return handler(c);
  }

  std::unique_ptr<Executor> executor_;
};

TEST_P(PromotionMatrix, IsThatOfTheManual) {
  for (const First& first : kFirsts)
    for (const unsigned second : {kTS, kNP, kSS_, kGP, kPF}) {
      SCOPED_TRACE(testing::Message() << "vector " << first.vector << ", then " << second);
      const bool twice = becomes_double_fault(first.vector, second);
      EXPECT_EQ(run(first, second, true), "handler " + std::to_string(twice ? +kDF : second));
      if (twice) {
        EXPECT_EQ(run(first, second, false), "triple_fault");
      }
    }
}

std::string suite_name(const testing::TestParamInfo<std::string_view>& p) {
  return p.param == "x86.arch" ? "model" : std::string(p.param);
}
INSTANTIATE_TEST_SUITE_P(All, PromotionMatrix, testing::Values("x86.arch", "bochs"), suite_name);

}  // namespace
}  // namespace diffvisor
