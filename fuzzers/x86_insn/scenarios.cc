// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/scenarios.h"

#include <array>

#include "fuzzers/x86_insn/disturb.h"
#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/prepare.h"
#include "fuzzers/x86_insn/sequences.h"
#include "harness/arch/insn/outcome.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

constexpr u8 kStackOpcodes[] = {0x50, 0x58, 0x60, 0x61, 0x9c, 0xc3, 0xc9, 0xe8, 0xff};

void draw_any(Builder& b) {
  encode(b, any_pattern(b.rng, b.mode));
  if (!b.code.valid && b.chance(80)) encode(b, any_pattern(b.rng, b.mode));
}

void draw_memory(Builder& b) {
  static constexpr u8 kGroups[] = {0x80, 0x81, 0x83, 0x83, 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3,
                                   0xf6, 0xf7, 0xfe, 0xff, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                                   0x8a, 0x8b, 0xc6, 0xc7, 0x8f, 0x8d, 0xa0, 0xa1, 0xa2, 0xa3};
  static constexpr u8 kTwo[] = {0xb6, 0xb7, 0xbe, 0xbf, 0xaf, 0xa4, 0xa5, 0xac, 0xad, 0x40, 0x4f, 0x90, 0x9c, 0xc3};
  const u64 r = b.rng.below(10);
  const u64 alu = b.rng.next();
  if (r < 4) return encode(b, {0, static_cast<u8>(alu & 0x3b), -1, Form::Memory});
  if (r < 8) return encode(b, {0, pick(b.rng, kGroups), -1, Form::Memory});
  encode(b, {1, pick(b.rng, kTwo), -1, Form::Memory});
}

// #AC needs CPL 3 and both of its switches.
void draw_aligned(Builder& b) {
  b.v[Cr0] |= bit(cr0::AM);
  b.v[Rflags] |= bit(rflags::AC);
  if (b.chance(25)) return encode(b, {0, pick(b.rng, kStackOpcodes)});
  draw_memory(b);
}

void draw_string(Builder& b) {
  static constexpr u8 kStrings[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xa4, 0xa5, 0x6c, 0x6f};
  encode(b, {0, pick(b.rng, kStrings)}, Rep::Often);
}

void draw_stack(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0x06},
                                          {0, 0x0e},
                                          {0, 0x16},
                                          {0, 0x1e},
                                          {0, 0x50},
                                          {0, 0x54},
                                          {0, 0x57},
                                          {0, 0x58},
                                          {0, 0x5c},
                                          {0, 0x5f},
                                          {0, 0x60},
                                          {0, 0x61},
                                          {0, 0x68},
                                          {0, 0x6a},
                                          {0, 0x9c},
                                          {0, 0x9d},
                                          {0, 0xc8},
                                          {0, 0xc8},
                                          {0, 0xc9},
                                          {0, 0xe8},
                                          {0, 0xc2},
                                          {0, 0xc3},
                                          {1, 0xa0},
                                          {1, 0xa8},
                                          {0, 0xff, 6},
                                          {0, 0xff, 2},
                                          {0, 0x8f, 0, Form::Memory},
                                          {0, 0x8f, 0},
                                          {0, 0xff, 6, Form::Memory}};
  encode_one_of(b, kPatterns);
}

void draw_branch(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0xe0}, {0, 0xe1}, {0, 0xe2},    {0, 0xe3},    {0, 0xe8},
                                          {0, 0xe9}, {0, 0xeb}, {0, 0xff, 2}, {0, 0xff, 4}, {0, 0xff, 4, Form::Memory},
                                          {0, 0xc3}, {0, 0xc2}};
  const u64 r = b.rng.below(3);
  if (r == 0) return encode(b, {1, static_cast<u8>(0x80 + b.rng.below(16))});
  if (r == 1) return encode(b, {0, static_cast<u8>(0x70 + b.rng.below(16))});
  encode_one_of(b, kPatterns);
}

