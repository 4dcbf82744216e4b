// SPDX-License-Identifier: Apache-2.0
// Random bytes on random states: nothing breaks, nothing depends on what ran before.
#include "models/x86/arch_model.h"

#include <gtest/gtest.h>

#include <vector>

#include "harness/arch/insn/memory_map.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/rng.h"

namespace diffvisor::x86 {
namespace {

using namespace insn;

std::uint64_t awkward_value(Rng& rng) {
  switch (rng.below(6)) {
    case 0:
      return rng.next();
    case 1:
      return rng.below(kRamEnd);
    case 2:
      return window(static_cast<unsigned>(rng.below(kWindows))) + rng.below(2) * 0xffc + rng.below(8);
    case 3:
      return ~std::uint64_t{0} - rng.below(16);
    case 4:
      return std::uint64_t{1} << rng.below(64);
    default:
      return kData + rng.below(0x10000);
  }
}

void scatter_code(Rng& rng, Case& c) {
  std::vector<std::byte>& code = c.areas[kCodeArea];
  code.clear();
  if (rng.one_in(3)) code.push_back(std::byte{0x0f});
  for (std::uint64_t n = rng.below(24); n > 0; --n) code.push_back(static_cast<std::byte>(rng.next()));
}

Case random_case(Rng& rng) {
  Case c = golden_case(schema(), static_cast<std::uint16_t>(rng.below(3)));
  c.v[ModeOf] = rng.below(kModes);
  reset_to_golden(c);
  for (unsigned s = Rax; s <= R15; ++s) c.v[s] = awkward_value(rng);
  for (unsigned s = kFirstState; s < kSlots; ++s)
    if (rng.one_in(12) && s != Dr7) c.v[s] = awkward_value(rng);
  c.v[Deliver] = rng.below(2);
  c.v[RepOne] = rng.below(2);
  c.v[ExtraSteps] = rng.below(4);
  scatter_code(rng, c);
  clip_to_widths(c);
  settle(c.v.data());
  return c;
}

// Bytes that lie elsewhere than CODE_ADDRESS says: oracles look there to see what they step over.
TEST(ArchModel, CodeIsWhereTheCaseSays) {
  X86Model model;
  Case c = golden_case(schema());
  c.v[ModeOf] = kProtected32;
  reset_to_golden(c);
  c.areas[kCodeArea] = {std::byte{0x90}, std::byte{0x90}};
  c.v[Rip] = c.v[CodeAddress] = kCode + kPage - 1;
  c.v[ExtraSteps] = 1;
  c.v[Cr0] |= std::uint64_t{1} << cr0::PG;
  const auto reason = [&model](const Case& of) {
    Observation o;
    model.submit({&of, 1}, {&o, 1});
    return o.reason;
  };
  EXPECT_EQ(reason(c), "");
  // The second page of code becomes data, then the first.
  c.v[PatchAddress] = kPt32 + 4 * ((kCode + kPage) / kPage - 1);
  c.v[PatchValue] = kCode | 7 | (kData | 7) << 32;
  EXPECT_EQ(reason(c), "code_elsewhere");
  c.v[PatchValue] = (kData | 7) | (kCode + kPage + 7) << 32;
  EXPECT_EQ(reason(c), "code_elsewhere");
}

bool equal(const Observation& a, const Observation& b) {
  return a.status == b.status && a.reason == b.reason && a.outcome == b.outcome && a.defined == b.defined &&
         a.record == b.record;
}

Observation run(X86Model& model, const Case& c) {
  Observation o;
  model.submit({&c, 1}, {&o, 1});
  return o;
}

TEST(ArchModel, RandomCasesAreIndependent) {
  Rng rng(1);
  X86Model model;
  Case other = random_case(rng);
  unsigned judged = 0;
  for (unsigned n = 0; n < 50'000; ++n) {
    const Case c = random_case(rng);
    ASSERT_TRUE(is_valid(c));
    const Observation first = run(model, c);
    run(model, other);
    ASSERT_TRUE(equal(first, run(model, c))) << "case " << n;
    if (n % 1024 == 0) {
      X86Model fresh;
      ASSERT_TRUE(equal(first, run(fresh, c))) << "case " << n;
    }
    judged += first.status == Status::Ran;
    other = c;
  }
  EXPECT_GT(judged, 25'000u);
}

// A fault changes no register; RIP stays.
TEST(ArchModel, FaultsChangeNothing) {
  Rng rng(2);
  X86Model model;
  unsigned faults = 0;
  for (unsigned n = 0; n < 50'000; ++n) {
    Case c = random_case(rng);
    c.v[Deliver] = c.v[ExtraSteps] = 0;
    c.v[Rflags] &= ~std::uint64_t{0x10100};
    const Observation o = run(model, c);
    if (o.status != Status::Ran || kind_of(o.outcome) != OutcomeKind::Exception) continue;
    if (number_of(o.outcome) == kDB || o.record[Rip - kFirstState] != c.v[Rip]) continue;
    const bool repeats = o.record[Rcx - kFirstState] != c.v[Rcx];
    for (unsigned s = kFirstState; s < kFirstState + kStateWords && !repeats; ++s)
      ASSERT_EQ(o.record[s - kFirstState], c.v[s]) << "case " << n << " slot " << s;
    ++faults;
  }
  EXPECT_GT(faults, 5'000u);
}

TEST(ArchModel, KeepsMarkedObservations) {
  Rng rng(3);
  const Case c = random_case(rng);
  Observation o = incomparable("elsewhere");
  X86Model model;
  model.submit({&c, 1}, {&o, 1});
  EXPECT_EQ(o.reason, "elsewhere");
}

TEST(ArchModel, NamesItsPersonalities) {
  EXPECT_EQ(X86Model().info().name, "x86.arch");
  EXPECT_EQ(X86Model().info().trust, Trust::Reference);
  EXPECT_EQ(X86Model({.kvm = true}).info().name, "x86.kvm");
  EXPECT_EQ(X86Model({.kvm = true}).info().trust, Trust::Transcription);
}

}  // namespace
}  // namespace diffvisor::x86
