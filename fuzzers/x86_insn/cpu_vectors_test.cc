// SPDX-License-Identifier: Apache-2.0
// What real CPUs did, replayed on the model: user-mode instructions of a Zen 5, real-mode instructions of an 80286.
#include "fuzzers/x86_insn/cpu_vectors.h"

#include <gtest/gtest.h>

#include "fuzzers/x86_insn/replay_vectors.h"
#include "harness/base/file.h"
#include "models/x86/arch_model.h"

namespace diffvisor::x86_insn {
namespace {

std::string text_of(const std::string& file) {
  const auto text = read_file(std::string(DIFFVISOR_SOURCE_DIR) + "/corpus/vectors/" + file);
  if (!text) return ADD_FAILURE() << text.error().text(), std::string{};
  EXPECT_TRUE(is_cpu_vectors(*text));
  return *text;
}

ReplayedVectors replay(const std::string& file, std::string_view quirk = {}) {
  x86::Quirks quirks;
  if (!quirk.empty()) quirks.set(*x86::find_quirk(quirk));
  const auto replayed = replay_cpu_vectors(text_of(file), file, quirks);
  if (!replayed) return ADD_FAILURE() << replayed.error().text(), ReplayedVectors{};
  return *replayed;
}

void expect_agreement(const ReplayedVectors& r, std::size_t passed) {
  for (const auto& f : r.failures) ADD_FAILURE() << f.id << "\n  " << f.difference;
  EXPECT_EQ(r.passed, passed);
}

TEST(CpuVectors, ModelAgreesWithAnEightyTwoEightySix) {
  const ReplayedVectors r = replay("x86_insn_80286.json");
  expect_agreement(r, 36);
  EXPECT_TRUE(r.skipped.empty());
}

TEST(CpuVectors, ModelAgreesWithZenFive) {
  const ReplayedVectors r = replay("x86_insn.jsonl");
  expect_agreement(r, 86);
  EXPECT_EQ(r.skipped, (std::map<std::string, std::size_t>{{"sse_arithmetic", 4}}));
}

TEST(CpuVectors, ADefectOfTheModelIsSeen) {
  EXPECT_FALSE(replay("x86_insn.jsonl", "emulins.rmw_pf_w").failures.empty());
}

// Each kind of difference is one that somebody sees.
TEST(CpuVectors, SeesWhatIsWrong) {
  const auto vectors = read_cpu_vectors(text_of("x86_insn.jsonl"), "file");
  ASSERT_TRUE(vectors);
  x86::X86Model model;
  for (const CpuVector& v : *vectors) {
    model.use_ram(v.ram);
    Observation seen;
    model.submit({&v.c, 1}, {&seen, 1});
    if (seen.status != Status::Ran || !difference(v, seen).empty()) continue;
    CpuVector other = v;
    other.registers[0].value ^= 1;
    EXPECT_NE(difference(other, seen), "") << v.name;
    other = v;
    other.ram_after[0x100] ^= 1;
    EXPECT_NE(difference(other, seen), "") << v.name;
    other = v;
    other.outcome = insn::make_outcome(insn::OutcomeKind::Halt);
    EXPECT_NE(difference(other, seen), "") << v.name;
  }
}

TEST(CpuVectors, RefusesWhatIsNoVector) {
  const auto problem = [](std::string_view text) {
    const auto v = read_cpu_vectors(text, "file");
    return v ? "" : v.error().text();
  };
  EXPECT_EQ(problem("[]"), "");
  EXPECT_EQ(problem("[1]"), "file, vector 0: a vector is a JSON object");
  EXPECT_EQ(problem("{\"name\": \"x\", \"mode\": \"long32\"}"),
            "file:1: mode \"long32\" is not real16, long64 or compat32");
  EXPECT_EQ(problem("\nnot JSON"), "file:2: is not JSON");
  EXPECT_NE(problem("{\"name\": \"x\", \"initial\": {\"regs\": {}, \"ram\": [[1, 2, 3]]}}"), "");
  EXPECT_NE(problem("{\"name\": \"x\", \"initial\": {\"regs\": {}, \"ram\": [[18446744073709551615, 2]]}}"), "");
}

}  // namespace
}  // namespace diffvisor::x86_insn
