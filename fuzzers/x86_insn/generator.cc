// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/generator.h"

#include <cstddef>

#include "fuzzers/x86_insn/disturb.h"
#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/operands.h"
#include "fuzzers/x86_insn/prepare.h"
#include "fuzzers/x86_insn/scenarios.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

std::uint64_t modes_of(const u64* v) {
  if (v[CapGeneration] == k80286) return 1;
  return has(v, feature::LM) ? std::uint64_t{kModes} : std::uint64_t{kCompatibility32};
}

void choose_context(Builder& b, std::uint64_t index) {
  b.mode = b.v[ModeOf] = index % modes_of(b.v);
  const u64 r = b.rng.next();
  b.v[Deliver] = (r & 0xff) < 22;
  b.v[RepOne] = (r >> 8 & 0xff) < 26;
  b.v[ExtraSteps] = 0;
}

// Registers, then memory, so that what is aimed stays aimed.
void choose_operands(Builder& b) {
  choose_registers(b);
  choose_inputs(b);
  choose_system_inputs(b);
  const MemoryOperand m = memory_operand(b);
  if (m.exists) aim_somewhere(b, m);
  fill_memory(b);
  fill_system_memory(b);
  if (m.exists && b.chance(5)) disturb_segment(b, m.segment, b.operand_linear, b.operand_size);
}

void disturb(Builder& b) {
  const u64 r = b.rng.next();
  const auto rolls = [r](unsigned place, unsigned of256) { return (r >> 8 * place & 0xff) < of256; };
  if (b.paging) {
    if (b.operand_linear != kNowhere && rolls(0, 20))
      disturb_paging(b, b.operand_linear, rolls(1, 110) ? Harm::Any : Harm::Little);
    if (rolls(2, 12)) disturb_paging(b, b.stack_linear(0), rolls(3, 100) ? Harm::Any : Harm::Little);
    if (rolls(4, 10)) disturb_paging(b, b.code_linear, rolls(3, 50) ? Harm::Any : Harm::Little);
  }
  if (rolls(5, 6)) b.v[Shadow] = r >> 60 & 3;
  if (rolls(6, 2)) set_breakpoint(b);
}

void add_steps(Builder& b) {
  static constexpr u8 kNop[] = {0x90}, kAdd[] = {0x01, 0xd8}, kLoad[] = {0x8b, 0x00}, kPush[] = {0x50}, kPop[] = {0x5b},
                      kCli[] = {0xfa}, kString[] = {0xac}, kFlags[] = {0x9c};
  static constexpr std::span<const u8> kSimple[] = {kNop, kAdd, kLoad, kPush, kPop, kCli, kString, kFlags};
  const u64 n = 1 + b.rng.below(3);
  for (u64 i = 0; i < n; ++i) append(b, pick(b.rng, kSimple));
  b.v[ExtraSteps] = n;
}

void store_code(const Builder& b) {
  auto& area = b.c.areas[kCodeArea];
  const auto* first = reinterpret_cast<const std::byte*>(b.code.bytes.data());
  area.reserve(kMostCode);
  area.assign(first, first + b.code.total);
}

}  // namespace

std::string_view generate_named(Rng& rng, std::uint64_t index, Case& out) {
  Builder b(rng, out);
  choose_context(b, index);
  choose_environment(b);
  const Scenario& scenario = draw_scenario(rng);
  scenario.encode(b);
  place_code(b);
  choose_operands(b);
  if (scenario.after != nullptr) scenario.after(b);
  if (b.v[ExtraSteps] == 0 && rng.below(12) == 0) add_steps(b);
  disturb(b);
  store_code(b);
  return scenario.name;
}

void generate(Rng& rng, std::uint64_t index, Case& out) { generate_named(rng, index, out); }

}  // namespace diffvisor::x86_insn