void draw_bits(Builder& b) {
  static constexpr Pattern kPatterns[] = {{1, 0xa3},
                                          {1, 0xab},
                                          {1, 0xb3},
                                          {1, 0xbb},
                                          {1, 0xba, 4},
                                          {1, 0xba, 5},
                                          {1, 0xba, 6},
                                          {1, 0xba, 7},
                                          {1, 0xbc},
                                          {1, 0xbd},
                                          {1, 0xb0},
                                          {1, 0xb1},
                                          {1, 0xc0},
                                          {1, 0xc1},
                                          {1, 0xc7, 1, Form::Memory},
                                          {1, 0xc7, 1, Form::Memory},
                                          {1, 0xa4},
                                          {1, 0xa5},
                                          {1, 0xac},
                                          {1, 0xad},
                                          {1, 0xc8},
                                          {0, 0x86},
                                          {0, 0x87},
                                          {1, 0xbc, -1, Form::Any, 0xf3},
                                          {1, 0xbd, -1, Form::Any, 0xf3},
                                          {1, 0xb8, -1, Form::Any, 0xf3}};
  encode_one_of(b, kPatterns);
}

void draw_divide(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0xf6, 4}, {0, 0xf6, 5}, {0, 0xf6, 6}, {0, 0xf6, 7},
                                          {0, 0xf7, 4}, {0, 0xf7, 5}, {0, 0xf7, 6}, {0, 0xf7, 7},
                                          {0, 0xf7, 6}, {0, 0xf7, 7}, {0, 0x69},    {0, 0x6b},
                                          {1, 0xaf},    {0, 0xd4},    {0, 0xd5},    {0, 0x27},
                                          {0, 0x2f},    {0, 0x37},    {0, 0x3f},    {0, 0x62, -1, Form::Memory}};
  encode_one_of(b, kPatterns);
}

void draw_selector(Builder& b) {
  static constexpr Pattern kLoads[] = {{0, 0x8e},
                                       {0, 0x8e},
                                       {0, 0x07},
                                       {0, 0x17},
                                       {0, 0x1f},
                                       {1, 0xa1},
                                       {1, 0xa9},
                                       {0, 0xc4, -1, Form::Memory},
                                       {0, 0xc5, -1, Form::Memory},
                                       {1, 0xb2, -1, Form::Memory},
                                       {1, 0xb4, -1, Form::Memory},
                                       {1, 0xb5, -1, Form::Memory},
                                       {0, 0x8c}};
  static constexpr Pattern kProtected[] = {{1, 0x00, 2}, {1, 0x00, 3}, {1, 0x00, 4}, {1, 0x00, 5},
                                           {1, 0x02},    {1, 0x03},    {0, 0x63}};
  if (b.chance(is_protected(b.mode) ? 45 : 6)) {
    if (b.chance(50)) be_supervisor(b, 60);
    return encode_one_of(b, kProtected);
  }
  encode_one_of(b, kLoads);
}

void draw_far_transfer(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0x9a},
                                          {0, 0xea},
                                          {0, 0xca},
                                          {0, 0xcb},
                                          {0, 0xcf},
                                          {0, 0xcf},
                                          {0, 0xcf},
                                          {0, 0xff, 3, Form::Memory},
                                          {0, 0xff, 5, Form::Memory},
                                          {0, 0xff, 3, Form::Memory},
                                          {0, 0xff, 5, Form::Memory}};
  encode_one_of(b, kPatterns);
}

void draw_interrupt(Builder& b) {
  static constexpr Pattern kPatterns[] = {{0, 0xcd}, {0, 0xcd}, {0, 0xcd}, {0, 0xcc}, {0, 0xce}, {0, 0xf1}};
  encode_one_of(b, kPatterns);
}

void draw_fast_call(Builder& b) {
  static constexpr Pattern kPatterns[] = {{1, 0x05}, {1, 0x07}, {1, 0x34}, {1, 0x35}};
  encode_one_of(b, kPatterns);
}

