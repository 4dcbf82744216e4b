// SPDX-License-Identifier: Apache-2.0
// A machine in the baseline state of a mode, for tests.
#pragma once

#include <initializer_list>

#include "models/x86/decoder/instruction.h"
#include "models/x86/machine.h"

namespace diffvisor::x86 {

struct SlotValue {
  unsigned slot;
  u64 value;
};

class TestMachine {
 public:
  explicit TestMachine(unsigned mode, std::initializer_list<SlotValue> state = {}, u64 features = ~u64{0}) {
    m.v[insn::CapMaxphyaddr] = 46;
    m.v[insn::CapFeatures] = features;
    m.v[insn::ModeOf] = mode;
    insn::golden(m.v.data());
    for (const SlotValue& s : state) m.v[s.slot] = s.value;
    insn::settle(m.v.data());
    m.personality = &personality_;
    m.memory = &memory;
    m.next_rip = m.v[insn::Rip] + 2;
  }
  TestMachine(const TestMachine&) = delete;
  TestMachine& operator=(const TestMachine&) = delete;

  void poke(u64 address, unsigned bytes, u64 value) { memory.write(address, bytes, value); }
  u64 peek(u64 address, unsigned bytes) const { return memory.read(address, bytes); }
  // CPL 3 on flat user segments.
  void to_user() {
    const bool wide = m.v[insn::ModeOf] == insn::kLong64;
    for (unsigned s = insn::kEs; s <= insn::kGs; ++s) {
      const u64 selector = s != insn::kCs ? insn::kSelUserData : wide ? insn::kSelUserCode64 : insn::kSelUserCode32;
      m.v[insn::selector_of(s)] = selector | 3;
      m.v[insn::attr_of(s)] |= 0x60;
    }
  }

  Memory memory;
  Machine m;

 private:
  Personality personality_;
};

// The 64-bit or 32-bit register form of a ModRM instruction.
inline Instruction register_form(u8 opcode, unsigned reg, unsigned rm, unsigned operand_bytes) {
  Instruction i;
  i.opcode = opcode;
  i.has_modrm = true;
  i.modrm = static_cast<u8>(0xc0 | (reg & 7) << 3 | (rm & 7));
  i.rex = static_cast<u8>((reg & 8) >> 1 | rm >> 3);
  i.operand_bytes = static_cast<u8>(operand_bytes);
  i.address_bytes = static_cast<u8>(operand_bytes);
  return i;
}
inline Instruction plain(u8 opcode, unsigned operand_bytes, u64 immediate = 0, u64 immediate2 = 0) {
  Instruction i;
  i.opcode = opcode;
  i.operand_bytes = static_cast<u8>(operand_bytes);
  i.address_bytes = static_cast<u8>(operand_bytes);
  i.immediate = immediate;
  i.immediate2 = immediate2;
  return i;
}

// "#PF(7)", "#UD", "ok": what came of it.
inline std::string story(const Machine& m) {
  if (m.limit != nullptr) return m.limit;
  if (m.has_ended) return insn::outcome_text(m.ended);
  if (!m.fault.raised) return "ok";
  const std::string name = insn::outcome_text(insn::make_outcome(insn::OutcomeKind::Exception, m.fault.vector));
  if (!insn::has_error_code(m.fault.vector)) return name;
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  for (u32 e = m.fault.error_code; e != 0 || hex.empty(); e >>= 4) hex.insert(hex.begin(), kDigits[e & 15]);
  return name + "(" + hex + ")";
}

}  // namespace diffvisor::x86
