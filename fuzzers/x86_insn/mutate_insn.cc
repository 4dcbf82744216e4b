// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/mutate_insn.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "fuzzers/x86_insn/disturb.h"
#include "fuzzers/x86_insn/environment.h"
#include "fuzzers/x86_insn/instruction_bytes.h"
#include "fuzzers/x86_insn/operands.h"
#include "fuzzers/x86_insn/prepare.h"
#include "fuzzers/x86_insn/scenarios.h"

namespace diffvisor::x86_insn {

using namespace insn;

namespace {

// What generate() would have left in the builder when it had made this case.
void resume(Builder& b) {
  const u64* v = b.v;
  b.mode = v[ModeOf];
  b.cpl = cpl_of(v);
  b.paging = (v[Cr0] >> cr0::PG & 1) != 0;
  b.wide = b.paging && (v[Cr4] >> cr4::PAE & 1) != 0;
  for (unsigned i = 0; i < kPatches; ++i) {
    if (v[PatchAddress + i] == 0) continue;
    const u64 address = v[PatchAddress + i], value = v[PatchValue + i];
    b.v[PatchAddress + i] = b.v[PatchValue + i] = 0;
    b.v[PatchAddress + b.patches] = address & ~u64{7};
    b.v[PatchValue + b.patches++] = value;
  }
  const auto& area = b.c.areas[kCodeArea];
  b.code.total = static_cast<unsigned>(std::min(area.size(), b.code.bytes.size()));
  if (b.code.total != 0) std::memcpy(b.code.bytes.data(), area.data(), b.code.total);
  b.code_linear = b.segment_base(kCs) + v[Rip];
  decode(b);
  const MemoryOperand m = memory_operand(b);
  if (!m.exists) return;
  b.operand_linear = linear_of(b, m);
  b.operand_size = operand_bytes_of(b.code);
}

void new_instruction(Builder& b) {
  draw_scenario(b.rng).encode(b);
  choose_inputs(b);
  choose_system_inputs(b);
  if (const MemoryOperand m = memory_operand(b); m.exists) aim_somewhere(b, m);
  fill_memory(b);
  fill_system_memory(b);
}

void change_prefix(Builder& b) {
  static constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e,
                                     0x36, 0x3e, 0x64, 0x65, 0x48, 0x40, 0x4f};
  Code& code = b.code;
  if (code.total > 1 && b.chance(35)) {
    std::memmove(code.bytes.data(), code.bytes.data() + 1, --code.total);
  } else if (code.total < code.bytes.size()) {
    std::memmove(code.bytes.data() + 1, code.bytes.data(), code.total++);
    code.bytes[0] = pick(b.rng, kPrefixes);
  }
  decode(b);
}

void change_byte(Builder& b) {
  if (b.code.length == 0) return;
  const u64 place = b.rng.below(b.code.length);
  b.code.bytes[place] ^= static_cast<u8>(1u << b.rng.below(8));
  decode(b);
}

void aim_again(Builder& b) {
  if (const MemoryOperand m = memory_operand(b); m.exists) aim_somewhere(b, m);
}

void change_register(Builder& b) {
  const unsigned r = static_cast<unsigned>(b.rng.below(b.mode == kLong64 ? 16 : 8));
  b.reg(r) = b.chance(60) ? edge_value(b.rng) : b.reg(r) + b.rng.below(17) - 8;
}

void change_paging(Builder& b) {
  const u64 linear = b.operand_linear != kNowhere && b.chance(60) ? b.operand_linear
                     : b.chance(50)                               ? b.stack_linear(0)
                                                                  : b.code_linear;
  disturb_paging(b, linear, b.chance(60) ? Harm::Any : Harm::Little);
}

void change_descriptor(Builder& b) {
  if (b.chance(50)) return disturb_delivery(b, static_cast<unsigned>(b.rng.below(20)));
  disturb_descriptor(b, choose_selector(b));
}

void change_segment(Builder& b) {
  if (const MemoryOperand m = memory_operand(b); m.exists)
    disturb_segment(b, m.segment, b.operand_linear, b.operand_size);
}

void flip_control(Builder& b) {
  static constexpr Slot kSlotsOf[] = {Cr0, Cr4, Cr4, Efer, Rflags, Rflags, Rflags, Dr7, Pkru};
  const Slot s = pick(b.rng, kSlotsOf);
  b.v[s] ^= bit(static_cast<unsigned>(b.rng.below(s == Efer ? 12 : 32)));
}

void flip_context(Builder& b) {
  static constexpr Slot kSlotsOf[] = {Deliver, RepOne, ExtraSteps, Shadow};
  const Slot s = pick(b.rng, kSlotsOf);
  b.v[s] ^= s == Deliver || s == RepOne ? 1 : b.rng.below(4);
}

void new_flags(Builder& b) { b.v[Rflags] ^= b.rng.next() & (rflags::kStatus | bit(rflags::DF) | bit(rflags::AC)); }

void drop_patch(Builder& b) {
  if (b.patches == 0) return;
  const unsigned i = static_cast<unsigned>(b.rng.below(b.patches--));
  b.v[PatchAddress + i] = b.v[PatchAddress + b.patches];
  b.v[PatchValue + i] = b.v[PatchValue + b.patches];
  b.v[PatchAddress + b.patches] = b.v[PatchValue + b.patches] = 0;
}

constexpr std::array kSteps = {&new_instruction, &change_prefix,      &change_byte,    &aim_again,    &aim_again,
                               &change_register, &change_register,    &change_paging,  &flip_control, &flip_control,
                               &change_segment,  &change_descriptor,  &set_breakpoint, &new_flags,    &flip_context,
                               &drop_patch,      &choose_vector_state};

// One group of fields, as the other case has it.
void borrow(Builder& b, const Case& other) {
  static constexpr std::string_view kGroups[] = {"registers", "control", "debug", "segments", "tables", "msrs", "fpu"};
  const std::string_view group = pick(b.rng, kGroups);
  for (const Field& f : schema().fields)
    if (f.group == group) std::copy_n(other.v.begin() + f.slot, f.count, b.v + f.slot);
}

void store(const Builder& b) {
  const auto* first = reinterpret_cast<const std::byte*>(b.code.bytes.data());
  b.c.areas[kCodeArea].assign(first, first + b.code.total);
}

}  // namespace

void mutate_insn(Rng& rng, Case& c, const Case& other) {
  insn::settle(c.v.data());  // a case from bytes may have no mode
  Builder b(rng, c);
  resume(b);
  if (rng.one_in(12) && other.schema == c.schema && other.v[ModeOf] == b.mode) borrow(b, other);
  do {
    kSteps[rng.below(kSteps.size())](b);
  } while (rng.one_in(2));
  store(b);
  clip_to_widths(c);
}

}  // namespace diffvisor::x86_insn