void draw_system_register(Builder& b) {
  static constexpr Pattern kPatterns[] = {{1, 0x20},
                                          {1, 0x21},
                                          {1, 0x22},
                                          {1, 0x22, 0},
                                          {1, 0x22, 0},
                                          {1, 0x22, 3},
                                          {1, 0x22, 4},
                                          {1, 0x22, 4},
                                          {1, 0x23},
                                          {1, 0x23},
                                          {1, 0x23},
                                          {1, 0x06},
                                          {1, 0x01, 4},
                                          {1, 0x01, 6},
                                          {1, 0x30},
                                          {1, 0x30},
                                          {1, 0x30},
                                          {1, 0x30},
                                          {1, 0x32},
                                          {1, 0x32},
                                          {1, 0x08},
                                          {1, 0x09},
                                          {1, 0x01, 7, Form::Memory},
                                          {1, 0x01, 2, Form::Register, 0, false, 0},
                                          {1, 0x01, 2, Form::Register, 0, false, 1},
                                          {1, 0x01, 5, Form::Register, 0, false, 6},
                                          {1, 0x01, 5, Form::Register, 0, false, 7},
                                          {1, 0x01, 1, Form::Register, 0, false, 2},
                                          {1, 0x01, 1, Form::Register, 0, false, 3},
                                          {2, 0x82, -1, Form::Memory, 0x66},
                                          {0, 0xf4}};
  static constexpr Pattern kLongPatterns[] = {{1, 0x01, 7, Form::Register, 0, false, 0},
                                              {1, 0xae, 0, Form::Register, 0xf3},
                                              {1, 0xae, 1, Form::Register, 0xf3},
                                              {1, 0xae, 2, Form::Register, 0xf3},
                                              {1, 0xae, 3, Form::Register, 0xf3}};
  be_supervisor(b, 80);
  if (b.mode == kVirtual8086 && b.chance(70)) return draw_memory(b);  // nearly all are privileged
  if (b.chance(b.mode == kLong64 ? 15 : 3)) return encode_one_of(b, kLongPatterns);
  encode_one_of(b, kPatterns);
}

void draw_descriptor_table(Builder& b) {
  static constexpr Pattern kPatterns[] = {{1, 0x01, 0, Form::Memory},
                                          {1, 0x01, 1, Form::Memory},
                                          {1, 0x01, 2, Form::Memory},
                                          {1, 0x01, 3, Form::Memory},
                                          {1, 0x00, 0},
                                          {1, 0x00, 1}};
  be_supervisor(b, 70);
  encode_one_of(b, kPatterns);
}

void draw_flags(Builder& b) {
  static constexpr u8 kOpcodes[] = {0x9c, 0x9d, 0x9d, 0xfa, 0xfb, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0xd6, 0xcf};
  encode(b, {0, pick(b.rng, kOpcodes)});
}

void draw_port(Builder& b) {
  static constexpr u8 kOpcodes[] = {0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f};
  const u8 op = pick(b.rng, kOpcodes);
  encode(b, {0, op}, op < 0x70 ? Rep::Often : Rep::Rarely);
}

void draw_vector_move(Builder& b) {
  static constexpr Pattern kPatterns[] = {{1, 0x10},
                                          {1, 0x11},
                                          {1, 0x28},
                                          {1, 0x29},
                                          {1, 0x2b, -1, Form::Memory},
                                          {1, 0x6e},
                                          {1, 0x6f},
                                          {1, 0x7e},
                                          {1, 0x7f},
                                          {1, 0xf0, -1, Form::Memory, 0xf2},
                                          {1, 0xe7, -1, Form::Memory},
                                          {1, 0xae, 0, Form::Memory},
                                          {1, 0xae, 1, Form::Memory},
                                          {1, 0xae, 2, Form::Memory},
                                          {1, 0xae, 3, Form::Memory},
                                          {1, 0xae, 7, Form::Memory},
                                          {1, 0x77},
                                          {0, 0x9b},
                                          {0, 0xd9, 7, Form::Memory},
                                          {0, 0xd9, 5, Form::Memory},
                                          {0, 0xdd, 7, Form::Memory},
                                          {0, 0xdb, 4, Form::Register, 0, false, 3},
                                          {0, 0xdf, 4, Form::Register, 0, false, 0}};
  static constexpr u8 kMandatory[] = {0, 0, 0x66, 0x66, 0xf3, 0xf2};
  Pattern p = pick(b.rng, kPatterns);
  if (p.map == 1 && p.prefix == 0 && p.opcode != 0xae && p.opcode != 0x77) p.prefix = pick(b.rng, kMandatory);
  if (b.chance(80)) b.v[Cr0] &= ~(bit(cr0::EM) | bit(cr0::TS));
  encode(b, p);
}

