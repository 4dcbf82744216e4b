// SPDX-License-Identifier: Apache-2.0
// Vectors of x86_insn: what is written of a case is read back to the same case and the same demand.
#include "fuzzers/insn_vectors.h"

#include <gtest/gtest.h>

#include "fuzzers/x86_insn.h"
#include "harness/arch/insn/outcome.h"
#include "harness/arch/insn/schema.h"
#include "harness/base/rng.h"
#include "harness/compare/judge.h"

namespace diffvisor {
namespace {

using namespace insn;

Observation reference(const Case& c) { return x86_insn_entry().domain->behaviour->run_variant(c, {}); }

tl::expected<VectorCase, VectorProblem> read(const diffvisor::Vector& v, const VectorProfile& on = {}) {
  return insn_vectors().build(v, on);
}

// Why it cannot be read; "unmet: " before what another machine could.
std::string problem(const diffvisor::Vector& v, const VectorProfile& on = {}) {
  const auto built = read(v, on);
  return built ? "none" : (built.error().unmet ? "unmet: " : "") + built.error().reason;
}

TEST(InsnVectors, ReadBackWhatWasWritten) {
  const Domain& d = *x86_insn_entry().domain;
  unsigned written = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Case c = golden_case(schema());
    Rng rng(7, i);
    d.generate(rng, i, c);
    d.normalise(c.v.data());
    const Observation seen = reference(c);
    const auto v = insn_vector(c, seen);
    if (!v) continue;
    ++written;
    const auto built = read(*v);
    ASSERT_TRUE(built.has_value()) << i << ": " << built.error().reason;
    EXPECT_TRUE(built->c == c) << i;
    ASSERT_TRUE(built->after.has_value());
    EXPECT_FALSE(compare::Judge::first_difference(*built->after, seen)) << i;
    // Nothing that the reference says is left out.
    Observation other = seen;
    for (unsigned slot = 0; slot < kCause; ++slot) {
      std::uint64_t fixed = ~std::uint64_t{0};
      for (const Loose& l : seen.loose)
        if (l.slot == slot) fixed &= ~l.bits;
      if (!seen.defined.test(slot) || fixed == 0) continue;
      other.record[slot] = seen.record[slot] ^ fixed;
      EXPECT_TRUE(compare::Judge::first_difference(*built->after, other)) << i << " slot " << slot;
      other.record[slot] = seen.record[slot];
    }
  }
  EXPECT_GT(written, 1500u);
}

// ADD AL, 1 in 64-bit mode.
diffvisor::Vector add_al() {
  diffvisor::Vector v;
  v.domain = "x86_insn";
  v.set = {{"RAX", "0x1"}, {"MODE", "0x5"}};
  v.code = "0401";
  v.expect = "done";
  v.after = {{"rax", "0x2"}, {"rip", "0x10002"}, {"rflags", "0x2"}, {"steps", "1"}};
  return v;
}

std::string verdict(const diffvisor::Vector& v) {
  const auto built = read(v);
  if (!built) return built.error().reason;
  const auto at = compare::Judge::first_difference(*built->after, reference(built->c));
  if (!at) return "agrees";
  return *at == kMaxRecord ? "outcome" : std::string(x86_insn_entry().domain->observation->fields[*at].name);
}

TEST(InsnVectors, DemandTheWholeState) {
  EXPECT_EQ(verdict(add_al()), "agrees");
  diffvisor::Vector v = add_al();
  v.after[0].value = "0x3";
  EXPECT_EQ(verdict(v), "rax");
  v = add_al();
  v.after.push_back({"rbx", "0x1"});
  EXPECT_EQ(verdict(v), "rbx");
  v = add_al();
  v.after.erase(v.after.begin());  // not named: as before
  EXPECT_EQ(verdict(v), "rax");
  v.open = {{"rax", "0x2"}};  // of 1 and 2, bit 0 still differs
  EXPECT_EQ(verdict(v), "rax");
  v.open = {{"rax", "0x3"}};
  EXPECT_EQ(verdict(v), "agrees");
  v.open = {{"rax", "0xffffffffffffffff"}};
  EXPECT_EQ(verdict(v), "agrees");
  v = add_al();
  v.after.push_back({"memory_count", "1"});
  EXPECT_EQ(verdict(v), "memory_count");
  v = add_al();
  v.expect = "#GP";
  EXPECT_EQ(verdict(v), "outcome");
}

TEST(InsnVectors, SayWhatCannotBeRead) {
  const auto with = [](auto change) {
    diffvisor::Vector v = add_al();
    change(v);
    return problem(v);
  };
  EXPECT_EQ(with([](diffvisor::Vector&) {}), "none");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.set[0].name = "RQX"; }), "'RQX' is no field of a case");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.set[0].name = "MAXPHYADDR"; }), "'MAXPHYADDR' is no field of a case");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.set[0].value = "one"; }), "RAX: no value of it");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.set.push_back({"CR8", "0x10"}); }), "CR8: no value of it");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.set.push_back({"RFLAGS", "0x0"}); }), "no CPU can be in this state");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.code = "040"; }), "\"code\" is no list of bytes, or too long");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.code = "04 1"; }), "\"code\" is no list of bytes");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.code = std::string(2 * kMostCode + 2, '0'); }),
            "\"code\" is no list of bytes, or too long");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.expect = "ok"; }), "'ok' is no outcome");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.alt = {"#GP"}; }), "an instruction has one outcome");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.after[0].name = "cause"; }), "'cause' is nothing that is reported");
  EXPECT_EQ(with([](diffvisor::Vector& v) {
              v.mem = {{"0x1000", "0x0"}};
            }),
            "memory is set by PATCH_ADDRESS and PATCH_VALUE");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.needs = {"profile:none"}; }), "needs profile:none");
  EXPECT_EQ(with([](diffvisor::Vector& v) { v.needs = {"FRED"}; }), "needs FRED");
}

TEST(InsnVectors, AskForTheirProfile) {
  ASSERT_GE(schema().profiles.size(), 2u);
  diffvisor::Vector v = add_al();
  v.needs = {"profile:" + std::string(schema().profiles[1].name)};
  EXPECT_EQ(read(v)->c.profile, 1);
  EXPECT_EQ(problem(v, {1, true}), "none");
  EXPECT_EQ(problem(v, {0, true}), "unmet: needs " + v.needs[0]);
}

}  // namespace
}  // namespace diffvisor
