// SPDX-License-Identifier: Apache-2.0
#include "fuzzers/x86_insn/stand_ins.h"

#include <algorithm>
#include <initializer_list>

#include "fuzzers/x86_insn/steps.h"
#include "harness/arch/insn/schema.h"
#include "models/x86/decoder/opcode_table.h"

namespace diffvisor::x86_insn {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint8_t kPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
bool is_repeat(std::byte b) { return b == std::byte{0xf2} || b == std::byte{0xf3}; }

// The first instruction of a case in pieces.
struct Pieces {
  Bytes prefixes, operand;  // REX is a prefix; the operand begins with ModRM and has what follows in the area
};

Pieces pieces_of(const Case& c, const x86::Instruction& i) {
  const Bytes& code = c.areas[insn::kCodeArea];
  std::size_t at = 0;
  while (std::ranges::find(kPrefixes, static_cast<std::uint8_t>(code[at])) != std::end(kPrefixes)) ++at;
  if (!i.vex && i.rex != 0) ++at;
  Pieces p;
  p.prefixes.assign(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at));
  const bool short_vex = i.vex && code[at] == std::byte{0xc5};
  const std::size_t opcode_bytes = i.vex ? (short_vex ? 3u : 4u) : i.map == 0 ? 1u : i.map == 1 ? 2u : 3u;
  at = std::min(at + opcode_bytes, code.size());
  if (i.has_modrm) p.operand.assign(code.begin() + static_cast<std::ptrdiff_t>(at), code.end());
  return p;
}

class StandIns {
 public:
  StandIns(const Case& c, const x86::Instruction& i) : c_(c), i_(i), p_(pieces_of(c, i)) {}

  std::vector<Case> all() {
    add({0x90}, false);
    if (i_.has_modrm) of_operand();
    const bool port = i_.map == 0 && ((i_.opcode >= 0xe4 && i_.opcode <= 0xe7) || (i_.opcode & 0xfc) == 0xec ||
                                      (i_.opcode & 0xfc) == 0x6c);
    if (port) add({0xec}, true);
    if (port) add({0xed}, true);
    if (i_.row->has(x86::kString)) of_strings();
    add({0x50}, true);
    add({0x58}, true);
    return std::move(out_);
  }

 private:
  // ADD to it, MOV from it and to it, by bytes and whole; BT, and BTC, which changes what it finds.
  void of_operand() {
    for (const std::uint8_t opcode : std::initializer_list<std::uint8_t>{0x00, 0x01, 0x8a, 0x8b, 0x88, 0x89})
      with_operand({opcode});
    const bool bit_test = i_.map == 1 && (i_.opcode & 0xe7) == 0xa3;
    if (bit_test) with_operand({0x0f, 0xa3});
    if (bit_test) with_operand({0x0f, 0xbb});
    if (i_.map == 1 && i_.opcode == 0x23) with_operand({0x0f, 0x21});
  }

  // The same once, then STOS, LODS and INS.
  void of_strings() {
    add({i_.opcode}, true);
    for (const bool once : {true, false})
      for (const std::uint8_t opcode : std::initializer_list<std::uint8_t>{0xaa, 0xac, 0x6c}) add({opcode}, once);
  }

  void with_operand(std::initializer_list<std::uint8_t> opcode) { add(opcode, false, p_.operand); }

  void add(std::initializer_list<std::uint8_t> opcode, bool once, const Bytes& operand = {}) {
    Case& c = out_.emplace_back(c_);
    Bytes& code = c.areas[insn::kCodeArea];
    code = p_.prefixes;
    if (once) std::erase_if(code, is_repeat);
    for (const std::uint8_t b : opcode) code.push_back(std::byte{b});
    code.insert(code.end(), operand.begin(), operand.end());
    if (code.size() > insn::kMostCode) code.resize(insn::kMostCode);
    if (code == c_.areas[insn::kCodeArea]) is_plainest_ = true;
    if (is_plainest_) out_.pop_back();
  }

  const Case& c_;
  const x86::Instruction& i_;
  Pieces p_;
  bool is_plainest_ = false;  // what follows is less plain than the case itself
  std::vector<Case> out_;
};

void keep(const Case& from, unsigned slot, Case& to) { to[static_cast<Slot>(slot)] = from[static_cast<Slot>(slot)]; }

}  // namespace

std::vector<Case> beginnings(const Case& c) {
  x86::Instruction i;
  const bool repeats = decode_first(c, i) && i.row->has(x86::kString) && i.rep != x86::Rep::None;
  std::vector<Case> out;
  const auto add = [&](std::uint64_t steps, std::uint64_t deliver, std::uint64_t one) {
    Case& shorter = out.emplace_back(c);
    shorter[insn::ExtraSteps] = steps;
    shorter[insn::Deliver] = deliver;
    shorter[insn::RepOne] = one;
  };
  for (std::uint64_t steps = 0; steps <= c[insn::ExtraSteps]; ++steps)
    for (std::uint64_t deliver = 0; deliver <= c[insn::Deliver]; ++deliver) {
      // An iteration is a step, so that it is a beginning only of the first.
      if (repeats && steps == 0 && c[insn::RepOne] == 0) add(steps, deliver, 1);
      add(steps, deliver, c[insn::RepOne]);
    }
  out.pop_back();  // the case itself
  return out;
}

std::vector<Case> stand_ins(const Case& c) {
  x86::Instruction i;
  if (c[insn::ExtraSteps] != 0 || !decode_first(c, i)) return {};
  return StandIns(c, i).all();
}

std::vector<Case> unchecked(const Case& c) {
  x86::Instruction i;
  if (c[insn::ExtraSteps] != 0 || !decode_first(c, i)) return {};
  Case plain = c;
  reset_to_golden(plain);
  for (unsigned slot = insn::Rax; slot <= insn::R15; ++slot)
    if (slot != insn::Rsp) keep(c, slot, plain);
  std::vector<Case> out = {plain, plain};
  reset_to_golden(out.back());
  if (!i.row->has(x86::kString)) return out;
  const auto golden = golden_values(plain);
  for (const std::initializer_list<unsigned> pointers :
       {std::initializer_list<unsigned>{insn::Rsi}, std::initializer_list<unsigned>{insn::Rdi},
        std::initializer_list<unsigned>{insn::Rsi, insn::Rdi}}) {
    Case& less = out.emplace_back(plain);
    for (const unsigned slot : pointers) less[static_cast<Slot>(slot)] = golden[slot];
  }
  return out;
}

}  // namespace diffvisor::x86_insn