void draw_long(Builder& b) { encode_too_long(b); }
void draw_raw(Builder& b) { encode_raw(b); }

// A page fault, delivered: to a gate, a stack, a level that may fault again.
void after_page_fault(Builder& b) {
  b.v[Deliver] = 1;
  if (b.paging && b.operand_linear != kNowhere) disturb_paging(b, b.operand_linear, Harm::Any);
  for (const unsigned vector : {kPF, kDF}) {
    if (b.chance(40)) {
      keep_level(b, vector);
    } else {
      disturb_delivery(b, vector);
    }
  }
}

// A likely fault, delivered.
void after_delivery(Builder& b) {
  static constexpr unsigned kVectors[] = {kDE, kDB, kBP, kOF, kBR, kUD, kNM, kNP, kSS_, kGP, kPF, kAC, kPF, kGP};
  b.v[Deliver] = 1;
  const unsigned vector = pick(b.rng, kVectors);
  disturb_delivery(b, vector);
  if (b.chance(30)) disturb_delivery(b, kDF);
  if (b.chance(20) && vector != kAC) keep_level(b, vector);  // #AC at its own level may never end
  if (b.paging && b.chance(25)) disturb_paging(b, b.v[IdtrBase] + 16 * vector, Harm::Any);
}

void after_breakpoint(Builder& b) {
  set_breakpoint(b);
  if (b.chance(30)) set_breakpoint(b);
}

void after_walk(Builder& b) {
  if (b.paging && b.operand_linear != kNowhere) {
    disturb_paging(b, b.operand_linear, b.chance(60) ? Harm::Any : Harm::Little);
    if (b.operand_size > 1 && b.chance(30))
      disturb_paging(b, b.operand_linear + b.operand_size - 1, b.chance(50) ? Harm::Any : Harm::Little);
  }
}

constexpr Scenario kScenarios[] = {
    {"any", 300, &draw_any, nullptr},
    {"memory", 90, &draw_memory, nullptr},
    {"memory_walk", 60, &draw_memory, &after_walk},
    {"alignment", 15, &draw_aligned, nullptr},
    {"string", 70, &draw_string, nullptr},
    {"stack", 70, &draw_stack, nullptr},
    {"branch", 40, &draw_branch, nullptr},
    {"bits", 60, &draw_bits, nullptr},
    {"divide", 30, &draw_divide, nullptr},
    {"selector", 60, &draw_selector, nullptr},
    {"far_transfer", 45, &draw_far_transfer, nullptr},
    {"interrupt", 15, &draw_interrupt, nullptr},
    {"fast_call", 15, &draw_fast_call, nullptr},
    {"system_register", 65, &draw_system_register, nullptr},
    {"descriptor_table", 12, &draw_descriptor_table, nullptr},
    {"flags", 20, &draw_flags, nullptr},
    {"port", 30, &draw_port, nullptr},
    {"vector_move", 25, &draw_vector_move, nullptr},
    {"too_long", 8, &draw_long, nullptr},
    {"raw", 15, &draw_raw, nullptr},
    {"pair", 20, &draw_pair, &after_pair},
    {"onward", 20, &draw_onward, &after_onward},
    {"delivery", 35, &draw_any, &after_delivery},
    {"page_fault", 15, &draw_memory, &after_page_fault},
    {"breakpoint", 6, &draw_memory, &after_breakpoint},
};

constexpr unsigned total_weight() {
  unsigned sum = 0;
  for (const Scenario& s : kScenarios) sum += s.weight;
  return sum;
}

// Index of the scenario for each unit of weight.
constexpr auto kDraw = [] {
  std::array<u8, total_weight()> table{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < std::size(kScenarios); ++i)
    for (unsigned n = 0; n < kScenarios[i].weight; ++n) table[at++] = static_cast<u8>(i);
  return table;
}();

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

const Scenario& draw_scenario(Rng& rng) { return kScenarios[kDraw[rng.below(kDraw.size())]]; }

}  // namespace diffvisor::x86_insn
