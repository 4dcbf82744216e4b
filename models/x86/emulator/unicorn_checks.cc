// SPDX-License-Identifier: Apache-2.0
// What Unicorn checks before an instruction is carried out, or even fetched; as unicorn.cc, each under its quirk.
#include <algorithm>
#include <utility>

#include "models/x86/decoder/decode.h"
#include "models/x86/decoder/opcode_table.h"
#include "models/x86/emulator/checks.h"
#include "models/x86/emulator/instructions.h"
#include "models/x86/emulator/unicorn.h"
#include "models/x86/emulator/vector_operands.h"
#include "models/x86/system/system_instructions.h"

namespace diffvisor::x86 {
namespace {

// All of the maps 0F38 and 0F3A, integer instructions and those that do not exist too, is subject to the checks of SSE.
void check_as_sse(Machine& m, bool data) {
  if (m.cr0(insn::cr0::TS)) return m.raise(insn::kNM, Cause::DeviceNotAvailable);
  if (m.cr0(insn::cr0::EM) || (data && !m.cr4(insn::cr4::OSFXSR))) m.undefined_opcode(Cause::SystemFlags);
}

void check_as_sse(Machine& m, const Instruction& i) {
  check_as_sse(m, i.vex ? i.row != nullptr && i.row->select.prefixes == 2 : i.operand_prefix);
}

// MOVQ2DQ, MOVDQ2Q and MOVMSKPS take a memory operand for a register, and no displacement.
bool is_move_of_registers(const Instruction& i) {
  if (i.map != 1 || !i.is_memory()) return false;
  return i.opcode == 0x50 || (i.opcode == 0xd6 && !i.vex && i.rep != Rep::None);
}

// Forms that do not exist of opcodes that do are taken for others, with VEX for those without (unicorn_undefined_form).
bool runs_as_neighbour(const Instruction& i) {
  const OpcodeEntry& entry = opcode_entry(static_cast<u16>(i.map << 8 | i.opcode));
  return i.map >= 1 && i.map <= 3 && entry.count + entry.simd_count != 0;
}

bool names_no_segment(const Instruction& i) {
  const bool loads = i.row->handler == &mov_to_segment;
  return (loads || i.row->handler == &mov_from_segment) && (i.group() > insn::kGs || (loads && i.group() == insn::kCs));
}

// The second encoding of TEST has its operand loaded before anybody looks for an immediate.
void test_without_immediate(Machine& m, const Instruction& i) {
  m.next_rip = m.v[insn::Rip] + i.length;
  unicorn_handler(m, i)(m, i);
  m.next_rip = m.v[insn::Rip];
}

// What FXSAVE, XSAVE and SSE4A ask of the control registers before their operand.
void refuse_state(Machine& m, const Instruction& i) {
  const Handler h = i.row->handler;
  const bool ts = m.cr0(insn::cr0::TS), em = m.cr0(insn::cr0::EM);
  const bool sse4a = h == &amd_only && i.map == 1 && (i.opcode == 0x2b || i.opcode == 0x78 || i.opcode == 0x79);
  if ((h == &fxsave || h == &fxrstor) && (ts || em)) m.raise(insn::kNM, Cause::DeviceNotAvailable);
  const bool xsaveopt = h == &xsave && i.map == 1 && i.group() == 6;
  if (h == &xsave && (xsaveopt || !m.cr4(insn::cr4::OSXSAVE))) m.undefined_opcode(Cause::SystemFlags);
  if (i.row->feature == insn::feature::SHA) m.undefined_opcode(Cause::Opcode);
  if (sse4a && ts) m.raise(insn::kNM, Cause::DeviceNotAvailable);
  if (sse4a && (em || !m.cr4(insn::cr4::OSFXSR))) m.undefined_opcode(Cause::SystemFlags);
}

// #UD, #GP or #NM as Unicorn finds it before operands.
void refuse_decoded(Machine& m, std::span<const u8> bytes, std::size_t fetched) {
  Instruction i;
  const DecodeStatus status = decode(decode_mode(m), bytes, i);
  if (m.quirk(Quirk::UnicornSseChecks) && i.map >= 2) check_as_sse(m, i);
  if (is_move_of_registers(i)) m.cannot_judge("memory_form_of_register_move");
  if (status == DecodeStatus::TooLong) m.cannot_judge("instruction_length");
  if (status != DecodeStatus::Ok && runs_as_neighbour(i)) m.cannot_judge("undefined_form");
  if (status != DecodeStatus::Ok) return m.undefined_opcode(Cause::Opcode);
  unicorn_check(m, i);
  check_instruction(m, i);
  if (i.row->has(kPrivileged) && m.cpl() != 0) m.general_protection(Cause::Privilege);
  const bool unavailable = m.cr0(insn::cr0::TS) || m.cr0(insn::cr0::EM);
  if (i.map == 0 && (i.opcode & 0xf8) == 0xd8 && unavailable) m.raise(insn::kNM, Cause::DeviceNotAvailable);
  const bool vmread = i.row->handler == &virtualisation && (i.opcode | 1) == 0x79;  // or VMWRITE
  if (i.map == 1 && ((i.opcode == 0xc7 && i.row->has(kNotModelled)) || vmread)) m.undefined_opcode(Cause::Opcode);
  if (names_no_segment(i)) m.undefined_opcode(Cause::RegisterNumber);
  refuse_state(m, i);
  if (i.row->handler == &undefined || unicorn_lacks(m, i)) m.undefined_opcode(Cause::Opcode);
  const unsigned immediate = i.row->has(kByte) ? 1 : std::min<unsigned>(i.operand_bytes, 4);
  const bool second_test = i.map == 0 && (i.opcode | 1) == 0xf7 && i.group() == 1 && m.quirk(Quirk::UnicornTest);
  if (second_test && fetched + immediate >= i.length) test_without_immediate(m, i);
}

bool is_integer_of_long_map(const Instruction& i) {
  return i.map >= 2 && !i.row->has(kSse | kMmx | kAvx) && !i.row->has(kNotModelled | kUndefined);
}

}  // namespace

void unicorn_begin(Machine& m, const Instruction& i) {
  if (m.quirk(Quirk::UnicornMmx) && i.row->has(kMmx) && i.row->handler != &emms) enter_mmx(m);
  if (m.quirk(Quirk::UnicornSegment) && m.code64() && i.segment_prefix) m.override_base = i.segment;
}

bool unicorn_keeps_rf(const Machine& m, const Instruction& i, bool stepping) {
  const Handler h = i.row->handler;
  if (h == &pushf) return m.quirk(Quirk::UnicornPushf);
  if (!m.quirk(Quirk::UnicornRf)) return false;
  if (h == &xchg_or_nop) return i.rep == Rep::Repe;
  const bool repeats = i.row->has(kString) && i.rep != Rep::None && !stepping && m.v[insn::Shadow] == 0;
  // A jump to another page ends the block.
  const u64 here = m.v[insn::CsBase] + m.v[insn::Rip], next = here + i.length;
  return repeats && (here ^ next) >> 12 == 0;
}

bool is_far_transfer(const Machine& m) {
  const Handler h = m.row == nullptr ? nullptr : m.row->handler;
  if (h == &ret_far && !m.protected_mode()) return false;  // translated like RET
  if (h == &call_far_memory || h == &jmp_far_memory) return m.in_far_frame;
  return h == &iret || h == &ret_far || h == &call_far || h == &jmp_far;
}

namespace {

// As much of a VEX prefix as was fetched, if that is all there is: little can be said before the opcode.
bool refuse_vex_prefix(Machine& m, std::span<const u8> bytes) {
  Instruction i;
  decode(decode_mode(m), bytes, i);
  const auto vex = std::find_if(bytes.begin(), bytes.end(), [](u8 b) { return (b | 1) == 0xc5; });
  if (i.opcode != 0 || i.has_modrm || vex == bytes.end()) return false;
  const auto got = bytes.end() - vex;
  const bool rex = m.code64() && vex != bytes.begin() && (vex[-1] & 0xf0) == 0x40;
  if (got >= 2 && (i.lock || i.operand_prefix || i.rep != Rep::None || rex)) m.undefined_opcode(Cause::Opcode);
  if (got < (*vex == 0xc5 ? 2 : 3)) return true;
  if (i.vex && i.map >= 2 && m.quirk(Quirk::UnicornSseChecks)) check_as_sse(m, (bytes.back() & 3) == 1);
  return i.vex;
}

}  // namespace

void unicorn_refuse(Machine& m, std::span<u8> bytes, std::size_t fetched) {
  if (refuse_vex_prefix(m, bytes.first(fetched))) return;
  Fault found;
  Limit open = nullptr;
  // Whatever the next byte is: it may be the opcode, or ModRM. CR0.TS comes before what that says. Every eighth first:
  // of most instructions one of them is defined.
  for (unsigned n = 0; n < 0x100; ++n) {
    const auto next = static_cast<u8>(n << 3 | n >> 5);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(fetched), bytes.end(), next);
    refuse_decoded(m, bytes, fetched);
    if (m.ok()) return;
    if (m.limit != nullptr) open = std::exchange(m.limit, nullptr);
    const Fault refused = std::exchange(m.fault, {});
    if (found.vector != insn::kNM) found = refused;
  }
  if (open != nullptr) return m.cannot_judge(open);
  m.fault = found;
}

void unicorn_check(Machine& m, const Instruction& i) {
  if (m.quirk(Quirk::UnicornLock)) unicorn_lock(m, i);
  if (m.quirk(Quirk::UnicornSseChecks) && is_integer_of_long_map(i)) check_as_sse(m, i);
  const bool vector = i.row->has(kSse | kMmx);
  if (m.quirk(Quirk::UnicornSseChecks) && vector && m.cr0(insn::cr0::TS)) m.raise(insn::kNM, Cause::DeviceNotAvailable);
  const bool mov_immediate = i.map == 0 && (i.opcode | 1) == 0xc7 && (i.rex & 4) != 0;
  if (m.quirk(Quirk::UnicornTest) && mov_immediate) m.undefined_opcode(Cause::Opcode);
  const bool prefetch = i.map == 1 && (i.opcode == 0x0d || (i.opcode == 0x18 && i.group() < 4));
  if (m.quirk(Quirk::UnicornTest) && prefetch && !i.is_memory()) m.undefined_opcode(Cause::Opcode);
}

}  // namespace diffvisor::x86
